import CNetfilter
import Glibc
import Primitives

/// An address of an interface as rtnetlink tells it (rtnetlink(7), linux/if_addr.h).
enum InterfaceAddress {
  /// The header of a question for those of all families, in words: AF_UNSPEC and zeros.
  static let question: [UInt32] = [0, 0]

  /// The host's own address in the payload of an RTM_NEWADDR message, or `nil` when it is of neither IPv4 nor IPv6.
  ///
  ///      0        1        2        3
  ///     +--------+--------+--------+--------+
  ///     | family | length | flags  | scope  |
  ///     +--------+--------+--------+--------+
  ///     | index of the interface            |
  ///     +--------+--------+--------+--------+
  ///     | attributes ...
  static func address(in payload: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) -> IPAddress? {
    var reader = payload
    let family = try reader.readOctet(octets)
    guard reader.take(7) != nil else { throw MalformedReply() }
    guard family == AF_INET || family == AF_INET6 else { return nil }
    var local: IPAddress?
    var address: IPAddress?
    while let attribute = try reader.nextAttribute(octets) {
      switch Int(attribute.type) {
      case IFA_LOCAL: local = try IPAddress(attribute.payload, family: family, octets)
      case IFA_ADDRESS: address = try IPAddress(attribute.payload, family: family, octets)
      default: break
      }
    }
    // On a point-to-point link IFA_ADDRESS is the other end; IPv6 has no IFA_LOCAL elsewhere (linux/if_addr.h).
    guard let own = local ?? address else { throw MalformedReply() }
    return own
  }
}

/// A route as rtnetlink tells it, as far as its next hops are concerned (rtnetlink(7), linux/rtnetlink.h).
struct Route: Equatable {
  /// The length of its destination: zero is a default route.
  let length: UInt8
  /// The addresses of its next hops. What is reached directly, and what is this host's own, has none.
  let nextHops: [IPAddress]

  /// Reads the payload of an RTM_NEWROUTE message:
  ///
  ///      0        1        2        3
  ///     +--------+--------+--------+--------+
  ///     | family | length | source | TOS    |    length: of the destination
  ///     +--------+--------+--------+--------+
  ///     | table  | origin | scope  | type   |
  ///     +--------+--------+--------+--------+
  ///     | flags                             |
  ///     +--------+--------+--------+--------+
  ///     | attributes ...
  init(_ payload: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) {
    var reader = payload
    let family = try reader.readOctet(octets)
    length = try reader.readOctet(octets)
    guard reader.take(5) != nil else { throw MalformedReply() }
    let type = try reader.readOctet(octets)
    guard reader.take(4) != nil else { throw MalformedReply() }
    nextHops = Int(type) == RTN_UNICAST ? try Self.nextHops(in: reader, family, octets) : []
  }

  private static func nextHops(
    in attributes: OctetReader, _ family: UInt8, _ octets: Span<UInt8>
  ) throws(MalformedReply) -> [IPAddress] {
    var reader = attributes
    var hops: [IPAddress] = []
    while let attribute = try reader.nextAttribute(octets) {
      if attribute.type == RTA_MULTIPATH.rawValue {
        hops += try paths(in: attribute.payload, family, octets)
      } else if let hop = try nextHop(in: attribute, family, octets) {
        hops.append(hop)
      }
    }
    return hops
  }

  /// The next hops of RTA_MULTIPATH, which is a row of these, each padded to four octets:
  ///
  ///      0        1        2        3
  ///     +--------+--------+--------+--------+
  ///     | length          | flags  | weight |    length: with what follows, without the padding
  ///     +--------+--------+--------+--------+
  ///     | index of the interface            |
  ///     +--------+--------+--------+--------+
  ///     | attributes ...
  private static func paths(
    in payload: OctetReader, _ family: UInt8, _ octets: Span<UInt8>
  ) throws(MalformedReply) -> [IPAddress] {
    var reader = payload
    var hops: [IPAddress] = []
    while !reader.isAtEnd {
      let length = Int(try reader.readHostUInt16(octets))
      guard reader.take(6) != nil, var attributes = reader.take(length - 8) else { throw MalformedReply() }
      reader.skipPadding(after: length)
      while let attribute = try attributes.nextAttribute(octets) {
        if let hop = try nextHop(in: attribute, family, octets) { hops.append(hop) }
      }
    }
    return hops
  }

  /// The next hop that one attribute of a route, or of one of its paths, tells.
  private static func nextHop(
    in attribute: NetlinkAttribute, _ family: UInt8, _ octets: Span<UInt8>
  ) throws(MalformedReply) -> IPAddress? {
    switch attribute.type {
    case RTA_GATEWAY.rawValue:
      return try IPAddress(attribute.payload, family: family, octets)
    case RTA_VIA.rawValue:
      // A router of another family than the route: which, in two octets, then its address (struct rtvia).
      var via = attribute.payload
      let family = UInt8(clamping: try via.readHostUInt16(octets))
      return try IPAddress(via, family: family, octets)
    default:
      return nil
    }
  }

  /// Writes the question for the route to `destination`, as it stands in the routing table.
  static func appendQuestion(about destination: IPAddress, sequence: UInt32, to writer: inout NetlinkWriter) {
    let start = writer.beginMessage(type: UInt16(RTM_GETROUTE), flags: UInt16(NLM_F_REQUEST), sequence: sequence)
    let family = destination.family == .ipv4 ? UInt8(AF_INET) : UInt8(AF_INET6)
    writer.put(octets: family, destination.family.bits, 0, 0)
    writer.put(octets: 0, 0, 0, 0)
    // Without it the answer is a route to the one address, which hides the length, and one of several paths.
    writer.append(UInt32(RTM_F_FIB_MATCH))
    switch destination {
    case .v4(let address):
      writer.append(NetlinkWriter.attributeHeader(RTA_DST.rawValue, length: 4 + 4 * IPv4Address.keyWords))
      address.append(to: &writer)
    case .v6(let address):
      writer.append(NetlinkWriter.attributeHeader(RTA_DST.rawValue, length: 4 + 4 * IPv6Address.keyWords))
      address.append(to: &writer)
    }
    writer.endMessage(at: start)
  }
}

extension IPAddress {
  /// All of what `reader` has left, as an address of a family of the kernel's numbering; `nil` when we know none such.
  fileprivate init?(_ reader: OctetReader, family: UInt8, _ octets: Span<UInt8>) throws(MalformedReply) {
    switch Int32(family) {
    case AF_INET:
      guard let address = IPv4Address(reader, octets) else { throw MalformedReply() }
      self = .v4(address)
    case AF_INET6:
      guard let address = IPv6Address(reader, octets) else { throw MalformedReply() }
      self = .v6(address)
    default:
      return nil
    }
  }
}

extension OctetReader {
  fileprivate mutating func readOctet(_ octets: Span<UInt8>) throws(MalformedReply) -> UInt8 {
    guard let value = readUInt8(octets) else { throw MalformedReply() }
    return value
  }
}
