import BGPSession
import BGPWire
package import ConfigFile
import Control
import Metrics
package import Primitives
import RIB
import Tables

/// The whole daemon minus system calls: one value that takes inputs and gives effects.
///
/// Octets of a peer become messages (`BGPWire`), session events (`BGPSession`), route changes (`RIB`), table memberships (`Tables`) and
/// at the end of the turn, in `takeEffects`, at most one commit for the kernel. It refuses to read a clock, a socket, a file or a log:
/// time comes in with every call, and what is to be done goes out as `Effect`s that the shell performs in order. So the same value is
/// driven by the daemon, by property tests and by a recorded run.
///
/// What a peer announced outlives its session. A lost session marks its routes stale; they leave when the peer, back again, completes
/// its table without them (End-of-RIB, or silence where the peer does not send one), or when `stale-time` is over. What an earlier run
/// left in the kernel is kept the same way until every neighbour has completed its table once.
///
/// Another configuration is taken up in place (`reload`): what it leaves as it is, sessions, routes and elements, is not touched.
package struct Engine: Sendable {
  package internal(set) var configuration: Configuration
  /// In the order of the configuration.
  var peers: [Peer] = []
  var tables: TableKeeper
  var exports: ExportSchedule
  var effects: [Effect] = []
  var actions: [Session.Action] = []
  var changes: [RouteChange] = []
  /// When what an earlier run left in a table leaves it.
  var inheritedDeadlines: [TableID: Instant] = [:]
  /// When the sets are looked after next.
  var checkDeadline: Instant?
  /// When the next commit may follow the last one; nil: now.
  var paceDeadline: Instant?
  /// When the host's addresses are looked after next.
  var hostDeadline: Instant?
  /// When the tables are saved.
  var snapshotDeadline: Instant?
  var lastSnapshot: Instant?
  /// When a neighbour last was there that had completed its table; nil: never, as far as is known.
  var lastConfirmation: Instant?
  /// The host's addresses, as last reported.
  var host = HostAddresses()
  /// Protected addresses that a feed has announced and that have been logged.
  var loggedProtections: Set<TableExclusions.Protected> = []
  /// What is counted for monitoring.
  var counters = Counters()
  /// Since when the commit under way, and what is to follow it, have been owed to the kernel; nil: nothing is.
  var committingSince: Instant?
  var owedSince: Instant?
  private(set) var isStarted = false
  /// The BGP identifier where the configuration has none.
  let routerID: IPv4Address
  private var random: RandomSource
  /// Neighbours so far.
  private var peerCount = 0

  /// A peer without End-of-RIB has completed its table when it has been silent for this long.
  static let quietTime = Interval.seconds(30)
  /// The same for a peer that has promised End-of-RIB.
  static let promisedQuietTime = Interval.seconds(300)
  /// A peer that never pauses has completed its table after this long.
  static let longestSynchronization = Interval.seconds(1800)
  /// What a commit may take for each element.
  static let elementTime = Interval(nanoseconds: 5_000)
  /// What it takes beyond that, if it is more than this, is followed by a pause of nine times as long, so that it is a tenth of the time
  /// at most: any change of a big interval set costs as much as the set is long. What comes meanwhile is one commit then.
  static let shortCommit = Interval.milliseconds(10)
  static let longestPause = Interval.seconds(5)
  /// How often the sets are checked for what other programs do to them.
  static let checkTime = Interval.milliseconds(500)
  /// How often the host's addresses are.
  static let hostTime = Interval.seconds(10)
  /// How long after the first of a burst of changes the tables are saved.
  static let snapshotTime = Interval.seconds(10)
  /// How far apart that is at least.
  static let snapshotPause = Interval.seconds(60)
  /// How often they are saved without a change, so that the snapshot says until when they were right.
  static let snapshotRenewal = Interval.seconds(3600)

  /// Minutes after which a neighbour over its `max-prefix` is asked again, where the configuration does not say.
  static let defaultRestartTime: UInt16 = 60
  /// How long a neighbour that was asked for its prefixes may take to begin.
  static let answerTime = Interval.seconds(30)
  /// Route changes of one turn whose room is used again.
  static let mostKeptChanges = 65536
  /// More lines about protected addresses would be noise.
  static let mostLoggedProtections = 100

  /// - Parameters:
  ///   - routerID: the BGP identifier where the configuration has none.
  ///   - random: for jitter.
  package init(_ configuration: Configuration, routerID: IPv4Address, random: RandomSource) {
    self.configuration = configuration
    self.routerID = routerID
    self.random = random
    exports = ExportSchedule(configuration.exports)
    let rules = RuleSet(configuration)
    let neighborRules = configuration.neighbors.map { rules.rules(for: $0, in: configuration) }
    tables = TableKeeper(TableArrangement(configuration, neighborRules))
    for (neighbor, rules) in zip(configuration.neighbors, neighborRules) { peers.append(newPeer(neighbor, rules)) }
    protect(HostAddresses())
  }

  /// A neighbour that has not been there before.
  mutating func newPeer(_ neighbor: Neighbor, _ rules: PeerRules) -> Peer {
    defer { peerCount += 1 }
    return Peer(id: PeerID(number: peerCount), neighbor: neighbor, rules: rules, session: newSession(neighbor))
  }

  mutating func newSession(_ neighbor: Neighbor) -> Session {
    Session(
      SessionConfiguration(neighbor, in: configuration, routerID: routerID),
      random: RandomSource(seed: random.next()))
  }

  // MARK: Inputs

  package mutating func handle(_ input: Input, at now: Instant) {
    switch input {
    case .start: start(now)
    case .connected(let connection, let local, let remote): connected(connection, local, remote, now)
    case .connectionFailed(let connection, let reason): connectionFailed(connection, reason, now)
    case .connectionClosed(let connection, let reason): connectionClosed(connection, reason, now)
    case .sent(let connection): sent(connection, now)
    case .snapshotLoaded(let snapshot, let age): snapshotLoaded(snapshot, age, now)
    case .snapshotSaved(let error): snapshotSaved(error, now)
    case .setsChecked(let change): setsChecked(change, now)
    case .setsRead(let contents): setsRead(contents, now)
    case .setsUnreadable(let reason): setsUnreadable(reason, now)
    case .committed(let serial, let refusals, let duration): committed(serial, refusals, duration, now)
    case .commitFailed(let serial, let reason): tablesFailed(serial, reason, now)
    case .hostAddresses(let addresses): protect(addresses)
    case .exported(let file, let result): exported(file, result, now)
    case .hookEnded(let hook, let outcome): hookEnded(hook, outcome)
    case .stop(let reason): stop(reason, now)
    }
  }

  /// Takes what a peer has sent.
  ///
  /// - Returns: how many octets were used; the rest is the beginning of a message and is to be given again with what follows.
  package mutating func received(_ connection: ConnectionID, _ octets: Span<UInt8>, at now: Instant) -> Int {
    guard let index = index(of: connection) else { return octets.count }
    peers[index].lastRead = now
    var start = 0
    var offset = 0
    // A session that has ended is not spoken to any more.
    var context = context(of: connection)
    while offset < octets.count {
      guard let current = context else { return octets.count }
      do throws(NotificationMessage) {
        guard let frame = try MessageFrame(in: octets, at: offset, maximum: current.maximumLength) else {
          return offset
        }
        start = offset
        offset = frame.end
        let message: Message
        if frame.type == .update {
          // Nearly all that ever comes. In Established it changes neither session nor context.
          var update = try UpdateMessage(frame, in: octets, current, recalling: &peers[index].memo)
          if !update.faults.isEmpty { logWhole(update, octets.extracting(start..<offset), index) }
          if peers[index].accept(&update, over: connection, at: now) {
            deliver(update, index, now)
            continue
          }
          message = .update(update)
        } else {
          message = try Message(frame, in: octets, current)
        }
        count(message, &peers[index].statistics.received)
        if case .open(let open) = message { logOpen(open, index) }
        take(.received(message), over: connection, reason(for: message), now)
      } catch {
        if error.code == IANA.ErrorCode.updateMessage {
          logWhole(nil, octets.extracting(start..<offset), index)
          peers[index].counters.resets += 1
        }
        take(.malformed(error), over: connection, error.description, now)
        return octets.count
      }
      context = self.context(of: connection)
    }
    return offset
  }

  /// Does what is due.
  package mutating func advance(to now: Instant) {
    for index in peers.indices {
      if let deadline = peers[index].session.nextDeadline, deadline <= now {
        noteKeepalive(index, now)
        step(index, .deadlineReached, deadlineReason(index), now)
      }
      if let deadline = peers[index].second?.session.nextDeadline, deadline <= now {
        stepSecond(index, .deadlineReached, now)
      }
      if let deadline = peers[index].connection?.sendHoldDeadline, deadline <= now {
        peers[index].connection?.sendHoldDeadline = nil
        step(index, .sendHoldTimerExpired, "SendHoldTimer expired", now)
      }
      if let deadline = peers[index].quietDeadline, deadline <= now { quiet(index, now) }
      if let deadline = peers[index].refreshDeadline, deadline <= now {
        endRefresh(index, peers[index].refreshing, now)
      }
      if let deadline = peers[index].staleDeadline, deadline <= now { expireStaleRoutes(index, now) }
      if let deadline = peers[index].restartDeadline, deadline <= now { askAgain(index, now) }
      if let deadline = peers[index].answerDeadline, deadline <= now { notAnswered(index, now) }
    }
    if let deadline = paceDeadline, deadline <= now { paceDeadline = nil }
    if let deadline = inheritedDeadlines.values.min(), deadline <= now { expireInherited(now) }
    if let deadline = tables.holdDeadline, deadline <= now { expireHeld(now) }
    if let deadline = tables.retryDeadline, deadline <= now {
      tables.prepareRetry()
      if tables.startReading() { effects.append(.readSets) }
    }
    if let deadline = checkDeadline, deadline <= now { checkSets(now) }
    if let deadline = hostDeadline, deadline <= now { checkHost(now) }
    if let deadline = snapshotDeadline, deadline <= now { saveSnapshot(now) }
  }

  /// When `advance` is due; nil for never.
  package var nextDeadline: Instant? {
    var earliest = [
      tables.retryDeadline, tables.holdDeadline, inheritedDeadlines.values.min(), checkDeadline, hostDeadline,
      snapshotDeadline, exports.deadline, exports.hookDeadline, paceDeadline,
    ].compactMap { $0 }.min()
    for peer in peers {
      if let deadline = peer.nextDeadline { earliest = min(earliest ?? deadline, deadline) }
    }
    return earliest
  }

  /// Ends the turn: what the shell has to do, in order.
  package mutating func takeEffects(at now: Instant) -> [Effect] {
    holdMassRemovals(now)
    noteOwed(now)
    tables.dropChangesWhileOutOfStep()
    if paceDeadline == nil, let changes = tables.takeChanges() {
      commit(changes)
    }
    if exports.isDue(at: now) { startExports(now) }
    runHooks(now)
    defer { effects = [] }
    return effects
  }

  // MARK: Start and stop

  private mutating func start(_ now: Instant) {
    guard !isStarted else { return }
    isStarted = true
    setInheritedDeadlines(now)
    lastConfirmation = lastConfirmation ?? now
    if configuration.protectsHost { hostDeadline = now + Self.hostTime }
    if tables.startReading() { effects.append(.readSets) }
    for index in peers.indices {
      if !peers[index].isShutDown { step(index, .start, "Start", now) }
    }
  }

  /// Whether the kernel has not acknowledged everything that it was given.
  package var isCommitting: Bool { tables.isCommitting }

  private mutating func stop(_ reason: Session.CeaseReason, _ now: Instant) {
    // What is decided is to be in the sets for as long as nobody looks after them.
    paceDeadline = nil
    for index in peers.indices {
      peers[index].restartDeadline = nil
      step(index, .stop(reason), "Stop", now)
    }
  }

  /// A line about a neighbour, or about the daemon.
  mutating func log(
    _ level: LogRecord.Level, _ message: String, _ index: Int? = nil, kind: LogRecord.Kind? = nil, sets: [String] = []
  ) {
    let peer = index.map { peers[$0].neighbor.address }
    effects.append(.log(LogRecord(level, message, peer: peer, kind: kind, sets: sets)))
  }
}
