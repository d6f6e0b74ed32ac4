/// Where an exported file comes from; at its top, where its format has a place for that.
package struct ExportHeader: Hashable, Sendable {
  /// The program and its version.
  package var generator: String
  /// When the list was taken, as text: this room reads no clock.
  package var time: String

  package init(generator: String, time: String) {
    self.generator = generator
    self.time = time
  }
}

extension ExportLayout.Header {
  /// Appends the header. `leftOut` is the number of IPv6 entries for which the format has no line.
  func append(
    _ header: ExportHeader, of table: ExportedTable, entries: Int, leftOut: Int, to output: inout [UInt8]
  ) {
    switch self {
    case .comments:
      var lines = ["table \(table.name)", "entries \(entries)"]
      if leftOut > 0 {
        lines.append("IPv6 entries left out \(leftOut)")
      }
      lines.append("generator \(header.generator)")
      lines.append("time \(header.time)")
      for line in lines {
        output.append(contentsOf: "# ".utf8)
        output.append(plain: line)
        output.append(UInt8(ascii: "\n"))
      }
    case .members:
      let members = [("table", table.name), ("generator", header.generator), ("time", header.time)]
      output.append(UInt8(ascii: "{"))
      for (key, value) in members {
        output.append(contentsOf: "\"\(key)\": \"".utf8)
        output.append(plain: value)
        output.append(contentsOf: "\", ".utf8)
      }
      output.append(contentsOf: "\"entries\": \(entries),\n".utf8)
    case .none: break
    }
  }

  /// A file without its header.
  func body(of octets: [UInt8]) -> ArraySlice<UInt8> {
    var body = octets[...]
    switch self {
    case .comments:
      while body.first == UInt8(ascii: "#") { body = body.droppingLine() }
    case .members: body = body.droppingLine()
    case .none: break
    }
    return body
  }
}

extension ArraySlice<UInt8> {
  fileprivate func droppingLine() -> Self {
    firstIndex(of: UInt8(ascii: "\n")).map { self[index(after: $0)...] } ?? []
  }
}

extension [UInt8] {
  /// Appends text that cannot leave its line or its quotes.
  fileprivate mutating func append(plain text: String) {
    append(
      contentsOf: text.utf8.map {
        (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") ? $0 : UInt8(ascii: "?")
      })
  }
}
