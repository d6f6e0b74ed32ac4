import BGPSession
import BGPWire
import Primitives

/// A session under virtual time, driven by events, with what it answered.
struct SessionHarness {
  var session: Session
  var now = Instant.zero

  init(_ change: (inout SessionConfiguration) -> Void = { _ in }) {
    var configuration = SessionConfiguration(
      localAS: ASN(65500), twoOctetAS: 65500, bgpIdentifier: IPv4Address(0x7F00_0001), peerAS: ASN(65066))
    change(&configuration)
    session = Session(configuration, random: RandomSource(seed: 1))
  }

  mutating func handle(_ event: Session.Event) -> [Session.Action] {
    var actions: [Session.Action] = []
    session.handle(event, at: now, into: &actions)
    return actions
  }

  /// Goes to the next deadline and reports it.
  mutating func runToDeadline() -> [Session.Action] {
    guard let deadline = session.nextDeadline else { return [] }
    now = max(now, deadline)
    return handle(.deadlineReached)
  }

  /// Brings the session into a state by the ordinary way.
  mutating func enter(_ state: StateName) {
    switch state {
    case .idle: break
    case .connect: _ = handle(.start)
    case .active:
      _ = handle(.start)
      _ = handle(.connectionFailed)
    case .openSent:
      _ = handle(.start)
      _ = handle(.connected)
    case .openConfirm:
      enter(.openSent)
      _ = handle(.received(.open(Self.peerOpen())))
    case .established:
      enter(.openConfirm)
      _ = handle(.received(.keepalive))
    }
  }

  static func peerOpen(
    holdTime: UInt16 = 90, asn: UInt16 = 65066, identifier: UInt32 = 0x7F00_0002,
    capabilities: [Capability] = [
      .unicast(.ipv4), .unicast(.ipv6), .routeRefresh, .enhancedRouteRefresh, .fourOctetAS(ASN(65066)),
      .gracefulRestart(.init(restarted: true, notification: false, restartTime: 0, families: [])),
    ]
  ) -> OpenMessage {
    OpenMessage(myAS: asn, holdTime: holdTime, bgpIdentifier: IPv4Address(identifier), capabilities: capabilities)
  }
}

enum StateName: String, CaseIterable, Sendable {
  case idle, connect, active, openSent, openConfirm, established

  init(_ state: Session.State) {
    switch state {
    case .idle: self = .idle
    case .connect: self = .connect
    case .active: self = .active
    case .openSent: self = .openSent
    case .openConfirm: self = .openConfirm
    case .established: self = .established
    }
  }
}
