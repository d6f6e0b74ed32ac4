package import BGPWire
package import Primitives

/// What becomes of two connections to one peer (RFC 4271 §6.8), when OPEN has come in over the second one.
///
/// A peer that connects to us while we connect to it makes two connections of one session, and so may a peer that has restarted. Both
/// get our OPEN. As long as one of them has not received the peer's, there is nothing to choose: it may never become a session.
package enum Collision: Hashable, Sendable {
  /// The first one is still waiting: the second one goes on in its place, and an attempt of ours is given up.
  case overtake
  /// The first one gets Cease, Connection Collision Resolution.
  case closeFirst
  /// The second one does.
  case closeSecond
  /// The first one is dead, and is dropped without a word.
  case replaceFirst

  /// One of the two connections.
  package struct Connection: Hashable, Sendable {
    /// The peer has opened it.
    package var isIncoming: Bool
    /// When its attempt began, or when it was accepted.
    package var since: Instant

    package init(isIncoming: Bool, since: Instant) {
      self.isIncoming = isIncoming
      self.since = since
    }
  }

  /// A connection that crosses with the one that became the session is accepted no later than this after that; a later one is new.
  static let crossingTime = Interval.seconds(10)

  /// - Parameters:
  ///   - open: what the second connection has received.
  ///   - session: that of the first one.
  package init(_ open: OpenMessage, over second: Connection, against session: Session, over first: Connection) {
    switch session.state {
    case .idle, .connect, .active, .openSent:
      // RFC 4271 §6.8: "a connection collision cannot be detected with connections that are in Idle, Connect, or Active states", nor in
      // OpenSent, where the identifier of the peer is not known.
      self = .overtake
    case .openConfirm:
      guard first.isIncoming != second.isIncoming else {
        // Who opens another one does not believe in the first.
        self = .closeFirst
        return
      }
      self = session.configuration.prevails(over: open) == second.isIncoming ? .closeSecond : .closeFirst
    case .established(let running, let since):
      // RFC 4724 §4.2: a peer that can restart, and connects anew, has done so.
      let isRestart = running.negotiated.gracefulRestart != nil && second.isIncoming
      self = isRestart && second.since - since >= Self.crossingTime ? .replaceFirst : .closeSecond
    }
  }
}

extension SessionConfiguration {
  /// Whether the connection that we have opened is the one to keep: that of the speaker with the higher identifier, and of equal ones
  /// that of the higher AS number (RFC 6286 §2.3).
  fileprivate func prevails(over open: OpenMessage) -> Bool {
    bgpIdentifier == open.bgpIdentifier ? localAS.value > peerAS.value : bgpIdentifier > open.bgpIdentifier
  }
}
