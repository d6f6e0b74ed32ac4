/// The comment lines at the top of an exported file.
package struct ExportHeader: Hashable, Sendable {
  /// Name of the table.
  package var table: String
  /// The program and its version.
  package var generator: String
  /// When the list was taken, as text: this room reads no clock.
  package var time: String

  package init(table: String, generator: String, time: String) {
    self.table = table
    self.generator = generator
    self.time = time
  }

  /// Appends the lines. `leftOut` is the number of IPv6 entries for which the format has no line.
  func append(to output: inout [UInt8], entries: Int, leftOut: Int) {
    var lines = ["table \(table)", "entries \(entries)"]
    if leftOut > 0 {
      lines.append("IPv6 entries left out \(leftOut)")
    }
    lines.append("generator \(generator)")
    lines.append("time \(time)")
    for line in lines {
      output.append(contentsOf: "# ".utf8)
      // A table's name may be any quoted text: what could end the comment early must not reach the file.
      output.append(contentsOf: line.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") })
      output.append(UInt8(ascii: "\n"))
    }
  }
}
