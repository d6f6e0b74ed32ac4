import Glibc
import Primitives
import Testing

@testable import Netfilter

/// The octets of rtnetlink. These need no kernel and run everywhere.
@Suite("Addresses and routes, in octets")
struct HostNetworkByteTests {
  // RTM_GETADDR, as the kernel (6.18) answers it with flags REQUEST|DUMP, after
  //   ip addr add 192.0.2.10/24 dev host0; ip addr add 192.0.2.20 peer 198.51.100.20 dev host0
  //   ip addr add 2001:db8::10/64 dev host0 nodad
  private static let addresses = octets(
    """
    4c000000 1400 0200 01000000 712b0000 02 08 80 fe 01000000   # NEWADDR, inet /8, host; lo
      0800 0100 7f000001  0800 0200 7f000001  0700 0300 6c6f0000
      0800 0800 80000000  1400 0600 ffffffff ffffffff 20191300 20191300
    50000000 1400 0200 01000000 712b0000 02 18 80 00 03000000   # NEWADDR, inet /24, host0
      0800 0100 c000020a  0800 0200 c000020a  0a00 0300 686f7374 30000000
      0800 0800 80000000  1400 0600 ffffffff ffffffff 22191300 22191300
    50000000 1400 0200 01000000 712b0000 02 20 80 00 03000000   # NEWADDR, inet /32, host0
      0800 0100 c6336414                                        # ADDRESS, of the other end
      0800 0200 c0000214                                        # LOCAL
      0a00 0300 686f7374 30000000
      0800 0800 80000000  1400 0600 ffffffff ffffffff 22191300 22191300
    50000000 1400 0200 01000000 712b0000 0a 80 80 fe 01000000   # NEWADDR, inet6 /128, host; lo
      1400 0100 00000000 00000000 00000000 00000001
      1400 0600 ffffffff ffffffff 20191300 20191300  0800 0800 80000000  0500 0b00 01000000
    48000000 1400 0200 01000000 712b0000 0a 40 82 00 03000000   # NEWADDR, inet6 /64, host0
      1400 0100 20010db8 00000000 00000000 00000010
      1400 0600 ffffffff ffffffff c6141300 c6141300  0800 0800 82000000
    """)

  // RTM_GETROUTE, as the kernel (6.18) answers ip route get fibmatch DESTINATION after
  //   ip -4 route add default via inet6 fe80::2 dev host0
  //   ip route add 203.0.113.0/24 nexthop via 192.0.2.1 weight 2 nexthop via inet6 fe80::3 dev host0
  //   ip -6 route add default nexthop via 2001:db8::1 nexthop via 2001:db8::2
  private static let routes = octets(
    """
    44000000 1800 0000 01000000 712b0000 02 00 00 00 fe 03 00 01 00000000   # NEWROUTE, inet /0, main, boot, unicast
      0800 0f00 fe000000                                                    # TABLE
      1600 1200 0a00 fe800000 00000000 00000000 00000002 0000               # VIA inet6
      0800 0400 03000000                                                    # OIF
    60000000 1800 0000 01000000 712b0000 02 18 00 00 fe 03 00 01 00000000   # NEWROUTE, inet /24
      0800 0f00 fe000000  0800 0100 cb007100                                # TABLE, DST
      3400 0900                                                             # MULTIPATH
        1000 00 01 03000000  0800 0500 c0000201                             # weight 2, GATEWAY
        2000 00 00 03000000  1600 1200 0a00 fe800000 00000000 00000000 00000003 0000
    94000000 1800 0000 01000000 712b0000 0a 00 00 00 fe 03 00 01 00000000   # NEWROUTE, inet6 /0
      0800 0f00 fe000000  0800 0600 00040000                                # TABLE, PRIORITY
      3c00 0900
        1c00 00 00 03000000  1400 0500 20010db8 00000000 00000000 00000002
        1c00 00 00 03000000  1400 0500 20010db8 00000000 00000000 00000001
      2400 0c00 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
      0500 1400 00000000
    """)

  @Test("Of each address the host's own end is read")
  func ownAddresses() throws {
    let wanted = try ["127.0.0.1", "192.0.2.10", "192.0.2.20", "::1", "2001:db8::10"].map(address)
    #expect(Self.addresses(in: Self.addresses) == wanted)
  }

  @Test("An address of another family than IPv4 and IPv6 is passed over, whatever it looks like")
  func otherFamily() {
    // Of AF_PHONET, with an IFA_LOCAL of one octet.
    let phonet = octets("20000000 1400 0200 01000000 712b0000 23 00 00 00 03000000  0500 0200 6c000000")
    #expect(Self.addresses(in: phonet) == [])
  }

  @Test("An address without octets, or with more or fewer than its family has, is malformed")
  func wrongAddresses() {
    for wrong in [
      "18000000 1400 0200 01000000 712b0000 02 18 80 00 03000000",
      "20000000 1400 0200 01000000 712b0000 02 18 80 00 03000000  0700 0200 c0000200",
      "20000000 1400 0200 01000000 712b0000 0a 40 80 00 03000000  0800 0200 c0000201",
      "24000000 1400 0200 01000000 712b0000 02 18 80 00 03000000  0c00 0200 c0000201 00000000",
      "14000000 1400 0200 01000000 712b0000 02 18 80 00",
    ] {
      #expect(Self.addresses(in: octets(wrong)) == nil, "\(wrong)")
    }
  }

  @Test("Of each route the length and the next hops of all its paths are read")
  func nextHops() throws {
    let read = try #require(Self.routes(in: Self.routes))
    #expect(read.map(\.length) == [0, 24, 0])
    let hops = [["fe80::2"], ["192.0.2.1", "fe80::3"], ["2001:db8::2", "2001:db8::1"]]
    #expect(read.map(\.nextHops) == (try hops.map { try $0.map(address) }))
  }

  @Test("Only a unicast route has next hops", arguments: [0, 2, 3, 5, 6, 7, 8, 9, 255] as [UInt8])
  func otherTypes(type: UInt8) throws {
    var route = Array(Self.routes.prefix(68))
    route[23] = type
    #expect(try #require(Self.routes(in: route)).map(\.nextHops) == [[]])
  }

  @Test("A next hop of an unknown family is passed over, one whose octets do not fit its family is malformed")
  func wrongNextHops() throws {
    let header = "02 00 00 00 fe 03 00 01 00000000"
    let unknown = octets("28000000 1800 0000 01000000 712b0000 \(header)  0a00 1200 1c00 00001000 0000")
    #expect(try #require(Self.routes(in: unknown)).map(\.nextHops) == [[]])
    for wrong in [
      "28000000 1800 0000 01000000 712b0000 \(header)  0a00 1200 0a00 c0000201 0000",
      "28000000 1800 0000 01000000 712b0000 \(header)  0c00 0500 c0000201 00000000",
      "24000000 1800 0000 01000000 712b0000 \(header)  0500 1200 0a000000",
      // Paths of no length, of less than their header, and of more than there is.
      "28000000 1800 0000 01000000 712b0000 \(header)  0c00 0900 0000 00 00 03000000",
      "28000000 1800 0000 01000000 712b0000 \(header)  0c00 0900 0700 00 00 03000000",
      "28000000 1800 0000 01000000 712b0000 \(header)  0c00 0900 0900 00 00 03000000",
    ] {
      #expect(Self.routes(in: octets(wrong)) == nil, "\(wrong)")
    }
  }

  @Test("The question for a route is the octets that ip(8) sends")
  func question() throws {
    var writer = NetlinkWriter()
    Route.appendQuestion(about: try address("198.51.100.1"), sequence: 7, to: &writer)
    Route.appendQuestion(about: try address("2001:db8:1::1"), sequence: 8, to: &writer)
    // strace -e trace=sendmsg -e write=all ip route get fibmatch 198.51.100.1, then 2001:db8:1::1 (iproute2 6.1.0).
    // For IPv4 ip(8) also sets RTM_F_LOOKUP_TABLE, 0x1000.
    let wanted = octets(
      """
      24000000 1a00 0100 07000000 00000000 02 20 00 00 00 00 00 00 00200000  0800 0100 c6336401
      30000000 1a00 0100 08000000 00000000 0a 80 00 00 00 00 00 00 00200000
        1400 0100 20010db8 00010000 00000000 00000001
      """)
    #expect(
      writer.words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word.bigEndian >> (24 - 8 * $0)) } }
        == wanted)
  }

  @Test("Replies that end anywhere, or have any octets changed, are read or refused but never trapped on")
  func damage() {
    #expect(Self.malformed(Self.addresses) { Self.addresses(in: $0) == nil } > 1000)
    #expect(Self.malformed(Self.routes) { Self.routes(in: $0) == nil } > 1000)
    // Each as the other, too, which need not be malformed.
    _ = Self.malformed(Self.addresses) { Self.routes(in: $0) == nil }
    _ = Self.malformed(Self.routes) { Self.addresses(in: $0) == nil }
  }

  /// How many of all beginnings of a reply, and of 10,000 damaged ones, are malformed.
  private static func malformed(_ reply: [UInt8], isMalformed: ([UInt8]) -> Bool) -> Int {
    var random = RandomSource(seed: 12)
    var count = 0
    for length in 0..<reply.count {
      count += isMalformed(Array(reply.prefix(length))) ? 1 : 0
    }
    for _ in 0..<10_000 {
      var damaged = reply
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<damaged.count, using: &random)
        let odd: [UInt8] = [0, 1, 3, 4, 8, 0x7F, 0x80, 0xFF, .random(in: .min ... .max, using: &random)]
        damaged[place] = odd.randomElement(using: &random) ?? 0
      }
      count += isMalformed(damaged) ? 1 : 0
    }
    return count
  }

  @Test(
    "Errors about the host's network say what was asked, and speak of no sets and no ruleset",
    arguments: [
      (.listAddresses, ERESTART, .stale, "list the addresses of this host: they kept changing"),
      (.findGateways, ENOSPC, .other, "look up the gateways of this host: No space left on device"),
      (.watchAddresses, ENFILE, .other, "watch the addresses of this host: Too many open files in system"),
      (.listAddresses, EBADMSG, .malformed, "list the addresses of this host: what the kernel sent is malformed"),
    ] as [(NetfilterError.Operation, Int32, NetfilterError.Cause, String)])
  func errors(operation: NetfilterError.Operation, number: Int32, cause: NetfilterError.Cause, text: String) {
    let error = NetfilterError(operation, errorNumber: number)
    #expect(error.cause == cause)
    #expect(error.description == text)
  }

  // MARK: Reading

  private func address(_ text: String) throws -> IPAddress {
    try #require(IPAddress(text))
  }

  /// `nil` when they are malformed.
  private static func addresses(in reply: [UInt8]) -> [IPAddress]? {
    read(reply) { (message, span) throws(MalformedReply) in try InterfaceAddress.address(in: message.payload, span) }
  }

  /// `nil` when they are malformed.
  private static func routes(in reply: [UInt8]) -> [Route]? {
    read(reply) { (message, span) throws(MalformedReply) in try Route(message.payload, span) }
  }

  private static func read<Item>(
    _ reply: [UInt8], _ body: (NetlinkMessage, Span<UInt8>) throws(MalformedReply) -> Item?
  ) -> [Item]? {
    do throws(MalformedReply) {
      let span = reply.span
      var reader = OctetReader(span)
      var items: [Item] = []
      while let message = try reader.nextMessage(span) {
        if let item = try body(message, span) { items.append(item) }
      }
      return items
    } catch {
      return nil
    }
  }
}
