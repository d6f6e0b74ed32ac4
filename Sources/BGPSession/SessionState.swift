package import BGPWire
package import Primitives

/// What goes into a session, what comes out, and the states in between.
extension Session {
  package enum Event: Hashable, Sendable {
    /// ManualStart and AutomaticStart.
    case start
    /// ManualStop: with what to say to the peer.
    case stop(CeaseReason)
    /// The connection is there, by our attempt or by the peer's.
    case connected
    /// Our attempt failed.
    case connectionFailed
    /// The connection is gone, closed by the peer or broken.
    case connectionClosed
    case received(Message)
    /// The peer sent what cannot be decoded; this is the answer.
    case malformed(NotificationMessage)
    /// `nextDeadline` has come.
    case deadlineReached
    /// What was sent has not left within `sendHoldTime` (RFC 9687).
    case sendHoldTimerExpired
  }

  package enum Action: Hashable, Sendable {
    case connect
    /// Give up the attempt, or close the connection once everything sent before has left.
    case disconnect
    case send(Message)
    case sessionUp(NegotiatedSession)
    /// A connection that had got as far as OPEN is over.
    case sessionDown(DownReason)
    case deliver(UpdateMessage)
    /// The peer begins or has completed a resend (RFC 7313), or asks for one where there is something to send (RFC 2918).
    case deliverRefresh(AddressFamily, RouteRefreshMessage.Subtype)
    /// A subtype that is not known was ignored (RFC 7313 §5).
    case ignored(RouteRefreshMessage)
  }

  package struct CeaseReason: Hashable, Sendable {
    package var subcode: CeaseSubcode
    /// For the operator at the other end (RFC 9003).
    package var text: String

    package init(_ subcode: CeaseSubcode, text: String = "") {
      self.subcode = subcode
      self.text = text
    }
  }

  package enum DownReason: Hashable, Sendable {
    case stopped(CeaseReason)
    case holdTimerExpired
    /// The peer takes nothing any more, so it was not told either.
    case sendHoldTimerExpired
    case connectionClosed
    case notificationReceived(NotificationMessage)
    /// The peer broke the protocol and was told so.
    case notificationSent(NotificationMessage)
  }

  package enum State: Hashable, Sendable {
    /// Waiting for `.start`, or, with a deadline, for the next attempt after a lost session.
    case idle(until: Instant?)
    /// An attempt is under way.
    case connect(until: Instant)
    /// Waiting for the next attempt or, without a deadline, only for the peer.
    case active(until: Instant?)
    case openSent(holdDeadline: Instant)
    case openConfirm(Running)
    case established(Running, since: Instant)
  }

  /// What OpenConfirm and Established have in common.
  package struct Running: Hashable, Sendable {
    private let shared: Shared
    /// Both nil with a hold time of 0.
    package internal(set) var holdDeadline: Instant?
    package internal(set) var keepaliveDeadline: Instant?

    init(_ negotiated: NegotiatedSession, at now: Instant, _ random: inout RandomSource) {
      shared = Shared(negotiated)
      restartHoldTimer(at: now)
      restartKeepaliveTimer(at: now, &random)
    }

    package var negotiated: NegotiatedSession { shared.value }

    mutating func restartHoldTimer(at now: Instant) {
      holdDeadline = negotiated.holdTime == 0 ? nil : now + .seconds(Int(negotiated.holdTime))
    }

    /// Up to a quarter early, so that the speakers of a site do not beat as one (RFC 4271 §10), but not within a second (§4.4).
    mutating func restartKeepaliveTimer(at now: Instant, _ random: inout RandomSource) {
      guard negotiated.holdTime > 0 else { return keepaliveDeadline = nil }
      let full = negotiated.keepaliveTime.nanoseconds
      let jittered = Int64.random(in: full / 4 * 3...full, using: &random)
      keepaliveDeadline = now + max(.seconds(1), Interval(nanoseconds: jittered))
    }

    var nextDeadline: Instant? {
      guard let holdDeadline, let keepaliveDeadline else { return nil }
      return min(holdDeadline, keepaliveDeadline)
    }

    /// Behind a reference, since a state is taken apart and put together again for each message.
    private final class Shared: Hashable, Sendable {
      let value: NegotiatedSession

      init(_ value: NegotiatedSession) {
        self.value = value
      }

      static func == (left: Shared, right: Shared) -> Bool { left === right || left.value == right.value }

      func hash(into hasher: inout Hasher) { hasher.combine(value) }
    }
  }
}
