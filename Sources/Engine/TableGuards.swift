import Primitives
import Tables

/// What guards the tables after the rules have decided: mass removals are held, and what is kept out is counted.
extension TableKeeper {
  // MARK: Mass removals

  /// Looks at what has left the tables since the last look, and brings back what must not go yet.
  ///
  /// - Returns: how many prefixes are held from now on, for each table where there are any, and whether some were held before.
  mutating func holdMassRemovals(at now: Instant) -> [(table: TableID, count: Int, isMore: Bool)] {
    guard membership.hasDepartures else { return [] }
    let moves = membership.takeMoves()
    var gone: [(table: TableID, prefixes: [Prefix])] = []
    for index in names.indices where !moves[index].removed.isEmpty {
      let table = TableID(index: UInt8(truncatingIfNeeded: index))
      // What has entered another table has not gone silent: the feed has said something else of it.
      let elsewhere = Set(names.indices.filter { $0 != index }.flatMap { moves[$0].added.all })
      let prefixes = moves[index].removed.all.filter {
        !membership.contains($0, in: table) && !elsewhere.contains($0)
      }
      if !prefixes.isEmpty { gone.append((table, prefixes)) }
    }
    var sums: [(table: TableID, count: Int, isMore: Bool)] = []
    for (table, prefixes) in gone {
      let index = Int(table.index)
      let size = AddressFamily.allCases.reduce(0) { $0 + membership.count(table, $1) }
      let isMore = shrinkGuards[index].heldCount > 0
      let members = membership
      let returning = shrinkGuards[index].note(prefixes, size: size, at: now) { members.contains($0, in: table) }
      for prefix in returning { membership.move(prefix, from: .empty, to: TableSet(table)) }
      if !returning.isEmpty { sums.append((table, returning.count, isMore)) }
    }
    // What has come back is no news for the next look.
    if !sums.isEmpty { _ = membership.takeMoves() }
    return sums
  }

  /// What has left the tables since the last look was meant to.
  mutating func acceptRemovals() { _ = membership.takeMoves() }

  /// Whether anything is held.
  var isHolding: Bool { shrinkGuards.contains { $0.heldCount > 0 } }

  /// The feed has announced a prefix: whatever it is for, it is not held any more.
  mutating func release(_ prefix: Prefix) {
    for index in shrinkGuards.indices where shrinkGuards[index].release(prefix) {
      membership.move(prefix, from: TableSet(TableID(index: UInt8(truncatingIfNeeded: index))), to: .empty)
    }
  }

  /// Lets go what is held in a table: all of it, or what is due.
  ///
  /// - Returns: how many prefixes.
  mutating func releaseHeld(_ table: TableID, dueAt now: Instant? = nil) -> Int {
    let index = Int(table.index)
    let held = now.map { shrinkGuards[index].releaseDue(at: $0) } ?? shrinkGuards[index].releaseAll()
    for prefix in held { membership.move(prefix, from: TableSet(table), to: .empty) }
    return held.count
  }

  /// When something held is let go; nil: nothing is held.
  var holdDeadline: Instant? { shrinkGuards.compactMap(\.deadline).min() }

  /// Prefixes of a part that are held.
  func held(_ part: Part) -> Int {
    shrinkGuards[Int(part.table.index)].held.count { $0.family == part.family }
  }

  // MARK: What is kept out

  /// Counts a route that a guard begins (1) or ceases (-1) to keep out of the tables.
  mutating func countRefused(_ prefix: Prefix, _ tables: TableSet, _ change: Int) {
    for table in tables {
      let index = 2 * Int(table.index) + (prefix.family == .ipv4 ? 0 : 1)
      parts[index].refusedRoutes += change
    }
  }

  /// All routes are counted anew.
  mutating func forgetRefused() {
    for index in parts.indices { parts[index].refusedRoutes = 0 }
  }

  /// What of a table is kept out because it is protected: members that are protected altogether, and protected prefixes that a wider
  /// member covers.
  func carvedOut(_ table: TableID, _ family: AddressFamily) -> [Prefix] {
    guard exclusions.isProtected(table) else { return [] }
    let protected = exclusions.protected.map(\.prefix).filter { $0.family == family }
    guard !protected.isEmpty else { return [] }
    var carved = Set(protected.filter { isCovered($0, in: table) })
    // Almost always it is a handful of addresses against a table of any size, and no member lies in one.
    guard !exclusions.areHosts(family) else { return carved.sorted() }
    let members = membership.prefixes(of: table)
    let ofFamily: [Prefix] = family == .ipv4 ? members.ipv4.map(Prefix.v4) : members.ipv6.map(Prefix.v6)
    carved.formUnion(ofFamily.filter { exclusions.covers($0) })
    return carved.sorted()
  }

  /// Whether a member of the table covers a prefix.
  private func isCovered(_ prefix: Prefix, in table: TableID) -> Bool {
    (0...prefix.length).contains { length in
      Prefix(prefix.address, length: length).map { membership.contains($0, in: table) } ?? false
    }
  }
}
