import BGPWire
import Primitives
import Testing

@Suite("What real daemons send")
struct RecordingTests {
  @Test("OpenBGPD 7.7: OPEN, routes of both families, communities of all kinds, End-of-RIB")
  func openBGPD() throws {
    let messages = try Wire.messages(Wire.recording("openbgpd-7.7").flatMap { $0 }, Wire.external)
    #expect(messages.count == 10)
    guard case .open(let open) = messages[0] else { throw Wire.NoUpdate() }
    #expect(open.asn == ASN(65066))
    #expect(open.holdTime == 90)
    #expect(open.bgpIdentifier == IPv4Address("127.0.0.2"))
    #expect(
      open.capabilities == [
        .unicast(.ipv4), .unicast(.ipv6), .routeRefresh,
        .gracefulRestart(.init(restarted: true, notification: false, restartTime: 0, families: [])),
        .fourOctetAS(ASN(65066)),
      ])
    #expect(messages[1] == .keepalive)
    let updates = Self.updates(messages)
    #expect(
      updates.map { $0.announced.all.map(\.description) } == [
        ["192.0.2.1/32"], ["192.0.2.3/32"], ["198.51.100.0/24"], ["203.0.113.7/32"], [], ["2001:db8::25/128"],
        ["2001:db8:42::/64"], [],
      ])
    #expect(updates.map(\.endOfRIB) == [nil, nil, nil, nil, .ipv4, nil, nil, .ipv6])
    #expect(updates[1].attributes.communities.map(\.description) == ["64513:666", "65066:666"])
    #expect(updates[3].attributes.largeCommunities.map(\.description) == ["65066:666:1"])
    #expect(updates[3].attributes.extendedCommunities.map(\.description) == ["rt 65066:5"])
    #expect(updates[6].attributes.multiExitDiscriminator == 7)
    #expect(updates[6].attributes.nextHop == IPAddress("::1"))
    #expect(updates.allSatisfy { $0.faults.isEmpty })
    #expect(updates[0].attributes.asPath.leftmost == ASN(65066))
  }

  @Test("OpenBGPD 7.7 on a two-octet session: AS4_PATH stands in for AS_TRANS (RFC 6793 §4.2.3)")
  func twoOctets() throws {
    let context = DecodeContext(fourOctetAS: false, isInternal: false)
    let updates = Self.updates(try Wire.messages(Wire.recording("openbgpd-7.7-two-octet").flatMap { $0 }, context))
    let paths = updates.filter { !$0.announced.isEmpty }.map(\.attributes.asPath.description)
    #expect(paths == Array(repeating: "4200000066", count: 6))
    #expect(updates.allSatisfy { $0.faults.isEmpty })
  }

  @Test("BIRD 2.0.12: extended message, graceful restart with families, MP_REACH before the other attributes")
  func bird() throws {
    let messages = try Wire.messages(Wire.recording("bird-2.0.12").flatMap { $0 }, Wire.external)
    guard case .open(let open) = messages[0] else { throw Wire.NoUpdate() }
    #expect(open.capabilities.contains(.extendedMessage))
    #expect(open.capabilities.contains(.enhancedRouteRefresh))
    let updates = Self.updates(messages)
    #expect(
      updates.map { $0.announced.all.map(\.description) } == [
        ["192.0.2.5/32"], ["198.51.100.128/25"], [], ["2001:db8::26/128"], [],
      ])
    #expect(updates[1].attributes.largeCommunities == [LargeCommunity(65066, 42, 1)])
    #expect(updates.map(\.endOfRIB) == [nil, nil, .ipv4, nil, .ipv6])
  }

  @Test("What we encode of a recorded UPDATE decodes to the same", arguments: ["openbgpd-7.7", "bird-2.0.12"])
  func reencode(name: String) throws {
    for update in Self.updates(try Wire.messages(Wire.recording(name).flatMap { $0 }, Wire.external)) {
      #expect(try Wire.update(Message.update(update).encode(Wire.external)) == update)
    }
  }

  private static func updates(_ messages: [Message]) -> [UpdateMessage] {
    messages.compactMap { if case .update(let update) = $0 { update } else { nil } }
  }
}
