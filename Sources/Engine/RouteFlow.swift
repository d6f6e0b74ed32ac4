import BGPSession
import BGPWire
import ConfigFile
import Control
import Primitives
import RIB
import Tables

/// Updates to tables: what a peer announces, withdraws, completes and leaves behind.
extension Engine {
  mutating func deliver(_ update: UpdateMessage, _ index: Int, _ now: Instant) {
    if let bound = peers[index].quietBound, !peers[index].isSynchronized {
      let isPromised = peers[index].session.negotiated?.gracefulRestart != nil
      peers[index].quietDeadline = min(now + (isPromised ? Self.promisedQuietTime : Self.quietTime), bound)
    }
    noteFaults(update, index)
    peers[index].statistics.announced += UInt64(update.announced.count)
    peers[index].statistics.withdrawn += UInt64(update.withdrawn.count)
    changes.removeAll(keepingCapacity: true)
    peers[index].rib.apply(update, at: now, into: &changes)
    applyChanges(index)
    if let family = update.endOfRIB { endOfRIB(index, family, now) }
  }

  /// Moves what has changed in a peer's routes between the tables.
  mutating func applyChanges(_ index: Int) {
    for change in changes {
      switch change {
      case .announced(let prefix, let attributes, let replaced):
        let new = peers[index].decide(prefix, attributes).tables
        let old = replaced.map { peers[index].decide(prefix, $0).tables } ?? .empty
        peers[index].routesInTables += (new.isEmpty ? 0 : 1) - (old.isEmpty ? 0 : 1)
        tables.membership.move(prefix, from: old, to: new)
      case .withdrawn(let prefix, let attributes):
        let old = peers[index].decide(prefix, attributes).tables
        peers[index].routesInTables -= old.isEmpty ? 0 : 1
        tables.membership.move(prefix, from: old, to: .empty)
      }
    }
    if configuration.logUpdates || peers[index].neighbor.logUpdates { logChanges(index) }
    peers[index].collect()
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
    log(.warning, "\(peers[index].logName): has announced nothing yet, its stale prefixes wait for stale-time", index)
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
    let prefixes = peers[index].rib.count
    let how = bySilence ? "no End-of-RIB, but silent" : "End-of-RIB"
    log(.info, "\(peers[index].logName): table complete with \(prefixes) prefixes (\(how))", index)
    if prefixes > 0, peers[index].routesInTables == 0 {
      log(
        .warning, "\(peers[index].logName): \(prefixes) prefixes received, 0 in tables: no rule fills one from them",
        index)
    }
    exports.mark(at: now)
    let awaited = peers.filter { $0.neighbor.down == nil && !$0.hasEverSynchronized }
    if awaited.isEmpty { releaseInherited() }
  }

  mutating func sweep(_ index: Int, _ families: [AddressFamily]) {
    changes.removeAll(keepingCapacity: true)
    for family in families {
      peers[index].rib.sweep(family, into: &changes)
    }
    guard !changes.isEmpty else { return }
    log(.info, "\(peers[index].logName): removing \(changes.count) stale prefixes", index)
    applyChanges(index)
  }

  mutating func expireStaleRoutes(_ index: Int) {
    peers[index].staleDeadline = nil
    peers[index].lostAt = nil
    peers[index].refreshing = []
    log(.warning, "\(peers[index].logName): stale-time is over", index)
    sweep(index, AddressFamily.allCases)
  }

  mutating func releaseInherited() {
    inheritedDeadline = nil
    tables.releaseInherited()
  }

  /// `max-prefix`: the session ends, the prefixes stay as those of any lost session do.
  mutating func enforceMaxPrefix(_ index: Int, _ now: Instant) {
    guard let limit = peers[index].neighbor.maxPrefix, limit > 0, peers[index].rib.freshCount > Int(limit),
      peers[index].session.isEstablished
    else { return }
    log(.error, "\(peers[index].logName): prefix limit reached (>\(peers[index].rib.freshCount - 1)/\(limit))", index)
    if let minutes = peers[index].neighbor.maxPrefixRestart {
      peers[index].restartDeadline = now + .seconds(Int(minutes) * 60)
    }
    step(index, .stop(.init(.maximumNumberOfPrefixesReached)), "Prefix limit reached", now)
  }

  /// Counts what RFC 7606 had to repair, and logs each kind once a session: a flood of bad updates is not to be a flood of lines.
  private mutating func noteFaults(_ update: UpdateMessage, _ index: Int) {
    guard !update.faults.isEmpty else { return }
    if update.isTreatedAsWithdraw {
      peers[index].statistics.treatedAsWithdraw += 1
    }
    for fault in update.faults {
      if fault.verdict == .discard { peers[index].statistics.attributesDiscarded += 1 }
      guard peers[index].loggedFaults.insert(fault).inserted else { continue }
      let reaction = fault.verdict == .discard ? "attribute discarded" : "treated as withdraw"
      log(.warning, "\(peers[index].logName): bad UPDATE, \(fault.description), \(reaction)", index)
    }
  }

  private mutating func logChanges(_ index: Int) {
    for change in changes {
      switch change {
      case .announced(let prefix, _, _): log(.info, "\(peers[index].logName): announced \(prefix)", index)
      case .withdrawn(let prefix, _): log(.info, "\(peers[index].logName): withdrawn \(prefix)", index)
      }
    }
  }
}
