import CNetfilter
import Primitives

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
