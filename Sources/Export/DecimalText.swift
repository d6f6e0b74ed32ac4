package import Primitives

extension [UInt8] {
  /// Appends a number in decimal digits, without making a `String`.
  package mutating func append(decimal value: UInt32) {
    append(addingCapacity: 10) { $0.append(decimal: value) }
  }

  /// Appends an address in dotted notation, without making a `String`.
  package mutating func append(decimal address: IPv4Address) {
    append(addingCapacity: 15) { text in
      text.append(decimal: address.value >> 24)
      text.append(UInt8(ascii: "."))
      text.append(decimal: address.value >> 16 & 255)
      text.append(UInt8(ascii: "."))
      text.append(decimal: address.value >> 8 & 255)
      text.append(UInt8(ascii: "."))
      text.append(decimal: address.value & 255)
    }
  }
}

extension OutputSpan<UInt8> {
  fileprivate mutating func append(decimal value: UInt32) {
    // Octets, mostly.
    if value >= 1000 { append(decimal: value / 1000) }
    if value >= 100 { append(digit: value / 100 % 10) }
    if value >= 10 { append(digit: value / 10 % 10) }
    append(digit: value % 10)
  }

  private mutating func append(digit: UInt32) {
    append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit))
  }
}
