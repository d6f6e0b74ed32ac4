import BGPSession
import BGPWire
import ConfigFile
import Control
import Metrics
import Primitives
import RIB
import Tables

/// Updates to tables: what a peer announces, withdraws, completes and leaves behind.
extension Engine {
  mutating func deliver(_ update: UpdateMessage, _ index: Int, _ now: Instant) {
    if peers[index].isUp, !peers[index].isSynchronized {
      // The clock starts with the first announcement: a server that has just started may take its time.
      let bound = peers[index].quietBound ?? now + Self.longestSynchronization
      peers[index].quietBound = bound
      let isPromised = peers[index].promisesEndOfRIB
      peers[index].quietDeadline = min(now + (isPromised ? Self.promisedQuietTime : Self.quietTime), bound)
    }
    peers[index].counters.lastUpdate = now
    noteFaults(update, index)
    peers[index].statistics.announced += UInt64(update.announced.count)
    peers[index].statistics.withdrawn += UInt64(update.withdrawn.count)
    changes.removeAll(keepingCapacity: true)
    let limit = peers[index].neighbor.maxPrefix.map { Int(clamping: $0) } ?? .max
    let overLimit = peers[index].rib.apply(update, limit: limit, at: now, into: &changes)
    if peers[index].answerDeadline != nil, update.endOfRIB != nil || changes.contains(where: \.isRepetition) {
      noteAnswer(index)
    }
    applyChanges(index)
    if overLimit > 0 { noteOverLimit(index, overLimit, limit, now) }
    if let family = update.endOfRIB { endOfRIB(index, family, now) }
  }

  /// Moves what has changed in a peer's routes between the tables.
  mutating func applyChanges(_ index: Int) {
    let isHolding = tables.isHolding
    for change in changes {
      switch change {
      case .announced(let prefix, let attributes, let replaced):
        // Whoever puts it into a table decides over it, and so it is not held any more.
        if isHolding, !peers[index].place(prefix, attributes, tables.policies).tables.isEmpty { tables.release(prefix) }
        guard attributes != replaced else { continue }
        move(prefix, index, from: replaced, to: attributes)
      case .withdrawn(let prefix, let attributes):
        move(prefix, index, from: attributes, to: nil)
      }
    }
    if configuration.logUpdates || peers[index].neighbor.logUpdates { logChanges(index) }
    peers[index].collect()
    // A whole table that has left is not to be kept as the list of what has.
    if changes.count > Self.mostKeptChanges { changes = [] }
  }

  /// Moves one route from the tables of its old attributes to those of its new ones; nil: it was not, or is not any more, there.
  private mutating func move(_ prefix: Prefix, _ index: Int, from old: AttributesID?, to new: AttributesID?) {
    let before = old.map { peers[index].place(prefix, $0, tables.policies) }
    let after = new.map { peers[index].place(prefix, $0, tables.policies) }
    let left = before?.tables ?? .empty
    let entered = after?.tables ?? .empty
    if !left.isEmpty { peers[index].routesInTables -= 1 }
    if let before, before.refusal != nil {
      tables.countRefused(prefix, before.named, -1)
      peers[index].refusedRoutes -= 1
    }
    if let after {
      note(after, prefix, index)
      switch after.refusal {
      case .length: peers[index].counters.refusedForLength += 1
      case .reserved: peers[index].counters.refusedAsReserved += 1
      case nil: break
      }
    }
    for table in entered { logProtection(prefix, table, index) }
    tables.membership.move(prefix, from: left, to: entered)
  }

  /// Counts a route by what becomes of it.
  mutating func note(_ placement: Peer.Placement, _ prefix: Prefix, _ index: Int) {
    if !placement.tables.isEmpty { peers[index].routesInTables += 1 }
    guard let refusal = placement.refusal else { return }
    tables.countRefused(prefix, placement.named, 1)
    peers[index].refusedRoutes += 1
    logRefusal(prefix, placement.named, refusal, index)
  }

  mutating func endOfRIB(_ index: Int, _ family: AddressFamily, _ now: Instant) {
    peers[index].statistics.endOfRIBReceived += 1
    guard peers[index].awaitingEndOfRIB.remove(family) != nil else { return }
    sweep(index, [family])
    guard peers[index].awaitingEndOfRIB.isEmpty else { return }
    synchronized(index, bySilence: false, now)
  }

  /// The peer has been quiet for long enough to have sent everything, if it has sent anything at all.
  mutating func quiet(_ index: Int, _ now: Instant) {
    guard peers[index].rib.freshCount == 0 else { return synchronized(index, bySilence: true, now) }
    peers[index].quietDeadline = nil
    guard peers[index].rib.staleCount > 0 else { return }
    setStaleDeadline(index, now)
    log(
      .warning, "\(peers[index].logName): has announced nothing yet, its stale prefixes wait for stale-time", index,
      kind: .routesKept)
  }

  /// The peer's table is complete: what is still stale has left.
  mutating func synchronized(_ index: Int, bySilence: Bool, _ now: Instant) {
    peers[index].quietDeadline = nil
    peers[index].quietBound = nil
    peers[index].staleDeadline = nil
    peers[index].lostAt = nil
    peers[index].awaitingEndOfRIB = []
    sweep(index, AddressFamily.allCases)
    peers[index].isSynchronized = true
    peers[index].hasEverSynchronized = true
    takeUpRoom(index, now)
    let prefixes = peers[index].rib.count
    let how = bySilence ? "no End-of-RIB, but silent" : "End-of-RIB"
    log(
      .info, "\(peers[index].logName): table complete with \(prefixes) prefixes (\(how))", index, kind: .tableComplete)
    if prefixes > 0, peers[index].routesInTables == 0 {
      log(
        .warning, "\(peers[index].logName): \(prefixes) prefixes received, 0 in tables: no rule fills one from them",
        index, kind: .refused)
    }
    exports.mark(at: now)
    releaseInheritedWhenComplete()
  }

  /// What an earlier run left is no longer needed once every neighbour that is to have a session has completed its table.
  mutating func releaseInheritedWhenComplete() {
    let awaited = peers.filter { !$0.isShutDown && !$0.hasEverSynchronized }
    if awaited.isEmpty, peers.contains(where: \.hasEverSynchronized) { releaseInherited() }
  }

  mutating func sweep(_ index: Int, _ families: [AddressFamily]) {
    changes.removeAll(keepingCapacity: true)
    for family in families {
      peers[index].rib.sweep(family, into: &changes)
    }
    guard !changes.isEmpty else { return }
    log(.info, "\(peers[index].logName): removing \(changes.count) stale prefixes", index, kind: .routesRemoved)
    applyChanges(index)
    // Stale routes have made room for prefixes that there was none for before.
    if peers[index].statistics.overLimit > 0 { peers[index].hasRoom = true }
  }

  /// `max-prefix`: what is over the limit is not taken, and everything else stays as it is.
  private mutating func noteOverLimit(_ index: Int, _ count: Int, _ limit: Int, _ now: Instant) {
    peers[index].statistics.overLimit += UInt64(count)
    peers[index].counters.overLimit += UInt64(count)
    guard peers[index].restartDeadline == nil else { return }
    let minutes = peers[index].neighbor.maxPrefixRestart ?? Self.defaultRestartTime
    peers[index].restartDeadline = now + .seconds(Int(minutes) * 60)
    let name = peers[index].logName
    log(
      .error,
      "\(name): prefix limit reached (\(limit)): no further prefixes are taken, it is asked again in \(minutes) min",
      index, kind: .prefixLimit)
  }

  /// One line for each reason, table and session: what follows is counted.
  mutating func logRefusal(_ prefix: Prefix, _ named: TableSet, _ refusal: Refusal, _ index: Int) {
    for table in named where peers[index].loggedRefusals.insert(.init(table: table, refusal: refusal)).inserted {
      let name = tables.names[Int(table.index)]
      log(
        .warning, "\(peers[index].logName): \(prefix) is kept out of \(name): \(refusal)", index, kind: .refused,
        sets: [name])
    }
  }

  /// One line for each address that a feed would have had the host block.
  mutating func logProtection(_ prefix: Prefix, _ table: TableID, _ index: Int?) {
    guard loggedProtections.count < Self.mostLoggedProtections, tables.exclusions.isProtected(table),
      let found = tables.exclusions.overlapping(prefix), loggedProtections.insert(found).inserted
    else { return }
    let feed = index.map { peers[$0].logName } ?? "the feed"
    let name = tables.names[Int(table.index)]
    log(
      .warning, "\(feed): \(prefix) would block \(found.prefix), \(found.reason): carved out of \(name)", index,
      kind: .refused, sets: [name])
  }

  private mutating func logChanges(_ index: Int) {
    for change in changes {
      switch change {
      case .announced(let prefix, _, _): log(.info, "\(peers[index].logName): announced \(prefix)", index, kind: .route)
      case .withdrawn(let prefix, _): log(.info, "\(peers[index].logName): withdrawn \(prefix)", index, kind: .route)
      }
    }
  }
}
