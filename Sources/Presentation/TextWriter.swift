/// Collects output as octets; widths count octets, as those of printf(3) do.
struct TextWriter {
  var octets: [UInt8] = []

  mutating func write(_ text: String) {
    octets.append(contentsOf: text.utf8)
  }

  mutating func line(_ text: String = "") {
    write(text)
    octets.append(UInt8(ascii: "\n"))
  }

  /// `%-WIDTHs`.
  mutating func left(_ text: String, _ width: Int) {
    write(text)
    spaces(width - text.utf8.count)
  }

  /// `%WIDTHs`.
  mutating func right(_ text: String, _ width: Int) {
    spaces(width - text.utf8.count)
    write(text)
  }

  /// `%WIDTHu`.
  mutating func right(_ number: some UnsignedInteger, _ width: Int) {
    right(String(number), width)
  }

  mutating func spaces(_ count: Int) {
    octets.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(0, count)))
  }

  /// Takes what was collected.
  mutating func take() -> [UInt8] {
    defer { octets = [] }
    return octets
  }
}
