import BGPSession
import BGPWire
import Primitives
import Testing

@Suite("A session over time")
struct SessionTests {
  @Test("An hour without UPDATEs stays up as long as KEEPALIVEs come, and sends one every 30 s or a little sooner")
  func idleHour() {
    var harness = SessionHarness()
    harness.enter(.established)
    let end = harness.now + .seconds(3600)
    var sent = 0
    while harness.now < end {
      let actions = harness.runToDeadline()
      sent += actions.count { $0 == .send(.keepalive) }
      #expect(!actions.contains { if case .sessionDown = $0 { true } else { false } })
      _ = harness.handle(.received(.keepalive))
    }
    #expect(harness.session.isEstablished)
    #expect((120...160).contains(sent))
  }

  @Test("A silent peer is dropped at the hold time with Hold Timer Expired (RFC 4271 §6.5)")
  func silentPeer() {
    var harness = SessionHarness()
    harness.enter(.established)
    let last = harness.now
    var actions: [Session.Action] = []
    while harness.session.isEstablished { actions = harness.runToDeadline() }
    #expect(harness.now - last == .seconds(90))
    #expect(actions == [.send(.notification(NotificationMessage(4, 0))), .disconnect, .sessionDown(.holdTimerExpired)])
  }

  @Test("UPDATEs keep a session up as KEEPALIVEs do (RFC 4271 §8.2.2)")
  func updatesRestartHoldTimer() {
    var harness = SessionHarness()
    harness.enter(.established)
    for _ in 0..<10 {
      harness.now = harness.now + .seconds(80)
      _ = harness.handle(.received(.update(UpdateMessage(endOfRIB: .ipv4))))
      _ = harness.handle(.deadlineReached)
    }
    #expect(harness.session.isEstablished)
  }

  @Test(
    "The smaller hold time wins (RFC 4271 §4.2)",
    arguments: [(90, 30, 30), (30, 90, 30), (90, 0, 0), (0, 90, 0)] as [(UInt16, UInt16, UInt16)])
  func holdTime(ours: UInt16, theirs: UInt16, negotiated: UInt16) {
    var harness = SessionHarness { $0.holdTime = ours }
    harness.enter(.openSent)
    _ = harness.handle(.received(.open(SessionHarness.peerOpen(holdTime: theirs))))
    #expect(harness.session.negotiated?.holdTime == negotiated)
    _ = harness.handle(.received(.keepalive))
    #expect((harness.session.nextDeadline == nil) == (negotiated == 0))
  }

  @Test("A hold time below `holdtime min` is refused (RFC 4271 §6.2)")
  func minimumHoldTime() {
    var harness = SessionHarness { $0.minimumHoldTime = 60 }
    harness.enter(.openSent)
    let actions = harness.handle(.received(.open(SessionHarness.peerOpen(holdTime: 30))))
    #expect(actions.first == .send(.notification(NotificationMessage(2, 6))))
  }

  @Test("The peer's AS number must be the configured one (RFC 4271 §6.2)", arguments: [0, 1, 65067] as [UInt16])
  func wrongAS(asn: UInt16) {
    var harness = SessionHarness()
    harness.enter(.openSent)
    let actions = harness.handle(.received(.open(SessionHarness.peerOpen(asn: asn, capabilities: []))))
    #expect(actions.first == .send(.notification(NotificationMessage(2, 2))))
  }

  @Test("Within one AS the peer must not have our identifier (RFC 6286 §2.2)")
  func equalIdentifier() {
    var harness = SessionHarness {
      $0 = SessionConfiguration(
        localAS: ASN(65066), twoOctetAS: 65066, bgpIdentifier: $0.bgpIdentifier, peerAS: ASN(65066))
    }
    harness.enter(.openSent)
    let actions = harness.handle(.received(.open(SessionHarness.peerOpen(identifier: 0x7F00_0001))))
    #expect(actions.first == .send(.notification(NotificationMessage(2, 3))))
  }

  @Test("Between two ASes an equal identifier is allowed (RFC 6286 §2.2)")
  func equalIdentifierOutside() {
    var harness = SessionHarness()
    harness.enter(.openSent)
    let actions = harness.handle(.received(.open(SessionHarness.peerOpen(identifier: 0x7F00_0001))))
    #expect(actions == [.send(.keepalive)])
  }

  @Test(
    "Both families are offered, and those that the peer offers too are used",
    arguments: [
      ([Capability.unicast(.ipv4), .unicast(.ipv6)], [AddressFamily.ipv4, .ipv6]), ([.unicast(.ipv6)], [.ipv6]),
      ([], [.ipv4]),
      ([.routeRefresh], [.ipv4]),
    ])
  func families(offered: [Capability], used: [AddressFamily]) {
    var harness = SessionHarness()
    harness.enter(.openSent)
    _ = harness.handle(.received(.open(SessionHarness.peerOpen(capabilities: offered))))
    #expect(harness.session.negotiated?.families == used)
    #expect(harness.session.configuration.open.capabilities.starts(with: [.unicast(.ipv4), .unicast(.ipv6)]))
  }

  @Test("A session without a family in common is refused (RFC 5492 §3)")
  func noCommonFamily() {
    var harness = SessionHarness { $0.families = [.ipv6] }
    harness.enter(.openSent)
    let actions = harness.handle(
      .received(.open(SessionHarness.peerOpen(capabilities: [.multiprotocol(afi: 1, safi: 128)]))))
    guard case .send(.notification(let notification)) = actions.first else { return #expect(Bool(false)) }
    #expect([notification.code, notification.subcode] == [2, 7])
    #expect(notification.data.starts(with: [1, 4, 0, 2, 0, 1]))
  }

  @Test("Prefixes of a family that was not agreed on are dropped (RFC 4760 §8)")
  func unagreedFamily() throws {
    var harness = SessionHarness { $0.families = [.ipv4] }
    harness.enter(.established)
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: [ASN(65066)])
    let list = PrefixList(["192.0.2.1", "2001:db8::1"].compactMap { Prefix($0) })
    let actions = harness.handle(
      .received(.update(UpdateMessage(withdrawn: list, announced: list, attributes: attributes))))
    guard case .deliver(let update) = actions.first else { throw Unexpected() }
    #expect(update.announced.all.map(\.description) == ["192.0.2.1/32"])
    #expect(update.withdrawn.all.map(\.description) == ["192.0.2.1/32"])
  }

  @Test("The only UPDATE sent is End-of-RIB, and only to a peer that knows it (RFC 4724 §4)")
  func endOfRIB() {
    var harness = SessionHarness()
    harness.enter(.openConfirm)
    let sent = harness.handle(.received(.keepalive)).compactMap {
      if case .send(let message) = $0 { message } else { nil }
    }
    #expect(sent == [.update(UpdateMessage(endOfRIB: .ipv4)), .update(UpdateMessage(endOfRIB: .ipv6))])

    var plain = SessionHarness()
    plain.enter(.openSent)
    _ = plain.handle(.received(.open(SessionHarness.peerOpen(capabilities: [.unicast(.ipv4)]))))
    let actions = plain.handle(.received(.keepalive))
    #expect(actions.count == 1)
  }

  @Test("The wait after failures grows from 5 s to 60 s and stays there, with jitter")
  func backOff() {
    var harness = SessionHarness()
    _ = harness.handle(.start)
    var waits: [Int] = []
    for _ in 0..<12 {
      _ = harness.handle(.connectionFailed)
      let before = harness.now
      _ = harness.runToDeadline()
      waits.append((harness.now - before).milliseconds)
    }
    for (wait, full) in zip(waits, [5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60, 60]) {
      #expect((full * 750...full * 1000).contains(wait))
    }
    #expect(Set(waits).count > 6, "no jitter: \(waits)")
  }

  @Test("The wait never exceeds connect-retry")
  func connectRetryBound() {
    var harness = SessionHarness { $0.connectRetry = .seconds(3) }
    _ = harness.handle(.start)
    for _ in 0..<8 {
      _ = harness.handle(.connectionFailed)
      let before = harness.now
      _ = harness.runToDeadline()
      #expect(harness.now - before <= .seconds(3))
    }
  }

  @Test("A session that was stable starts again with the shortest wait")
  func stableSessionResetsBackOff() {
    var harness = SessionHarness()
    _ = harness.handle(.start)
    for _ in 0..<6 {
      _ = harness.handle(.connectionFailed)
      _ = harness.runToDeadline()
    }
    _ = harness.handle(.connected)
    _ = harness.handle(.received(.open(SessionHarness.peerOpen())))
    _ = harness.handle(.received(.keepalive))
    harness.now = harness.now + .seconds(61)
    _ = harness.handle(.connectionClosed)
    let before = harness.now
    _ = harness.runToDeadline()
    #expect(harness.now - before <= .seconds(5))
    #expect(StateName(harness.session.state) == .connect)
  }

  @Test(
    "A path must begin with the neighbor's AS, or its routes are withdrawn (RFC 4271 §6.3, RFC 7606 §7.2)",
    arguments: [
      ([65066, 64513], true, false), ([64513, 65066], true, true), ([], true, true), ([64513], false, false),
    ] as [([UInt32], Bool, Bool)])
  func leftmostAS(path: [UInt32], enforce: Bool, isWithdrawn: Bool) throws {
    var harness = SessionHarness { $0.enforcesNeighborAS = enforce }
    harness.enter(.established)
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: path.map(ASN.init))
    let prefix = try #require(Prefix("192.0.2.1"))
    let actions = harness.handle(
      .received(.update(UpdateMessage(announced: PrefixList([prefix]), attributes: attributes))))
    guard case .deliver(let update) = actions.first else { throw Unexpected() }
    #expect(update.isTreatedAsWithdraw == isWithdrawn)
  }

  @Test(
    "A path with our own AS is withdrawn unless enforce local-as is off (RFC 4271 §9.1.2)", arguments: [true, false])
  func loop(enforce: Bool) throws {
    var harness = SessionHarness { $0.enforcesLocalAS = enforce }
    harness.enter(.established)
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: [ASN(65066), ASN(65500)])
    let prefix = try #require(Prefix("192.0.2.1"))
    let actions = harness.handle(
      .received(.update(UpdateMessage(announced: PrefixList([prefix]), attributes: attributes))))
    guard case .deliver(let update) = actions.first else { throw Unexpected() }
    #expect(update.isTreatedAsWithdraw == enforce)
  }

  @Test("A shutdown says why (RFC 9003)")
  func shutdownText() {
    var harness = SessionHarness()
    harness.enter(.established)
    let actions = harness.handle(.stop(.init(.administrativeShutdown, text: "maintenance")))
    guard case .send(.notification(let notification)) = actions.first else { return #expect(Bool(false)) }
    #expect(notification.shutdownText == "maintenance")
    #expect(harness.session.nextDeadline == nil)
  }

  @Test("A passive session waits without a deadline and takes the peer's connection")
  func passive() {
    var harness = SessionHarness { $0.isPassive = true }
    let atStart = harness.handle(.start)
    #expect(atStart.isEmpty)
    #expect(harness.session.nextDeadline == nil)
    let afterwards = harness.handle(.connected)
    #expect(afterwards == [.send(.open(harness.session.configuration.open))])
  }

  @Test("An unexpected message is named in the data of the NOTIFICATION (RFC 6608 §3)")
  func unexpectedMessageData() {
    var harness = SessionHarness()
    harness.enter(.openSent)
    let actions = harness.handle(.received(.keepalive))
    #expect(actions.first == .send(.notification(NotificationMessage(5, 1, data: [4]))))
  }
}

struct Unexpected: Error {}
