import BGPSession
import BGPWire
import ConfigFile
import Control
import Primitives
import RIB

/// Octets to sessions: events in, actions performed, statistics and log lines on the way.
extension Engine {
  /// Gives an event to a session and acts on what follows.
  mutating func step(_ index: Int, _ event: Session.Event, _ reason: String, _ now: Instant) {
    guard peers.indices.contains(index) else { return }
    if case .stop = event { stepSecond(index, event, now) }
    let before = peers[index].session.state.reportState
    actions.removeAll(keepingCapacity: true)
    peers[index].session.handle(event, at: now, into: &actions)
    let after = peers[index].session.state.reportState
    if before != after {
      let change = "state change \(before.name) -> \(after.name)"
      log(.notice, "\(peers[index].logName): \(change), reason: \(reason)", index, kind: .sessionChanged)
    }
    for position in actions.indices {
      perform(actions[position], index, now)
    }
    if peers[index].connection == nil { promoteSecond(index, "the first connection is gone") }
  }

  mutating func perform(_ action: Session.Action, _ index: Int, _ now: Instant) {
    switch action {
    case .connect: openConnection(index, now)
    case .disconnect: closeConnection(index)
    case .send(let message): send(message, index, now)
    case .sessionUp(let negotiated): sessionUp(index, negotiated, now)
    case .sessionDown(let reason): sessionDown(index, reason, now)
    case .deliver(let update): deliver(update, index, now)
    case .deliverRefresh(let family, let subtype): refresh(index, family, subtype, now)
    case .ignored(let refresh):
      guard peers[index].loggedSubtypes.insert(refresh.subtype).inserted else { return }
      log(
        .warning, "\(peers[index].logName): ignored a ROUTE-REFRESH of subtype \(refresh.subtype)", index,
        kind: .badMessage)
    }
  }

  /// What a neighbour says of itself, for those who want to know why a session does not come up.
  mutating func logOpen(_ open: OpenMessage, _ index: Int) {
    let text = "AS \(open.asn.value), hold time \(open.holdTime) s, identifier \(open.bgpIdentifier)"
    log(.debug, "\(peers[index].logName): received OPEN: \(text)", index)
  }

  mutating func send(_ message: Message, _ index: Int, _ now: Instant) {
    guard let connection = peers[index].connection?.id else { return }
    send(message, over: connection, peers[index].session.context, now)
  }

  mutating func send(_ message: Message, over connection: ConnectionID, _ context: DecodeContext, _ now: Instant) {
    guard let index = index(of: connection) else { return }
    count(message, &peers[index].statistics.sent)
    peers[index].lastWrite = now
    if case .update(let update) = message, update.endOfRIB != nil { peers[index].statistics.endOfRIBSent += 1 }
    if case .notification(let notification) = message, !notification.isCollision {
      peers[index].lastErrorSent = notification.description
      log(
        .warning, "\(peers[index].logName): sending notification: \(notification.description)", index,
        kind: .notification)
    }
    effects.append(.send(connection, message.encode(context)))
    guard peers[index].connection?.id == connection else { return }
    if peers[index].connection?.unsent == 0 { startSendHoldTimer(index, now) }
    peers[index].connection?.unsent += 1
  }

  /// What was sent over a connection has left, or a part of it.
  mutating func sent(_ connection: ConnectionID, _ now: Instant) {
    guard let index = index(of: connection), let current = peers[index].connection, current.id == connection,
      current.unsent > 0
    else { return }
    peers[index].connection?.unsent -= 1
    startSendHoldTimer(index, now)
    if current.unsent == 1 { peers[index].connection?.sendHoldDeadline = nil }
  }

  /// Of an Established session alone (RFC 9687 §3.1): before, others end it.
  private mutating func startSendHoldTimer(_ index: Int, _ now: Instant) {
    guard peers[index].session.isEstablished, let negotiated = peers[index].session.negotiated else { return }
    peers[index].connection?.sendHoldDeadline = now + negotiated.sendHoldTime
  }

  mutating func sessionUp(_ index: Int, _ negotiated: NegotiatedSession, _ now: Instant) {
    peers[index].isUp = true
    peers[index].lastIdentifier = negotiated.peerIdentifier
    peers[index].lastUpDown = now
    peers[index].awaitingEndOfRIB = Set(negotiated.families)
    peers[index].promisesEndOfRIB = negotiated.gracefulRestart != nil
    peers[index].isSynchronized = false
    peers[index].loggedFaults = []
    peers[index].loggedRefusals = []
    peers[index].loggedUpdates = 0
    peers[index].loggedSubtypes = []
    peers[index].statistics.overLimit = 0
    peers[index].longLivedStaleTimes = negotiated.longLivedStaleTimes
    peers[index].restartTime = .seconds(Int(negotiated.gracefulRestart?.restartTime ?? 0))
    // Until the first UPDATE nobody is quiet: a server that has just started may take its time.
    peers[index].quietDeadline = now + Self.promisedQuietTime
    peers[index].quietBound = nil
    peers[index].refreshing = []
    peers[index].refreshDeadline = nil
    peers[index].staleDeadline = nil
    if negotiated.gracefulRestart == nil {
      log(.info, "\(peers[index].logName): sends no End-of-RIB, \(Self.quietTime.seconds) s of silence will do", index)
    }
  }

  mutating func sessionDown(_ index: Int, _ reason: Session.DownReason, _ now: Instant) {
    if case .notificationReceived(let notification) = reason, notification.isCollision, peers[index].second != nil {
      log(.info, "\(peers[index].logName): keeps the second connection: \(notification.description)", index)
    } else if case .notificationReceived(let notification) = reason {
      peers[index].lastErrorReceived = notification.description
      peers[index].lastShutdownReason = notification.shutdownText ?? ""
      let text = notification.shutdownText.map { ", \"\($0)\"" } ?? ""
      log(
        .warning, "\(peers[index].logName): received notification: \(notification.description)\(text)", index,
        kind: .notification)
    }
    peers[index].quietDeadline = nil
    peers[index].quietBound = nil
    peers[index].restartDeadline = nil
    peers[index].answerDeadline = nil
    peers[index].refreshing = []
    peers[index].refreshDeadline = nil
    peers[index].hasRoom = false
    peers[index].awaitingEndOfRIB = []
    if peers[index].isSynchronized { lastConfirmation = now }
    peers[index].isSynchronized = false
    guard peers[index].isUp else { return }
    peers[index].isUp = false
    peers[index].lastUpDown = now
    guard peers[index].rib.count > 0 else { return }
    // A session that confirmed anything starts the clock anew.
    if peers[index].lostAt == nil || peers[index].rib.freshCount > 0 { peers[index].lostAt = now }
    peers[index].rib.markStale()
    setStaleDeadline(index, now)
    let staleTime = staleTimes(index).max() ?? .zero
    let kept = "keeping its \(peers[index].rib.count) prefixes for up to \(staleTime.seconds) s"
    log(.notice, "\(peers[index].logName): \(kept)", index, kind: .routesKept)
  }

  /// The peer begins or ends a resend (RFC 7313 §4): what it does not repeat in between has left.
  mutating func refresh(
    _ index: Int, _ family: AddressFamily, _ subtype: RouteRefreshMessage.Subtype, _ now: Instant
  ) {
    switch subtype {
    case .begin:
      // RFC 7313 §4: not before the table is complete for the first time.
      guard peers[index].isSynchronized else { return }
      noteAnswer(index)
      peers[index].refreshing.insert(family)
      peers[index].refreshDeadline = now + Self.longestSynchronization
      peers[index].rib.markStale(family)
    case .end:
      guard peers[index].refreshing.contains(family) else { return }
      endRefresh(index, [family], now)
    case .request: break
    }
  }

  /// The peer sends what it was asked for: what is over the limit is counted anew.
  mutating func noteAnswer(_ index: Int) {
    guard peers[index].answerDeadline != nil else { return }
    peers[index].answerDeadline = nil
    peers[index].ignoresRefresh = false
    peers[index].statistics.overLimit = 0
  }

  /// The peer has sent these families anew, or has had the time to.
  mutating func endRefresh(_ index: Int, _ families: Set<AddressFamily>, _ now: Instant) {
    peers[index].refreshing.subtract(families)
    if peers[index].refreshing.isEmpty { peers[index].refreshDeadline = nil }
    sweep(index, families.sorted { $0.rawValue < $1.rawValue })
    takeUpRoom(index, now)
  }

  // MARK: Statistics and words

  func count(_ message: Message, _ messages: inout NeighborReport.Messages) {
    switch message {
    case .open: messages.open += 1
    case .update: messages.update += 1
    case .notification: messages.notification += 1
    case .keepalive: messages.keepalive += 1
    case .routeRefresh(let message):
      messages.routeRefresh += 1
      switch RouteRefreshMessage.Subtype(rawValue: message.subtype) {
      case .begin: messages.beginOfRouteRefresh += 1
      case .end: messages.endOfRouteRefresh += 1
      case .request, nil: break
      }
    }
  }

  /// Why a received message changes the state, in bgpd(8)'s words.
  func reason(for message: Message) -> String {
    switch message {
    case .open: "OPEN message received"
    case .update: "UPDATE message received"
    case .notification: "NOTIFICATION received"
    case .keepalive: "KEEPALIVE message received"
    case .routeRefresh: "ROUTE-REFRESH message received"
    }
  }

  /// Which timer a deadline of the session was.
  func deadlineReason(_ index: Int) -> String {
    switch peers[index].session.state {
    case .idle: "IdleHoldTimer expired"
    case .connect, .active: "ConnectRetryTimer expired"
    case .openSent, .openConfirm, .established: "HoldTimer expired"
    }
  }
}

extension Session.State {
  /// The name of RFC 4271 §8.2.2.
  var reportState: NeighborReport.State {
    switch self {
    case .idle: .idle
    case .connect: .connect
    case .active: .active
    case .openSent: .openSent
    case .openConfirm: .openConfirm
    case .established: .established
    }
  }
}
