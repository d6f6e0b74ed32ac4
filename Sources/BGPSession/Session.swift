package import BGPWire
package import Primitives

/// One BGP session as a pure state machine (RFC 4271 §8): events go in, actions come out, deadlines are data.
///
/// It refuses to be anything with a socket, a clock, a timer or a log. The shell owns one connection per session, reports what happens
/// to it as events and performs the actions in order; where a peer has two for a moment, each has a session (`Collision`); `nextDeadline` says when to report `.deadlineReached`. So an hour of silence is
/// a test of a microsecond, and every state × event pair is one line of a table.
///
/// Responsibilities: (1) open, keep and close the session, with the NOTIFICATION that each fault deserves; (2) negotiate; (3) judge
/// what depends on the session in an UPDATE: the leftmost AS number, and our own AS or identifier; (4) decide when to try again: 5 s at
/// first, twice that after each failure, 60 s at most, with jitter. It announces nothing: the only UPDATE it sends is End-of-RIB.
///
/// The wart: RFC 4271 sends a failed connection to Idle or to Active depending on the state. Here a failed attempt waits in Active and
/// a lost session in Idle, as OpenBGPD shows it, and both waits come from the same back-off.
package struct Session: Hashable, Sendable {
  package private(set) var configuration: SessionConfiguration
  package private(set) var state: State = .idle(until: nil)
  /// Failures since the session last proved stable.
  private var failures = 0
  private var random: RandomSource
  /// Attributes that were found to be without fault, and likely will come again.
  private var faultless: SharedAttributes?

  /// A session that stays Established this long has proved stable: its back-off starts again.
  static let stableTime = Interval.seconds(60)
  /// RFC 4271 §8.2.2: "a hold timer value of 4 minutes is suggested" while the OPEN is awaited.
  static let openHoldTime = Interval.seconds(240)

  package init(_ configuration: SessionConfiguration, random: RandomSource) {
    self.configuration = configuration
    self.random = random
  }

  /// Takes over how long to wait between two attempts, which is the one thing that does not concern the session that there is.
  package mutating func adopt(connectRetry: Interval) {
    configuration.connectRetry = connectRetry
  }

  /// When `.deadlineReached` is due; nil for never.
  package var nextDeadline: Instant? {
    switch state {
    case .idle(let until), .active(let until): until
    case .connect(let until), .openSent(let until): until
    case .openConfirm(let running), .established(let running, _): running.nextDeadline
    }
  }

  /// A session of its own for a second connection to the same peer, which that has opened (RFC 4271 §6.8).
  package func forSecondConnection() -> Session {
    var second = self
    second.state = .active(until: nil)
    return second
  }

  /// Each goes on where the other is; how often this one has failed, and so when it tries again, stays what it is.
  package mutating func exchangeConnections(with second: inout Session) {
    swap(&state, &second.state)
  }

  /// How to decode what the peer sends now.
  package var context: DecodeContext {
    switch state {
    case .idle, .connect, .active, .openSent: .initial
    case .openConfirm(let running), .established(let running, _): running.negotiated.context
    }
  }

  /// What both sides agreed on; nil before OpenConfirm.
  package var negotiated: NegotiatedSession? {
    switch state {
    case .idle, .connect, .active, .openSent: nil
    case .openConfirm(let running), .established(let running, _): running.negotiated
    }
  }

  /// Whether there is a connection that messages can come from.
  package var isConnected: Bool {
    switch state {
    case .idle, .connect, .active: false
    case .openSent, .openConfirm, .established: true
    }
  }

  package var isEstablished: Bool {
    if case .established = state { true } else { false }
  }

  /// Advances the machine by one event.
  ///
  /// - Parameter actions: gets what is to be done, in order, appended.
  package mutating func handle(_ event: Event, at now: Instant, into actions: inout [Action]) {
    switch state {
    case .idle(let until): handleIdle(event, until, now, &actions)
    case .connect(let until): handleConnect(event, until, now, &actions)
    case .active(let until): handleActive(event, until, now, &actions)
    case .openSent(let holdDeadline): handleOpenSent(event, holdDeadline, now, &actions)
    case .openConfirm(let running): handleOpenConfirm(event, running, now, &actions)
    case .established(let running, let since): handleEstablished(event, running, since, now, &actions)
    }
  }

  /// Takes an UPDATE in Established, as `handle` does, without the event and the action around it: they would be most of its price.
  ///
  /// - Parameter update: becomes what is to be delivered.
  /// - Returns: false in another state, where nothing is done.
  package mutating func accept(_ update: inout UpdateMessage, at now: Instant) -> Bool {
    guard case .established(var running, let since) = state else { return false }
    running.restartHoldTimer(at: now)
    state = .established(running, since: since)
    judge(&update, running.negotiated.families)
    return true
  }

  private mutating func handleIdle(_ event: Event, _ until: Instant?, _ now: Instant, _ actions: inout [Action]) {
    switch event {
    case .start:
      begin(now, &actions)
    case .deadlineReached:
      if let until, until <= now { begin(now, &actions) }
    case .stop:
      state = .idle(until: nil)
    case .connected:
      actions.append(.disconnect)  // RFC 4271 §8.2.2: Idle refuses all connections
    case .connectionFailed, .connectionClosed, .received, .malformed, .sendHoldTimerExpired:
      break
    }
  }

  private mutating func handleConnect(_ event: Event, _ until: Instant, _ now: Instant, _ actions: inout [Action]) {
    switch event {
    case .connected:
      sendOpen(now, &actions)
    case .connectionFailed, .connectionClosed:
      state = .active(until: now + nextDelay())
    case .deadlineReached:
      guard until <= now else { return }
      actions.append(.disconnect)
      connect(now, &actions)
    case .stop:
      actions.append(.disconnect)
      state = .idle(until: nil)
    case .start, .received, .malformed, .sendHoldTimerExpired:
      break
    }
  }

  private mutating func handleActive(_ event: Event, _ until: Instant?, _ now: Instant, _ actions: inout [Action]) {
    switch event {
    case .connected:
      sendOpen(now, &actions)
    case .deadlineReached:
      if let until, until <= now { connect(now, &actions) }
    case .stop:
      state = .idle(until: nil)
    case .start, .connectionFailed, .connectionClosed, .received, .malformed, .sendHoldTimerExpired:
      break
    }
  }

  private mutating func handleOpenSent(
    _ event: Event, _ holdDeadline: Instant, _ now: Instant, _ actions: inout [Action]
  ) {
    switch event {
    case .received(.open(let open)):
      do throws(NotificationMessage) {
        let negotiated = try NegotiatedSession(configuration, open)
        actions.append(.send(.keepalive))
        state = .openConfirm(Running(negotiated, at: now, &random))
      } catch {
        fail(.notificationSent(error), now, &actions)
      }
    case .received(.notification(let notification)):
      fail(.notificationReceived(notification), now, &actions)
    case .received(let message):
      fail(
        .notificationSent(Self.unexpected(message, IANA.FiniteStateMachineSubcode.unexpectedInOpenSent)), now, &actions)
    case .malformed(let notification):
      fail(.notificationSent(notification), now, &actions)
    case .connectionClosed, .connectionFailed:
      actions.append(.sessionDown(.connectionClosed))
      state = .active(until: configuration.isPassive ? nil : now + nextDelay())
    case .deadlineReached:
      if holdDeadline <= now { fail(.holdTimerExpired, now, &actions) }
    case .stop(let reason):
      stop(reason, &actions)
    case .start, .connected, .sendHoldTimerExpired:
      break
    }
  }

  private mutating func handleOpenConfirm(_ event: Event, _ running: Running, _ now: Instant, _ actions: inout [Action])
  {
    var running = running
    switch event {
    case .received(.keepalive):
      running.restartHoldTimer(at: now)
      state = .established(running, since: now)
      actions.append(.sessionUp(running.negotiated))
      if configuration.announcesNothing, running.negotiated.gracefulRestart != nil {
        // RFC 4724 §4: we have nothing to announce, so our table is complete at once.
        for family in running.negotiated.families {
          actions.append(.send(.update(UpdateMessage(endOfRIB: family))))
        }
      }
    case .received(.notification(let notification)):
      fail(.notificationReceived(notification), now, &actions)
    case .received(let message):
      fail(
        .notificationSent(Self.unexpected(message, IANA.FiniteStateMachineSubcode.unexpectedInOpenConfirm)), now,
        &actions)
    case .malformed(let notification):
      fail(.notificationSent(notification), now, &actions)
    case .connectionClosed, .connectionFailed:
      fail(.connectionClosed, now, &actions)
    case .deadlineReached:
      if runTimers(&running, now, &actions) { state = .openConfirm(running) }
    case .stop(let reason):
      stop(reason, &actions)
    case .start, .connected, .sendHoldTimerExpired:
      break
    }
  }

  private mutating func handleEstablished(
    _ event: Event, _ running: Running, _ since: Instant, _ now: Instant, _ actions: inout [Action]
  ) {
    var running = running
    switch event {
    case .received(.update(let update)):
      running.restartHoldTimer(at: now)
      state = .established(running, since: since)
      var update = update
      judge(&update, running.negotiated.families)
      actions.append(.deliver(update))
    case .received(.keepalive):
      running.restartHoldTimer(at: now)
      state = .established(running, since: since)
    case .received(.routeRefresh(let refresh)):
      running.restartHoldTimer(at: now)
      state = .established(running, since: since)
      answer(refresh, running.negotiated, &actions)
    case .received(.notification(let notification)):
      fail(.notificationReceived(notification), now, &actions)
    case .received(let message):
      fail(
        .notificationSent(Self.unexpected(message, IANA.FiniteStateMachineSubcode.unexpectedInEstablished)), now,
        &actions)
    case .malformed(let notification):
      fail(.notificationSent(notification), now, &actions)
    case .connectionClosed, .connectionFailed:
      fail(.connectionClosed, now, &actions)
    case .deadlineReached:
      if runTimers(&running, now, &actions) { state = .established(running, since: since) }
    case .stop(let reason):
      stop(reason, &actions)
    case .sendHoldTimerExpired:
      fail(.sendHoldTimerExpired, now, &actions)
    case .start, .connected:
      break
    }
  }

  // MARK: Transitions

  /// Leaves Idle.
  private mutating func begin(_ now: Instant, _ actions: inout [Action]) {
    if configuration.isPassive {
      state = .active(until: nil)
    } else {
      connect(now, &actions)
    }
  }

  private mutating func connect(_ now: Instant, _ actions: inout [Action]) {
    actions.append(.connect)
    state = .connect(until: now + configuration.connectRetry)
  }

  private mutating func sendOpen(_ now: Instant, _ actions: inout [Action]) {
    actions.append(.send(.open(configuration.open)))
    state = .openSent(holdDeadline: now + Self.openHoldTime)
  }

  /// The session is lost, or never came about: says why to the peer where it can still hear it, and goes to Idle until the next
  /// attempt.
  private mutating func fail(_ reason: DownReason, _ now: Instant, _ actions: inout [Action]) {
    switch reason {
    case .notificationSent(let notification):
      actions.append(.send(.notification(notification)))
      actions.append(.disconnect)
    case .holdTimerExpired:
      actions.append(.send(.notification(NotificationMessage(IANA.ErrorCode.holdTimerExpired, 0))))
      actions.append(.disconnect)
    case .notificationReceived, .sendHoldTimerExpired:
      actions.append(.disconnect)
    case .connectionClosed, .stopped:
      break
    }
    actions.append(.sessionDown(reason))
    if case .established(_, let since) = state, now - since >= Self.stableTime { failures = 0 }
    state = .idle(until: now + nextDelay())
  }

  private mutating func stop(_ reason: CeaseReason, _ actions: inout [Action]) {
    actions.append(.send(.notification(.cease(reason.subcode, text: reason.text))))
    actions.append(.disconnect)
    actions.append(.sessionDown(.stopped(reason)))
    failures = 0
    state = .idle(until: nil)
  }

  /// Sends a KEEPALIVE when one is due.
  ///
  /// - Returns: false when the hold timer has expired and the session with it.
  private mutating func runTimers(_ running: inout Running, _ now: Instant, _ actions: inout [Action]) -> Bool {
    if let holdDeadline = running.holdDeadline, holdDeadline <= now {
      fail(.holdTimerExpired, now, &actions)
      return false
    }
    if let keepaliveDeadline = running.keepaliveDeadline, keepaliveDeadline <= now {
      actions.append(.send(.keepalive))
      running.restartKeepaliveTimer(at: now, &random)
    }
    return true
  }

  /// 5 s, doubled with each failure up to 60 s, less up to a quarter (RFC 4271 §10 jitter), and never over `connectRetry`.
  private mutating func nextDelay() -> Interval {
    let full = min(5 << min(failures, 4), 60) * 1000
    failures += 1
    let jittered = Interval.milliseconds(Int.random(in: full * 3 / 4...full, using: &random))
    return min(jittered, configuration.connectRetry)
  }

  // MARK: Judgements that need the session

  /// RFC 4271 §6.3 (leftmost AS) and §9.1.2 (loop), both with the mild reaction of RFC 7606 §7.2, and RFC 4456 §8.
  private mutating func judge(_ update: inout UpdateMessage, _ families: [AddressFamily]) {
    // RFC 4760 §8: a family that was not agreed on is not used.
    update.keep(families)
    guard !update.announced.isEmpty, update.shared !== faultless, !update.isTreatedAsWithdraw else { return }
    let faults = update.faults.count
    let attributes = update.attributes
    let path = attributes.asPath
    if configuration.enforcesNeighborAS, !configuration.isInternal, path.leftmost != configuration.peerAS {
      update.faults.append(
        AttributeFault(attribute: IANA.AttributeCode.asPath, reason: .leftmostAS, verdict: .treatAsWithdraw))
    }
    if configuration.enforcesLocalAS, path.contains(configuration.localAS) {
      update.faults.append(
        AttributeFault(attribute: IANA.AttributeCode.asPath, reason: .loop, verdict: .treatAsWithdraw))
    }
    if attributes.originatorID == configuration.bgpIdentifier {
      // RFC 4456 §8; the decoder has left nothing of it where the peer is external.
      update.faults.append(
        AttributeFault(attribute: IANA.AttributeCode.originatorID, reason: .ownIdentifier, verdict: .treatAsWithdraw))
    }
    if isLeak(attributes) {
      update.faults.append(
        AttributeFault(attribute: IANA.AttributeCode.onlyToCustomer, reason: .leak, verdict: .treatAsWithdraw))
    }
    if update.faults.count == faults { faultless = update.shared }
  }

  /// RFC 9234 §5, the first two rules for what is received.
  private func isLeak(_ attributes: PathAttributes) -> Bool {
    guard let number = attributes.onlyToCustomer, !configuration.isInternal else { return false }
    return switch configuration.role {
    case .provider, .rs: true
    case .peer: number != configuration.peerAS
    case .customer, .rsClient, nil: false
    }
  }

  /// A request is passed on to who announces something, and otherwise answered with an empty resend; begin and end markers are passed
  /// on (RFC 2918 §4, RFC 7313 §4).
  private func answer(_ refresh: RouteRefreshMessage, _ negotiated: NegotiatedSession, _ actions: inout [Action]) {
    guard let subtype = RouteRefreshMessage.Subtype(rawValue: refresh.subtype) else {
      return actions.append(.ignored(refresh))
    }
    guard let family = refresh.family, negotiated.families.contains(family) else { return }  // RFC 2918 §4
    switch subtype {
    case .request:
      guard configuration.announcesNothing else { return actions.append(.deliverRefresh(family, .request)) }
      guard negotiated.enhancedRouteRefresh else { return }
      actions.append(.send(.routeRefresh(RouteRefreshMessage(family: family, subtype: .begin))))
      actions.append(.send(.routeRefresh(RouteRefreshMessage(family: family, subtype: .end))))
    case .begin, .end:
      if negotiated.enhancedRouteRefresh { actions.append(.deliverRefresh(family, subtype)) }
    }
  }

  /// RFC 6608 §3: the data is the type of the message.
  private static func unexpected(_ message: Message, _ subcode: UInt8) -> NotificationMessage {
    NotificationMessage(IANA.ErrorCode.finiteStateMachine, subcode, data: [message.type.rawValue])
  }
}
