package import Primitives

extension [UInt8] {
  /// Appends a number in decimal digits, without making a `String`.
  package mutating func append(decimal value: UInt32) {
    guard value >= 10 else {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value))
      return
    }
    append(decimal: value / 10)
    append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
  }

  /// Appends an address in dotted notation, without making a `String`.
  package mutating func append(decimal address: IPv4Address) {
    append(decimal: address.value >> 24)
    append(UInt8(ascii: "."))
    append(decimal: address.value >> 16 & 255)
    append(UInt8(ascii: "."))
    append(decimal: address.value >> 8 & 255)
    append(UInt8(ascii: "."))
    append(decimal: address.value & 255)
  }
}
