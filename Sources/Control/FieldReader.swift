import Primitives

/// Reads the field types of the control protocol; what is missing or out of range is a `.malformed`.
///
/// As with `OctetReader`, the span is passed to each read.
struct FieldReader {
  private var reader: OctetReader

  init(_ payload: Range<Int>, of octets: Span<UInt8>) {
    reader = OctetReader(payload, of: octets)
  }

  /// Octets left.
  var count: Int { reader.count }

  /// The payload must be used up: octets after the last field mean that the two sides disagree about it.
  func finish() throws(ControlError) {
    guard reader.isAtEnd else { throw .malformed("\(reader.count) octets too many") }
  }

  private static func ended() -> ControlError { .malformed("it ends in the middle of a field") }

  mutating func uint8(_ octets: Span<UInt8>) throws(ControlError) -> UInt8 {
    guard let value = reader.readUInt8(octets) else { throw Self.ended() }
    return value
  }

  mutating func uint16(_ octets: Span<UInt8>) throws(ControlError) -> UInt16 {
    guard let value = reader.readUInt16(octets) else { throw Self.ended() }
    return value
  }

  mutating func uint32(_ octets: Span<UInt8>) throws(ControlError) -> UInt32 {
    guard let value = reader.readUInt32(octets) else { throw Self.ended() }
    return value
  }

  mutating func uint64(_ octets: Span<UInt8>) throws(ControlError) -> UInt64 {
    guard let value = reader.readUInt64(octets) else { throw Self.ended() }
    return value
  }

  mutating func bool(_ octets: Span<UInt8>) throws(ControlError) -> Bool {
    switch try uint8(octets) {
    case 0: return false
    case 1: return true
    case let other: throw .malformed("\(other) as a truth value")
    }
  }

  /// Invalid UTF-8 is repaired: a text is only ever shown.
  mutating func text(_ octets: Span<UInt8>) throws(ControlError) -> String {
    let length = try uint32(octets)
    guard let text = reader.readOctets(Int(length), octets) else { throw Self.ended() }
    return String(decoding: text, as: UTF8.self)
  }

  mutating func texts(_ octets: Span<UInt8>) throws(ControlError) -> [String] {
    try array(of: 4, octets) { (reader, octets) throws(ControlError) in try reader.text(octets) }
  }

  mutating func family(_ octets: Span<UInt8>) throws(ControlError) -> AddressFamily {
    let value = try uint8(octets)
    guard let family = AddressFamily(rawValue: UInt16(value)) else { throw .malformed("address family \(value)") }
    return family
  }

  mutating func ipv4Address(_ octets: Span<UInt8>) throws(ControlError) -> IPv4Address {
    IPv4Address(try uint32(octets))
  }

  mutating func ipv6Address(_ octets: Span<UInt8>) throws(ControlError) -> IPv6Address {
    IPv6Address(high: try uint64(octets), low: try uint64(octets))
  }

  mutating func address(_ octets: Span<UInt8>) throws(ControlError) -> IPAddress {
    switch try family(octets) {
    case .ipv4: .v4(try ipv4Address(octets))
    case .ipv6: .v6(try ipv6Address(octets))
    }
  }

  mutating func ipv4Prefix(_ octets: Span<UInt8>) throws(ControlError) -> IPv4Prefix {
    let length = try uint8(octets)
    guard let prefix = IPv4Prefix(try ipv4Address(octets), length: length) else {
      throw .malformed("an IPv4 prefix length of \(length)")
    }
    return prefix
  }

  mutating func ipv6Prefix(_ octets: Span<UInt8>) throws(ControlError) -> IPv6Prefix {
    let length = try uint8(octets)
    guard let prefix = IPv6Prefix(try ipv6Address(octets), length: length) else {
      throw .malformed("an IPv6 prefix length of \(length)")
    }
    return prefix
  }

  mutating func prefix(_ octets: Span<UInt8>) throws(ControlError) -> Prefix {
    switch try family(octets) {
    case .ipv4: .v4(try ipv4Prefix(octets))
    case .ipv6: .v6(try ipv6Prefix(octets))
    }
  }

  /// The count of an array whose elements take at least `size` octets each, so that a false count is refused before
  /// anything is reserved for it.
  mutating func arrayCount(of size: Int, _ octets: Span<UInt8>) throws(ControlError) -> Int {
    let elements = try uint32(octets)
    guard Int(elements) <= reader.count / max(1, size) else { throw Self.ended() }
    return Int(elements)
  }

  mutating func array<Value>(
    of size: Int, _ octets: Span<UInt8>, _ body: (inout FieldReader, Span<UInt8>) throws(ControlError) -> Value
  ) throws(ControlError) -> [Value] {
    let elements = try arrayCount(of: size, octets)
    var values: [Value] = []
    values.reserveCapacity(elements)
    for _ in 0..<elements {
      values.append(try body(&self, octets))
    }
    return values
  }
}
