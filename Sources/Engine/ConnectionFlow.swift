import BGPSession
import BGPWire
package import ConfigFile
import Control
package import Primitives

/// Connections: which session one belongs to, what becomes of a second one, and why an attempt failed.
///
/// The session that reports and timers speak of is that of the first connection. A second one has a session of its own that lives no
/// longer than until the peer's OPEN: then `Collision` decides, and the one that stays is the first.
extension Engine {
  /// The place of a connection's neighbour; nil: it is none any more.
  func index(of id: ConnectionID) -> Int? {
    peers.firstIndex { $0.id == id.peer }
  }

  /// The neighbour of a connection; nil: it is none any more.
  package func neighbor(of id: ConnectionID) -> Neighbor? {
    index(of: id).map { peers[$0].neighbor }
  }

  // MARK: What the shell reports

  /// Takes up a connection that a neighbour has opened; the shell reports `.connected` next.
  ///
  /// - Returns: nil when no neighbour has that address, or its session waits for no connection.
  package mutating func accept(from address: IPAddress, at now: Instant) -> ConnectionID? {
    guard let index = peers.firstIndex(where: { $0.neighbor.address == address }) else { return nil }
    switch peers[index].session.state {
    case .idle: return nil  // RFC 4271 §8.2.2: Idle refuses all connections
    case .active:
      guard peers[index].connection == nil else { return nil }
      let connection = newConnection(index, isIncoming: true, now)
      peers[index].connection = connection
      return connection.id
    case .connect, .openSent, .openConfirm, .established:
      guard peers[index].second == nil else { return nil }
      let connection = newConnection(index, isIncoming: true, now)
      peers[index].second = Peer.SecondConnection(
        connection: connection, session: peers[index].session.forSecondConnection())
      return connection.id
    }
  }

  mutating func connected(_ id: ConnectionID, _ local: Endpoint, _ remote: Endpoint, _ now: Instant) {
    guard let index = index(of: id) else { return effects.append(.disconnect(id)) }
    if peers[index].connection?.id == id {
      peers[index].connection?.local = local
      peers[index].connection?.remote = remote
      peers[index].lastConnectError = ""
      step(index, .connected, "Connection opened", now)
    } else if peers[index].second?.connection.id == id {
      peers[index].second?.connection.local = local
      peers[index].second?.connection.remote = remote
      log(.info, "\(peers[index].logName): it has opened a second connection", index)
      stepSecond(index, .connected, now)
    } else {
      effects.append(.disconnect(id))
    }
  }

  mutating func connectionFailed(_ id: ConnectionID, _ reason: String?, _ now: Instant) {
    guard let index = index(of: id) else { return }
    if peers[index].second?.connection.id == id { return stepSecond(index, .connectionFailed, now) }
    guard peers[index].connection?.id == id else { return }
    let words = reason ?? peers[index].neighbor.silence
    peers[index].connection = nil
    peers[index].lastConnectError = words
    step(index, .connectionFailed, "Connection open failed, \(words)", now)
  }

  mutating func connectionClosed(_ id: ConnectionID, _ reason: String?, _ now: Instant) {
    guard let index = index(of: id) else { return }
    if peers[index].connection?.id == id {
      peers[index].connection = nil
      step(index, .connectionClosed, reason.map { "Connection closed, \($0)" } ?? "Connection closed", now)
    } else if peers[index].second?.connection.id == id {
      stepSecond(index, .connectionClosed, now)
    }
  }

  /// How to decode what comes over a connection now; nil where nothing is expected.
  func context(of id: ConnectionID) -> DecodeContext? {
    guard let index = index(of: id) else { return nil }
    if peers[index].connection?.id == id {
      return peers[index].session.isConnected ? peers[index].session.context : nil
    }
    guard let second = peers[index].second, second.connection.id == id, second.session.isConnected else { return nil }
    return second.session.context
  }

  /// Gives what happened on a connection to its session.
  mutating func take(_ event: Session.Event, over id: ConnectionID, _ reason: String, _ now: Instant) {
    guard let index = index(of: id) else { return }
    if peers[index].connection?.id == id {
      step(index, event, reason, now)
    } else if peers[index].second?.connection.id == id {
      if case .received(.open(let open)) = event {
        collide(index, open, now)
      } else {
        stepSecond(index, event, now)
      }
    }
  }

  // MARK: What the session asks for

  mutating func openConnection(_ index: Int, _ now: Instant) {
    closeConnection(index)
    let connection = newConnection(index, isIncoming: false, now)
    peers[index].connection = connection
    effects.append(.connect(connection.id))
  }

  mutating func closeConnection(_ index: Int) {
    guard let connection = peers[index].connection else { return }
    effects.append(.disconnect(connection.id))
    peers[index].connection = nil
  }

  private mutating func newConnection(_ index: Int, isIncoming: Bool, _ now: Instant) -> Peer.PeerConnection {
    peers[index].connectionCount += 1
    let id = ConnectionID(peer: peers[index].id, number: peers[index].connectionCount)
    return Peer.PeerConnection(id: id, isIncoming: isIncoming, since: now)
  }

  // MARK: The second connection

  /// Gives an event to the session of the second connection, if there is one; it is forgotten when that is over.
  mutating func stepSecond(_ index: Int, _ event: Session.Event, _ now: Instant) {
    guard var second = peers[index].second else { return }
    var actions: [Session.Action] = []
    second.session.handle(event, at: now, into: &actions)
    peers[index].second = second.session.isConnected ? second : nil
    for action in actions {
      switch action {
      case .send(let message): send(message, over: second.connection.id, second.session.context, now)
      case .disconnect: effects.append(.disconnect(second.connection.id))
      case .sessionDown(let reason): log(.info, "\(peers[index].logName): second connection: \(reason.words)", index)
      // It never gets farther than OPEN, and attempts are made by the first one.
      case .connect, .sessionUp, .deliver, .deliverRefresh, .ignored: break
      }
    }
  }

  /// OPEN has come in over the second connection: one of them stays.
  private mutating func collide(_ index: Int, _ open: OpenMessage, _ now: Instant) {
    guard let first = peers[index].connection, let second = peers[index].second else { return }
    let verdict = Collision(
      open, over: second.connection.forCollision, against: peers[index].session, over: first.forCollision)
    let collision = Session.Event.stop(.init(.connectionCollisionResolution))
    guard verdict != .closeSecond else { return stepSecond(index, collision, now) }
    stepSecond(index, .received(.open(open)), now)
    // An OPEN that is refused takes the place of nobody.
    guard peers[index].second != nil else { return }
    switch verdict {
    case .overtake:
      promoteSecond(index, "OPEN message received over the second connection")
      if case .connect? = peers[index].second?.session.state { stepSecond(index, collision, now) }
    case .closeFirst:
      promoteSecond(index, "connection collision")
      stepSecond(index, collision, now)
    case .replaceFirst:
      closeConnection(index)
      step(index, .connectionClosed, "the neighbor has restarted", now)
    case .closeSecond: break
    }
  }

  /// The second connection becomes the first, and the first one, where it still is one, the second.
  mutating func promoteSecond(_ index: Int, _ reason: String) {
    guard var second = peers[index].second else { return }
    guard second.session.isConnected else {
      // Accepted, but not reported yet: that will be to the session itself.
      peers[index].connection = second.connection
      peers[index].second = nil
      return
    }
    let before = peers[index].session.state.reportState
    peers[index].session.exchangeConnections(with: &second.session)
    let first = peers[index].connection
    peers[index].connection = second.connection
    peers[index].lastConnectError = ""
    peers[index].second = first.map { Peer.SecondConnection(connection: $0, session: second.session) }
    let after = peers[index].session.state.reportState
    guard before != after else { return }
    log(
      .notice, "\(peers[index].logName): state change \(before.name) -> \(after.name), reason: \(reason)", index,
      kind: .sessionChanged)
  }
}

extension Neighbor {
  /// What to say of an attempt that nobody has answered: a wrong MD5 key looks like that, and on the way to a speaker that wants none or
  /// another even a refusal is lost.
  var silence: String {
    let suspects =
      md5Key == nil
      ? "the address, the firewall and whether it wants an MD5 key"
      : "the MD5 key on both sides, the address and the firewall"
    let distance = ttlSecurity ? ", and its distance for ttl-security" : ""
    return "connection timed out: no SYN-ACK; check \(suspects)\(distance)"
  }
}

extension NotificationMessage {
  /// Whether it ends one of two connections (RFC 4271 §6.8): no error of anybody.
  var isCollision: Bool {
    code == IANA.ErrorCode.cease && subcode == CeaseSubcode.connectionCollisionResolution.rawValue
  }
}

extension Session.DownReason {
  fileprivate var words: String {
    switch self {
    case .stopped(let reason): "closed, \(NotificationMessage.cease(reason.subcode).description)"
    case .holdTimerExpired: "closed, no OPEN message"
    case .sendHoldTimerExpired: "closed, it takes nothing"
    case .connectionClosed: "closed by the neighbor"
    case .notificationReceived(let notification): "closed by the neighbor, \(notification.description)"
    case .notificationSent(let notification): "closed, \(notification.description)"
    }
  }
}
