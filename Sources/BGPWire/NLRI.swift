import Primitives

/// Network Layer Reachability Information (RFC 4271 §4.3): a list of prefixes, each a length in bits and as many octets as it needs.
///
///     +---------------+---------------------------
///     | Length (bits) | Prefix (0 to 16 octets)
///     +---------------+---------------------------
enum NLRI {
  /// Appends the IPv4 prefixes that fill `field`.
  ///
  /// - Returns: false when the field is syntactically incorrect (RFC 7606 §5.3): a length over 32, or one that overruns the field.
  ///   Bits beyond the length are ignored (RFC 4271 §4.3).
  static func decodeIPv4(_ field: OctetReader, in octets: Span<UInt8>, into prefixes: inout [IPv4Prefix]) -> Bool {
    var reader = field
    while let length = reader.readUInt8(octets) {
      guard length <= 32 else { return false }
      var value: UInt32 = 0
      for shift in stride(from: 24, to: 24 - Int(length), by: -8) {
        guard let octet = reader.readUInt8(octets) else { return false }
        value |= UInt32(octet) << UInt32(max(shift, 0))
      }
      guard let prefix = IPv4Prefix(IPv4Address(value), length: length) else { return false }
      prefixes.append(prefix)
    }
    return true
  }

  /// Appends the IPv6 prefixes that fill `field`; false as for `decodeIPv4`, with 128 for 32.
  static func decodeIPv6(_ field: OctetReader, in octets: Span<UInt8>, into prefixes: inout [IPv6Prefix]) -> Bool {
    var reader = field
    while let length = reader.readUInt8(octets) {
      guard length <= 128 else { return false }
      var high: UInt64 = 0
      var low: UInt64 = 0
      for index in 0..<(Int(length) + 7) / 8 {
        guard let octet = reader.readUInt8(octets) else { return false }
        if index < 8 {
          high |= UInt64(octet) << UInt64(56 - 8 * index)
        } else {
          low |= UInt64(octet) << UInt64(120 - 8 * index)
        }
      }
      guard let prefix = IPv6Prefix(IPv6Address(high: high, low: low), length: length) else { return false }
      prefixes.append(prefix)
    }
    return true
  }

  static func encode(_ prefix: IPv4Prefix, into writer: inout OctetWriter) {
    writer.write(prefix.length)
    for index in 0..<(Int(prefix.length) + 7) / 8 {
      writer.write(UInt8(truncatingIfNeeded: prefix.address.value >> UInt32(24 - 8 * index)))
    }
  }

  static func encode(_ prefix: IPv6Prefix, into writer: inout OctetWriter) {
    writer.write(prefix.length)
    for index in 0..<(Int(prefix.length) + 7) / 8 {
      let half = index < 8 ? prefix.address.high : prefix.address.low
      writer.write(UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * (index % 8))))
    }
  }
}
