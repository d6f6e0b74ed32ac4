import BGPSession
import BGPWire
import Primitives
import Testing

@Suite("What two OPEN messages agree on, and what follows")
struct NegotiationTests {
  /// A session whose peer has sent this OPEN, and what was answered.
  private static func opened(
    _ open: OpenMessage, _ change: (inout SessionConfiguration) -> Void = { _ in }
  ) -> (harness: SessionHarness, actions: [Session.Action]) {
    var harness = SessionHarness(change)
    harness.enter(.openSent)
    let actions = harness.handle(.received(.open(open)))
    return (harness, actions)
  }

  private static func opened(
    _ capabilities: [Capability], _ change: (inout SessionConfiguration) -> Void = { _ in }
  ) -> (harness: SessionHarness, actions: [Session.Action]) {
    opened(SessionHarness.peerOpen(capabilities: capabilities), change)
  }

  // MARK: Capabilities

  @Test("What is offered is what is understood: families, refresh, long messages, restarts, four-octet AS numbers")
  func offered() {
    var configuration = SessionHarness().session.configuration
    let restarts: [Capability] = [
      .gracefulRestart(.init(restarted: false, notification: false, restartTime: 0, families: [])),
      .longLivedGracefulRestart([]),
    ]
    let others: [Capability] = [
      .unicast(.ipv4), .unicast(.ipv6), .routeRefresh, .enhancedRouteRefresh, .extendedMessage,
      .fourOctetAS(ASN(65500)),
    ]
    #expect(Set(configuration.open.capabilities) == Set(others + restarts))
    #expect(configuration.open.capabilities.count == 8)
    configuration.offersGracefulRestart = false
    #expect(Set(configuration.open.capabilities) == Set(others))
    configuration.offersCapabilities = false
    #expect(configuration.open.capabilities.isEmpty)
  }

  @Test("Capabilities and families that are not known are ignored (RFC 5492 §3)")
  func unknownCapabilities() {
    let (harness, actions) = Self.opened([
      .unknown(code: 5, octets: [0, 1, 0, 1, 0, 2]), .unicast(.ipv4), .multiprotocol(afi: 25, safi: 70),
      .multiprotocol(afi: 2, safi: 128), .unknown(code: 255, octets: []),
    ])
    #expect(actions == [.send(.keepalive)])
    #expect(harness.session.negotiated?.families == [.ipv4])
  }

  @Test("Extended messages are taken only where both sides offer them (RFC 8654 §3)", arguments: [true, false])
  func extendedMessage(weOffer: Bool) {
    for theyOffer in [true, false] {
      let (harness, _) = Self.opened([.unicast(.ipv4)] + (theyOffer ? [.extendedMessage] : [])) {
        $0.offersExtendedMessage = weOffer
      }
      #expect(harness.session.context.maximumLength == (weOffer && theyOffer ? 65535 : 4096))
      #expect(harness.session.configuration.capabilities.contains(.extendedMessage) == weOffer)
    }
  }

  // MARK: Four-octet AS numbers

  @Test(
    "The AS number that counts is the capability's (RFC 6793 §4.1), and it is not 0 either (RFC 7607 §2)",
    arguments: [(23456, 4_200_000_066, true), (1, 4_200_000_066, true), (23456, 65067, false), (23456, 0, false)]
      as [(UInt16, UInt32, Bool)])
  func fourOctetAS(myAS: UInt16, number: UInt32, isRight: Bool) {
    let open = SessionHarness.peerOpen(asn: myAS, capabilities: [.unicast(.ipv4), .fourOctetAS(ASN(number))])
    let (_, actions) = Self.opened(open) { $0.peerAS = ASN(4_200_000_066) }
    #expect(actions.first == .send(isRight ? .keepalive : .notification(NotificationMessage(2, 2))))
  }

  @Test("A number over 65535 goes into the capability, and AS_TRANS into My Autonomous System (RFC 6793)")
  func ownFourOctetAS() {
    var configuration = SessionHarness().session.configuration
    configuration.localAS = ASN(4_200_000_001)
    configuration.twoOctetAS = 23456
    #expect(configuration.open.myAS == 23456)
    #expect(configuration.open.capabilities.contains(.fourOctetAS(ASN(4_200_000_001))))
  }

  @Test("AS numbers have four octets where both sides offer it, and two elsewhere (RFC 6793 §4.1, §4.2.1)")
  func widths() {
    for (weOffer, theyOffer) in [(true, true), (true, false), (false, true), (false, false)] {
      let (harness, _) = Self.opened([.unicast(.ipv4)] + (theyOffer ? [.fourOctetAS(ASN(65066))] : [])) {
        $0.offersFourOctetAS = weOffer
      }
      #expect(harness.session.context.fourOctetAS == (weOffer && theyOffer))
    }
  }

  // MARK: Roles (RFC 9234)

  @Test("What we are to the peer is said where it is configured, to a peer of another AS", arguments: BGPRole.allCases)
  func offeredRole(role: BGPRole) {
    var configuration = SessionHarness().session.configuration
    let isSaid = { (configuration: SessionConfiguration) in
      configuration.open.capabilities.contains(.role(role.rawValue))
    }
    #expect(!configuration.open.capabilities.contains { if case .role = $0 { true } else { false } })
    configuration.role = role
    #expect(isSaid(configuration))
    configuration.offersRole = false
    #expect(!isSaid(configuration))
    configuration.offersRole = true
    configuration.peerAS = configuration.localAS
    #expect(!isSaid(configuration))
  }

  @Test(
    "Roles that do not fit together, or two that the peer gives itself, are refused with 2/11 (RFC 9234 §4.2)",
    arguments: BGPRole.allCases)
  func roles(role: BGPRole) {
    let answer = { (said: [UInt8], change: (inout SessionConfiguration) -> Void) in
      let capabilities = said.map { Capability.role($0) } + [.unicast(.ipv4), .fourOctetAS(ASN(65066))]
      return Self.opened(capabilities, change).actions.first
    }
    let mismatch = Session.Action.send(.notification(NotificationMessage(2, 11)))
    let fitting: [BGPRole: UInt8] = [.provider: 3, .rs: 2, .rsClient: 1, .customer: 0, .peer: 4]
    for said in 0...5 as ClosedRange<UInt8> {
      #expect(answer([said]) { $0.role = role } == (said == fitting[role] ? .send(.keepalive) : mismatch))
      #expect(answer([said]) { _ in } == .send(.keepalive))
      #expect(
        answer([said]) {
          $0.role = role; $0.offersRole = false
        } == .send(.keepalive))
    }
    #expect(answer([0, 4]) { $0.role = role } == mismatch)
    #expect(answer([4, 4]) { $0.role = .peer } == .send(.keepalive))
  }

  @Test("A peer that does not say its role is refused only with enforce (RFC 9234 §4.2)")
  func missingRole() {
    for enforces in [false, true] {
      let (_, actions) = Self.opened([.unicast(.ipv4)]) {
        $0.role = .rsClient
        $0.enforcesRole = enforces
      }
      #expect(actions.first == .send(enforces ? .notification(NotificationMessage(2, 11)) : .keepalive))
    }
  }

  @Test(
    "A route with OTC from a customer or a route server's client is a leak, from a peer with another AS in it as well (RFC 9234 §5)",
    arguments: [
      (.provider, 65066, true), (.rs, 65066, true), (.peer, 65066, false), (.peer, 65067, true),
      (.customer, 65067, false), (.rsClient, 65067, false), (nil, 65067, false),
    ] as [(BGPRole?, UInt32, Bool)])
  func leaks(role: BGPRole?, number: UInt32, isLeak: Bool) {
    var harness = SessionHarness { $0.role = role }
    harness.enter(.established)
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: [ASN(65066)])
    attributes.onlyToCustomer = ASN(number)
    let prefixes = PrefixList([Prefix("45.0.0.1/32")].compactMap { $0 })
    let actions = harness.handle(.received(.update(UpdateMessage(announced: prefixes, attributes: attributes))))
    guard case .deliver(let update) = actions.first else {
      Issue.record("no UPDATE is delivered")
      return
    }
    #expect(update.isTreatedAsWithdraw == isLeak)
    #expect(update.faults.map(\.reason) == (isLeak ? [.leak] : []))
  }

  // MARK: Route refresh

  @Test(
    "A ROUTE-REFRESH of another family, or of an unknown subtype, is ignored (RFC 2918 §4, RFC 7313 §5)",
    arguments: [(2, 1, 0), (1, 128, 0), (7, 1, 0), (1, 1, 3), (1, 1, 255)] as [(UInt16, UInt8, UInt8)])
  func ignoredRefresh(afi: UInt16, safi: UInt8, subtype: UInt8) {
    var (harness, _) = Self.opened([.unicast(.ipv4), .routeRefresh, .enhancedRouteRefresh])
    _ = harness.handle(.received(.keepalive))
    var message = RouteRefreshMessage(family: .ipv4)
    message.afi = afi
    message.safi = safi
    message.subtype = subtype
    let actions = harness.handle(.received(.routeRefresh(message)))
    #expect(actions == (subtype > 2 ? [.ignored(message)] : []))
    #expect(harness.session.isEstablished)
  }

  @Test("BoRR and EoRR are sent, and taken, only where both sides offer them (RFC 7313 §4)")
  func enhancedRefresh() {
    for theyOffer in [true, false] {
      var (harness, _) = Self.opened(
        [.unicast(.ipv4), .routeRefresh] + (theyOffer ? [.enhancedRouteRefresh] : []))
      _ = harness.handle(.received(.keepalive))
      let answer = harness.handle(.received(.routeRefresh(RouteRefreshMessage(family: .ipv4))))
      let marks = [RouteRefreshMessage.Subtype.begin, .end].map {
        Session.Action.send(.routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: $0)))
      }
      #expect(answer == (theyOffer ? marks : []))
      let begin = harness.handle(.received(.routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .begin))))
      #expect(begin == (theyOffer ? [.deliverRefresh(.ipv4, .begin)] : []))
    }
  }

  // MARK: Graceful restart

  @Test("Our graceful restart capability names no families, no restart and no NOTIFICATION (RFC 4724 §3, RFC 8538 §2)")
  func ownGracefulRestart() {
    let ours = SessionHarness().session.configuration.capabilities
    let restarts = ours.filter { if case .gracefulRestart = $0 { true } else { false } }
    #expect(
      restarts == [.gracefulRestart(.init(restarted: false, notification: false, restartTime: 0, families: []))])
  }

  @Test("Of several graceful restart capabilities the last one counts (RFC 4724 §3)")
  func lastGracefulRestart() {
    let capabilities = [30, 60].map {
      Capability.gracefulRestart(.init(restarted: false, notification: false, restartTime: $0, families: []))
    }
    let (harness, _) = Self.opened([.unicast(.ipv4)] + capabilities)
    #expect(harness.session.negotiated?.gracefulRestart?.restartTime == 60)
  }

  @Test(
    "Long-lived stale times follow the restart time, and mean nothing without graceful restart (RFC 9494 §4.1, §4.2)")
  func longLived() {
    // FRR names its families with a time of 0 where nothing else is configured, which is no wish that their routes leave.
    let entries = [(1, 1, 500), (2, 1, 0), (25, 70, 900), (2, 128, 900)] as [(UInt16, UInt8, UInt32)]
    let longLived = Capability.longLivedGracefulRestart(
      entries.map { .init(afi: $0.0, safi: $0.1, forwardingPreserved: false, staleTime: $0.2) })
    let restart = Capability.gracefulRestart(
      .init(restarted: false, notification: false, restartTime: 20, families: []))
    let both = Self.opened([.unicast(.ipv4), longLived, restart]).harness.session.negotiated
    #expect(both?.longLivedStaleTimes == [.ipv4: .seconds(520)])
    let alone = Self.opened([.unicast(.ipv4), longLived]).harness.session.negotiated
    #expect(alone?.longLivedStaleTimes == [:])
  }

  // MARK: Timers

  @Test(
    "KEEPALIVEs go out a third of the hold time apart or up to a quarter less, at most one in a second (RFC 4271 §4.4, §10)",
    arguments: [3, 4, 9, 180, 65535] as [UInt16])
  func keepaliveTime(holdTime: UInt16) {
    var (harness, _) = Self.opened(SessionHarness.peerOpen(holdTime: holdTime)) { $0.holdTime = holdTime }
    _ = harness.handle(.received(.keepalive))
    let third = Int(holdTime) * 1000 / 3
    var waits: [Int] = []
    for _ in 0..<20 {
      let before = harness.now
      let actions = harness.runToDeadline()
      #expect(actions == [.send(.keepalive)])
      waits.append((harness.now - before).milliseconds)
      _ = harness.handle(.received(.keepalive))
    }
    #expect(waits.allSatisfy { (max(1000, third * 3 / 4 - 1)...third).contains($0) })
    #expect(Set(waits).count > 1 || holdTime == 3)
  }

  @Test("With a hold time of 0 nothing is sent, and silence ends nothing (RFC 4271 §4.4)")
  func noHoldTime() {
    var (harness, _) = Self.opened(SessionHarness.peerOpen(holdTime: 0))
    _ = harness.handle(.received(.keepalive))
    harness.now = harness.now + .seconds(86400)
    let actions = harness.handle(.deadlineReached)
    #expect(actions.isEmpty)
    #expect(harness.session.isEstablished)
  }

  @Test("OPEN is awaited for four minutes (RFC 4271 §8.2.2)")
  func openHoldTime() {
    var harness = SessionHarness()
    harness.enter(.openSent)
    let before = harness.now
    let actions = harness.runToDeadline()
    #expect(harness.now - before == .seconds(240))
    #expect(actions.first == .send(.notification(NotificationMessage(4, 0))))
  }

  // MARK: NOTIFICATION

  @Test(
    "A NOTIFICATION ends the session without an answer, whatever it says (RFC 4271 §6.4)",
    arguments: [StateName.openSent, .openConfirm, .established])
  func notificationReceived(state: StateName) {
    for notification in [NotificationMessage(0, 0), NotificationMessage(99, 255), NotificationMessage(6, 2, data: [9])]
    {
      var harness = SessionHarness()
      harness.enter(state)
      let actions = harness.handle(.received(.notification(notification)))
      #expect(actions == [.disconnect, .sessionDown(.notificationReceived(notification))])
      #expect(!harness.session.isConnected)
    }
  }
}
