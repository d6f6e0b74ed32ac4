import CNetfilter
import Primitives

/// The kernel sent something that is not netlink, or not what was asked for.
struct MalformedReply: Error {}

/// One netlink message of a datagram.
struct NetlinkMessage {
  let type: UInt16
  let flags: UInt16
  let sequence: UInt32
  /// The socket that it answers, or whose commit it tells of.
  let portID: UInt32
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
    let portID = try readHostUInt32(octets)
    guard let payload = take(length - 16) else { throw MalformedReply() }
    skipPadding(after: length)
    return NetlinkMessage(type: type, flags: flags, sequence: sequence, portID: portID, payload: payload)
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

  /// Skips what fills the last four octets of something that is `length` octets long, as far as there is any of it.
  mutating func skipPadding(after length: Int) {
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

/// The kernel's verdict on one request: an error, or the confirmation that there was none.
struct Acknowledgement {
  /// Zero, or an `errno`.
  let errorNumber: Int32
  /// The text of the extended acknowledgement, if there was one.
  let explanation: String
  /// Where in the request the attribute stands that was wrong, in octets from its start.
  let offset: Int?
}

/// A message from the kernel, by what it means for whoever waits.
enum NetlinkReply {
  /// The answer, or a part of it.
  case data(NetlinkMessage)
  /// The end of a dump. `isInterrupted`: what was dumped changed meanwhile.
  case done(errorNumber: Int32, isInterrupted: Bool)
  case acknowledgement(Acknowledgement)

  init(_ message: NetlinkMessage, _ octets: Span<UInt8>) throws(MalformedReply) {
    var reader = message.payload
    switch Int32(message.type) {
    case NLMSG_ERROR:
      let errorNumber = try reader.readErrorNumber(octets)
      self = .acknowledgement(try Acknowledgement(errorNumber, message.flags, reader, octets))
    case NLMSG_DONE:
      // Older kernels send no status when there is none to report.
      let errorNumber = reader.isAtEnd ? 0 : try reader.readErrorNumber(octets)
      self = .done(errorNumber: errorNumber, isInterrupted: message.isInterrupted)
    default:
      self = .data(message)
    }
  }
}

extension NetlinkMessage {
  /// Whether the kernel says that what is being dumped changed since the dump began.
  var isInterrupted: Bool { flags & UInt16(NLM_F_DUMP_INTR) != 0 }
}

extension Acknowledgement {
  /// Reads what follows the error number: the header of the request, the rest of it unless capped, and the attributes of the
  /// extended acknowledgement (Documentation/userspace-api/netlink/intro.rst).
  fileprivate init(
    _ errorNumber: Int32, _ flags: UInt16, _ rest: OctetReader, _ octets: Span<UInt8>
  ) throws(MalformedReply) {
    var reader = rest
    let length = Int(try reader.readHostUInt32(octets))
    guard reader.take(12) != nil else { throw MalformedReply() }
    var text = ""
    var offset: Int?
    if flags & UInt16(NLM_F_ACK_TLVS) != 0 {
      if errorNumber != 0, flags & UInt16(NLM_F_CAPPED) == 0 {
        guard length >= 16, reader.take(length - 16 + (-length & 3)) != nil else { throw MalformedReply() }
      }
      while let attribute = try reader.nextAttribute(octets) {
        if attribute.type == NLMSGERR_ATTR_MSG.rawValue {
          text = try attribute.text(octets)
        } else if attribute.type == NLMSGERR_ATTR_OFFS.rawValue {
          var value = attribute.payload
          offset = Int(try value.readHostUInt32(octets))
        }
      }
    }
    self.init(errorNumber: errorNumber, explanation: text, offset: offset)
  }
}

extension OctetReader {
  /// A status as netlink carries it: zero or a negative `errno`.
  fileprivate mutating func readErrorNumber(_ octets: Span<UInt8>) throws(MalformedReply) -> Int32 {
    0 &- Int32(bitPattern: try readHostUInt32(octets))
  }
}
