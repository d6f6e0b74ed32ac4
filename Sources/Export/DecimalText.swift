package import Primitives

extension [UInt8] {
  /// Appends a number in decimal digits, without making a `String`.
  package mutating func append(decimal value: UInt32) {
    append(addingCapacity: 10) { $0.append(decimal: value) }
  }

  /// Appends an address in dotted notation, without making a `String`.
  package mutating func append(decimal address: IPv4Address) {
    append(addingCapacity: 15) { $0.append(decimal: address) }
  }

  /// Appends a prefix between two texts, in one step.
  ///
  /// - Parameter withHostLength: whether a host has `/32`.
  mutating func append(_ prefix: IPv4Prefix, withHostLength: Bool, before: [UInt8], after: [UInt8]) {
    append(addingCapacity: before.count + 18 + after.count) { text in
      for octet in before { text.append(octet) }
      text.append(decimal: prefix.address)
      if withHostLength || !prefix.isHost {
        text.append(UInt8(ascii: "/"))
        text.append(decimal: UInt32(prefix.length))
      }
      for octet in after { text.append(octet) }
    }
  }
}

extension OutputSpan<UInt8> {
  fileprivate mutating func append(decimal address: IPv4Address) {
    append(decimal: address.value >> 24)
    append(UInt8(ascii: "."))
    append(decimal: address.value >> 16 & 255)
    append(UInt8(ascii: "."))
    append(decimal: address.value >> 8 & 255)
    append(UInt8(ascii: "."))
    append(decimal: address.value & 255)
  }

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
