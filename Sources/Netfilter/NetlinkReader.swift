import CNetfilter
import Primitives

/// The kernel sent something that is not netlink, or not what was asked for.
struct MalformedReply: Error {}

/// One netlink message of a datagram.
struct NetlinkMessage {
  let type: UInt16
  let flags: UInt16
  let sequence: UInt32
  /// What follows the `nlmsghdr`.
  var payload: OctetReader
}

/// One attribute: its type without the flag bits, and its payload.
struct NetlinkAttribute {
  let type: UInt32
  var payload: OctetReader
}

/// Netlink over the bounds-checked cursor: lengths and types in host order, everything padded to four octets.
extension OctetReader {
  mutating func readHostUInt16(_ octets: Span<UInt8>) throws(MalformedReply) -> UInt16 {
    guard let value = readUInt16(octets) else { throw MalformedReply() }
    return UInt16(bigEndian: value)
  }

  mutating func readHostUInt32(_ octets: Span<UInt8>) throws(MalformedReply) -> UInt32 {
    guard let value = readUInt32(octets) else { throw MalformedReply() }
    return UInt32(bigEndian: value)
  }

  /// The next message, or `nil` at the end.
  mutating func nextMessage(_ octets: Span<UInt8>) throws(MalformedReply) -> NetlinkMessage? {
    guard !isAtEnd else { return nil }
    let length = Int(try readHostUInt32(octets))
    let type = try readHostUInt16(octets)
    let flags = try readHostUInt16(octets)
    let sequence = try readHostUInt32(octets)
    _ = try readHostUInt32(octets)
    guard let payload = take(length - 16) else { throw MalformedReply() }
    skipPadding(after: length)
    return NetlinkMessage(type: type, flags: flags, sequence: sequence, payload: payload)
  }

  /// The next attribute, or `nil` at the end.
  mutating func nextAttribute(_ octets: Span<UInt8>) throws(MalformedReply) -> NetlinkAttribute? {
    guard !isAtEnd else { return nil }
    let length = Int(try readHostUInt16(octets))
    let type = UInt32(try readHostUInt16(octets) & ~UInt16(NLA_F_NESTED | NLA_F_NET_BYTEORDER))
    guard let payload = take(length - 4) else { throw MalformedReply() }
    skipPadding(after: length)
    return NetlinkAttribute(type: type, payload: payload)
  }

  /// Skips the `nfgenmsg` with which each message of nf_tables starts.
  mutating func skipFamilyHeader() throws(MalformedReply) {
    guard take(4) != nil else { throw MalformedReply() }
  }

  private mutating func skipPadding(after length: Int) {
    _ = take(min(count, -length & 3))
  }
}

extension NetlinkAttribute {
  /// The payload as a number in network byte order.
  func number(_ octets: Span<UInt8>) throws(MalformedReply) -> UInt32 {
    var reader = payload
    guard let value = reader.readUInt32(octets) else { throw MalformedReply() }
    return value
  }

  /// The payload as a 64-bit number in network byte order.
  func longNumber(_ octets: Span<UInt8>) throws(MalformedReply) -> UInt64 {
    var reader = payload
    guard let value = reader.readUInt64(octets) else { throw MalformedReply() }
    return value
  }

  /// The payload as text, up to its NUL.
  func text(_ octets: Span<UInt8>) throws(MalformedReply) -> String {
    var reader = payload
    guard let value = reader.readOctets(reader.count, octets) else { throw MalformedReply() }
    return String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
  }
}
