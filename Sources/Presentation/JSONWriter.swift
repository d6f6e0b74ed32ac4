/// Writes JSON laid out as bgpctl(8) does: tabs, a member a line, a blank line in an empty answer.
///
/// It writes what it is told in the order it is told; keys are not checked for duplicates.
struct JSONWriter {
  private(set) var octets: [UInt8] = Array("{\n".utf8)
  /// For each open object or array, whether it has a member yet.
  private var hasMember = [false]
  private var closers: [UInt8] = []

  mutating func beginObject(_ name: String? = nil) {
    begin(name, "{", closer: "}")
  }

  mutating func beginArray(_ name: String) {
    begin(name, "[", closer: "]")
  }

  /// Closes the object or array opened last.
  mutating func end() {
    guard let closer = closers.popLast() else { return }
    _ = hasMember.popLast()
    octets.append(UInt8(ascii: "\n"))
    indent()
    octets.append(closer)
  }

  mutating func member(_ name: String, _ text: String) {
    lead(name)
    quote(text)
  }

  mutating func member(_ name: String, _ number: some BinaryInteger) {
    lead(name)
    octets.append(contentsOf: String(number).utf8)
  }

  mutating func member(_ name: String, _ flag: Bool) {
    lead(name)
    octets.append(contentsOf: (flag ? "true" : "false").utf8)
  }

  /// An array of texts, which is left out when there are none.
  mutating func members(_ name: String, _ texts: [String]) {
    guard !texts.isEmpty else { return }
    beginArray(name)
    for text in texts {
      lead(nil)
      quote(text)
    }
    end()
  }

  /// Closes everything that is open, and the document.
  mutating func finish() {
    while !closers.isEmpty { end() }
    octets.append(contentsOf: "\n}\n".utf8)
  }

  /// Takes what was written so far.
  mutating func take() -> [UInt8] {
    defer { octets = [] }
    return octets
  }

  private mutating func begin(_ name: String?, _ opener: Unicode.Scalar, closer: Unicode.Scalar) {
    lead(name)
    octets.append(UInt8(ascii: opener))
    octets.append(UInt8(ascii: "\n"))
    closers.append(UInt8(ascii: closer))
    hasMember.append(false)
  }

  private mutating func lead(_ name: String?) {
    if hasMember.last == true {
      octets.append(contentsOf: ",\n".utf8)
    }
    hasMember[hasMember.endIndex - 1] = true
    indent()
    if let name {
      quote(name)
      octets.append(contentsOf: ": ".utf8)
    }
  }

  private mutating func indent() {
    octets.append(contentsOf: repeatElement(UInt8(ascii: "\t"), count: hasMember.count))
  }

  private mutating func quote(_ text: String) {
    octets.append(UInt8(ascii: "\""))
    if text.utf8.contains(where: Self.needsEscape) {
      escape(text)
    } else {
      octets.append(contentsOf: text.utf8)
    }
    octets.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ octet: UInt8) -> Bool {
    octet < 0x20 || octet == 0x7F || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\")
  }

  private mutating func escape(_ text: String) {
    for octet in text.utf8 {
      switch octet {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        octets.append(UInt8(ascii: "\\"))
        octets.append(octet)
      case 0..<0x20, 0x7F:
        let digits = String(octet, radix: 16)
        octets.append(contentsOf: "\\u00\(digits.utf8.count < 2 ? "0" : "")\(digits)".utf8)
      default:
        octets.append(octet)
      }
    }
  }
}
