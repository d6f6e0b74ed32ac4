import BGPSession
import BGPWire
import Primitives
import Testing

/// Every kind of event that the machine can be given.
enum EventName: String, CaseIterable, Sendable {
  case start, stop, connected, connectionFailed, connectionClosed, open, badOpen, update, keepalive, notification,
    routeRefresh,
    malformed, deadline, sendHold

  var event: Session.Event {
    switch self {
    case .start: .start
    case .stop: .stop(.init(.administrativeShutdown, text: "bye"))
    case .connected: .connected
    case .connectionFailed: .connectionFailed
    case .connectionClosed: .connectionClosed
    case .open: .received(.open(SessionHarness.peerOpen()))
    case .badOpen: .received(.open(SessionHarness.peerOpen(asn: 1, capabilities: [])))
    case .update: .received(.update(UpdateMessage()))
    case .keepalive: .received(.keepalive)
    case .notification: .received(.notification(Self.peerCease))
    case .routeRefresh: .received(.routeRefresh(RouteRefreshMessage(family: .ipv4)))
    case .malformed: .malformed(Self.badMarker)
    case .deadline: .deadlineReached
    case .sendHold: .sendHoldTimerExpired
    }
  }

  static let peerCease = NotificationMessage.cease(.administrativeReset)
  static let badMarker = NotificationMessage(1, 1)
}

/// What the machine is expected to do: the state it goes to, and its actions in short.
struct Expected: Sendable {
  let state: StateName
  let actions: String

  init(_ state: StateName, _ actions: String = "") {
    self.state = state
    self.actions = actions
  }
}

@Suite("The session's states and events (RFC 4271 §8.2.2)")
struct StateMatrixTests {
  /// One line for each pair. `deadline` is the one that the state itself waits for; Idle after `start` has none.
  static let matrix: [StateName: [EventName: Expected]] = [
    .idle: [
      .start: Expected(.connect, "connect"), .stop: Expected(.idle), .connected: Expected(.idle, "disconnect"),
      .connectionFailed: Expected(.idle), .connectionClosed: Expected(.idle), .open: Expected(.idle),
      .badOpen: Expected(.idle),
      .update: Expected(.idle), .keepalive: Expected(.idle), .notification: Expected(.idle),
      .routeRefresh: Expected(.idle),
      .malformed: Expected(.idle), .deadline: Expected(.idle), .sendHold: Expected(.idle),
    ],
    .connect: [
      .start: Expected(.connect), .stop: Expected(.idle, "disconnect"), .connected: Expected(.openSent, "OPEN"),
      .connectionFailed: Expected(.active), .connectionClosed: Expected(.active), .open: Expected(.connect),
      .badOpen: Expected(.connect), .update: Expected(.connect), .keepalive: Expected(.connect),
      .notification: Expected(.connect),
      .routeRefresh: Expected(.connect), .malformed: Expected(.connect),
      .deadline: Expected(.connect, "disconnect connect"), .sendHold: Expected(.connect),
    ],
    .active: [
      .start: Expected(.active), .stop: Expected(.idle), .connected: Expected(.openSent, "OPEN"),
      .connectionFailed: Expected(.active), .connectionClosed: Expected(.active), .open: Expected(.active),
      .badOpen: Expected(.active), .update: Expected(.active), .keepalive: Expected(.active),
      .notification: Expected(.active),
      .routeRefresh: Expected(.active), .malformed: Expected(.active), .deadline: Expected(.connect, "connect"),
      .sendHold: Expected(.active),
    ],
    .openSent: [
      .start: Expected(.openSent), .stop: Expected(.idle, "NOTIFICATION(6/2) disconnect down"),
      .connected: Expected(.openSent),
      .connectionFailed: Expected(.active, "down"), .connectionClosed: Expected(.active, "down"),
      .open: Expected(.openConfirm, "KEEPALIVE"), .badOpen: Expected(.idle, "NOTIFICATION(2/2) disconnect down"),
      .update: Expected(.idle, "NOTIFICATION(5/1) disconnect down"),
      .keepalive: Expected(.idle, "NOTIFICATION(5/1) disconnect down"),
      .notification: Expected(.idle, "disconnect down"),
      .routeRefresh: Expected(.idle, "NOTIFICATION(5/1) disconnect down"),
      .malformed: Expected(.idle, "NOTIFICATION(1/1) disconnect down"),
      .deadline: Expected(.idle, "NOTIFICATION(4/0) disconnect down"), .sendHold: Expected(.openSent),
    ],
    .openConfirm: [
      .start: Expected(.openConfirm), .stop: Expected(.idle, "NOTIFICATION(6/2) disconnect down"),
      .connected: Expected(.openConfirm),
      .connectionFailed: Expected(.idle, "down"), .connectionClosed: Expected(.idle, "down"),
      .open: Expected(.idle, "NOTIFICATION(5/2) disconnect down"),
      .badOpen: Expected(.idle, "NOTIFICATION(5/2) disconnect down"),
      .update: Expected(.idle, "NOTIFICATION(5/2) disconnect down"),
      .keepalive: Expected(.established, "up UPDATE UPDATE"),
      .notification: Expected(.idle, "disconnect down"),
      .routeRefresh: Expected(.idle, "NOTIFICATION(5/2) disconnect down"),
      .malformed: Expected(.idle, "NOTIFICATION(1/1) disconnect down"), .deadline: Expected(.openConfirm, "KEEPALIVE"),
      .sendHold: Expected(.openConfirm),
    ],
    .established: [
      .start: Expected(.established), .stop: Expected(.idle, "NOTIFICATION(6/2) disconnect down"),
      .connected: Expected(.established),
      .connectionFailed: Expected(.idle, "down"), .connectionClosed: Expected(.idle, "down"),
      .open: Expected(.idle, "NOTIFICATION(5/3) disconnect down"),
      .badOpen: Expected(.idle, "NOTIFICATION(5/3) disconnect down"),
      .update: Expected(.established, "deliver"), .keepalive: Expected(.established),
      .notification: Expected(.idle, "disconnect down"),
      .routeRefresh: Expected(.established, "ROUTE-REFRESH ROUTE-REFRESH"),
      .malformed: Expected(.idle, "NOTIFICATION(1/1) disconnect down"), .deadline: Expected(.established, "KEEPALIVE"),
      .sendHold: Expected(.idle, "disconnect down"),
    ],
  ]

  @Test("Each state answers each event as the table says", arguments: StateName.allCases, EventName.allCases)
  func pair(state: StateName, event: EventName) throws {
    let expected = try #require(Self.matrix[state]?[event], "the table has no line for \(state) × \(event)")
    var harness = SessionHarness()
    harness.enter(state)
    #expect(StateName(harness.session.state) == state)
    if event == .deadline, let deadline = harness.session.nextDeadline { harness.now = deadline }
    let actions = harness.handle(event.event)
    #expect(StateName(harness.session.state) == expected.state)
    #expect(actions.map(Self.short).joined(separator: " ") == expected.actions)
  }

  @Test("A deadline that has not come changes nothing", arguments: StateName.allCases)
  func earlyDeadline(state: StateName) {
    var harness = SessionHarness()
    harness.enter(state)
    let before = harness.session
    let actions = harness.handle(.deadlineReached)
    #expect(actions.isEmpty)
    #expect(harness.session == before)
  }

  static func short(_ action: Session.Action) -> String {
    switch action {
    case .connect: "connect"
    case .disconnect: "disconnect"
    case .send(.open): "OPEN"
    case .send(.update): "UPDATE"
    case .send(.keepalive): "KEEPALIVE"
    case .send(.routeRefresh): "ROUTE-REFRESH"
    case .send(.notification(let notification)): "NOTIFICATION(\(notification.code)/\(notification.subcode))"
    case .sessionUp: "up"
    case .sessionDown: "down"
    case .deliver: "deliver"
    case .deliverRefresh: "refresh"
    case .ignored: "ignored"
    }
  }
}
