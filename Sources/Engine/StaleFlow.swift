import BGPWire
import ConfigFile
import Primitives
import RIB
import Tables

/// How long what nobody confirms any more stays: routes of a lost session, what an earlier run left, what the shrink guard holds.
extension Engine {
  // MARK: Routes of a lost session

  /// How long a stale route stays: as its table says, then as the neighbour's `stale-time` says, then as the peer has asked for
  /// (RFC 9494), then a day.
  func staleTime(_ index: Int, _ prefix: Prefix, _ attributes: AttributesID, _ table: TableID?) -> Interval {
    if let time = table.flatMap({ tables.policies[Int($0.index)].staleTime }) { return time }
    // RFC 9494 §4.3: routes with NO_LLGR are not kept beyond the restart time.
    if peers[index].neighbor.staleTime == nil, peers[index].longLivedStaleTimes[prefix.family] != nil,
      peers[index].rib.pool[attributes].communities.contains(.noLongLivedGracefulRestart)
    {
      return peers[index].restartTime
    }
    return staleTime(index, prefix.family)
  }

  private func staleTime(_ index: Int, _ family: AddressFamily) -> Interval {
    if let seconds = peers[index].neighbor.staleTime { return .seconds(Int(seconds)) }
    return peers[index].longLivedStaleTimes[family] ?? .seconds(Int(Configuration.defaultStaleTime))
  }

  /// The times after which stale routes of a peer may leave.
  func staleTimes(_ index: Int) -> Set<Interval> {
    var times = Set(AddressFamily.allCases.map { staleTime(index, $0) })
    times.formUnion(peers[index].rules.reachableTables.compactMap { tables.policies[Int($0.index)].staleTime })
    if peers[index].neighbor.staleTime == nil, !peers[index].longLivedStaleTimes.isEmpty {
      times.insert(peers[index].restartTime)
    }
    return times
  }

  /// Stale routes leave some time after the loss that made them so.
  mutating func setStaleDeadline(_ index: Int, _ now: Instant) {
    peers[index].staleDeadline = staleTimes(index).min().map { (peers[index].lostAt ?? now) + $0 }
  }

  /// Removes the stale routes whose time is over.
  mutating func expireStaleRoutes(_ index: Int, _ now: Instant) {
    let elapsed = now - (peers[index].lostAt ?? now)
    peers[index].staleDeadline = nil
    var peer = peers[index]
    var expired = PrefixList()
    for (prefix, route) in peer.rib.ipv4.routes where route.isStale {
      let table = peer.decide(.v4(prefix), route.attributes).tables.first
      if staleTime(index, .v4(prefix), route.attributes, table) <= elapsed { expired.ipv4.append(prefix) }
    }
    for (prefix, route) in peer.rib.ipv6.routes where route.isStale {
      let table = peer.decide(.v6(prefix), route.attributes).tables.first
      if staleTime(index, .v6(prefix), route.attributes, table) <= elapsed { expired.ipv6.append(prefix) }
    }
    if !expired.isEmpty {
      log(
        .warning, "\(peers[index].logName): stale-time is over: removing \(expired.count) prefixes", index,
        kind: .routesRemoved)
      withoutHolding(now) { engine in engine.withdraw(expired, index) }
    }
    if peers[index].rib.staleCount > 0, let next = staleTimes(index).filter({ $0 > elapsed }).min() {
      peers[index].staleDeadline = (peers[index].lostAt ?? now) + next
    } else {
      peers[index].lostAt = nil
    }
  }

  /// Removes routes as if the peer had withdrawn them.
  mutating func withdraw(_ prefixes: PrefixList, _ index: Int) {
    changes.removeAll(keepingCapacity: true)
    peers[index].rib.withdraw(prefixes, into: &changes)
    applyChanges(index)
  }

  // MARK: What an earlier run left

  /// How long what an earlier run left in a table stays without being confirmed.
  func inheritedTime(_ table: Int) -> Interval {
    tables.policies[table].staleTime ?? .seconds(Int(configuration.staleTime ?? Configuration.defaultStaleTime))
  }

  mutating func snapshotLoaded(_ snapshot: [String: PrefixList], _ age: Interval, _ now: Instant) {
    lastConfirmation = Instant(nanoseconds: now.nanoseconds - age.nanoseconds)
    for (index, name) in tables.names.enumerated() {
      guard let prefixes = snapshot[name] else { continue }
      let time = inheritedTime(index)
      let table = TableID(index: UInt8(truncatingIfNeeded: index))
      guard age < time else {
        // What the sets hold is as old, so it is not to begin another day; but the feed gets its chance to confirm it.
        inheritedDeadlines[table] = now + Self.longestSynchronization
        log(
          .warning, "the snapshot of table \(name) is \(age.seconds) s old, stale-time is \(time.seconds) s: not used",
          kind: .snapshot, sets: [name])
        continue
      }
      inheritedDeadlines[table] = now + Interval(nanoseconds: time.nanoseconds - age.nanoseconds)
      tables.inherit(prefixes, table)
      log(
        .info, "\(prefixes.count) prefixes of \(name) restored from the snapshot: kept until the feed is complete",
        kind: .snapshot, sets: [name])
    }
  }

  mutating func setInheritedDeadlines(_ now: Instant) {
    for index in tables.names.indices {
      let table = TableID(index: UInt8(truncatingIfNeeded: index))
      if inheritedDeadlines[table] == nil { inheritedDeadlines[table] = now + inheritedTime(index) }
    }
  }

  /// Every neighbour has completed its table: what only an earlier run put there leaves.
  mutating func releaseInherited() {
    inheritedDeadlines = [:]
    for table in tables.inherited.keys.sorted() { tables.releaseInherited(table) }
  }

  mutating func expireInherited(_ now: Instant) {
    for (table, deadline) in inheritedDeadlines.sorted(by: { $0.key < $1.key }) where deadline <= now {
      inheritedDeadlines[table] = nil
      guard tables.inherited[table] != nil else { continue }
      let name = tables.names[Int(table.index)]
      log(
        .warning, "stale-time is over: removing what an earlier run left in \(name)", kind: .routesRemoved, sets: [name]
      )
      withoutHolding(now) { engine in engine.tables.releaseInherited(table) }
    }
  }

  // MARK: What the shrink guard holds

  /// Holds what left the tables in this turn where it is too much.
  mutating func holdMassRemovals(_ now: Instant) {
    for (table, count, isMore) in tables.holdMassRemovals(at: now) {
      let name = tables.names[Int(table.index)]
      guard !isMore else {
        log(.info, "table \(name): \(count) more prefixes are held", kind: .held, sets: [name])
        continue
      }
      let hold = tables.policies[Int(table.index)].shrinkHold.seconds
      log(
        .error,
        "table \(name): \(count) prefixes are gone from the feed at once: held for \(hold) s unless it announces them "
          + "again; \"nftbgpctl table \(name) accept\" lets them go", kind: .held, sets: [name])
    }
  }

  /// Removals that are meant, by the operator or by the time that has passed.
  mutating func withoutHolding(_ now: Instant, _ remove: (inout Engine) -> Void) {
    holdMassRemovals(now)
    remove(&self)
    tables.acceptRemovals()
  }

  mutating func expireHeld(_ now: Instant) {
    for index in tables.names.indices where tables.shrinkGuards[index].deadline.map({ $0 <= now }) ?? false {
      let table = TableID(index: UInt8(truncatingIfNeeded: index))
      var count = 0
      withoutHolding(now) { engine in count = engine.tables.releaseHeld(table, dueAt: now) }
      guard count > 0 else { continue }
      let name = tables.names[index]
      log(
        .warning, "table \(name): \(count) held prefixes leave, the hold time is over", kind: .held, sets: [name])
    }
  }

  /// Lets go what is held in a table.
  mutating func letGo(_ table: TableID, _ now: Instant) -> Int {
    var count = 0
    withoutHolding(now) { engine in count = engine.tables.releaseHeld(table) }
    return count
  }
}
