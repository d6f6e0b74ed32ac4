import Primitives
import Tables

/// What guards the tables after the rules have decided: mass removals are held, and what is kept out is counted.
extension TableKeeper {
  // MARK: Mass removals

  /// Looks at what has left the tables since the last look, and brings back what must not go yet.
  ///
  /// - Returns: how many prefixes are held from now on, for each table where there are any.
  mutating func holdMassRemovals(at now: Instant) -> [(table: TableID, count: Int)] {
    var sums: [(table: TableID, count: Int)] = []
    for index in names.indices {
      let table = TableID(index: UInt8(truncatingIfNeeded: index))
      let departures = membership.takeDepartures(table)
      guard !departures.isEmpty else { continue }
      // What is in another table now has not gone silent: the feed has said something else of it.
      let gone = Set(departures.all).filter { !isMember($0) }
      let size = AddressFamily.allCases.reduce(0) { $0 + membership.count(table, $1) }
      let returning = shrinkGuards[index].note(Array(gone), size: size, at: now)
      var count = 0
      for prefix in returning {
        if isMember(prefix) {
          _ = shrinkGuards[index].release(prefix)
        } else {
          membership.move(prefix, from: .empty, to: TableSet(table))
          count += 1
        }
      }
      if count > 0 { sums.append((table, count)) }
    }
    return sums
  }

  /// What has left the tables since the last look was meant to.
  mutating func acceptRemovals() {
    for index in names.indices { _ = membership.takeDepartures(TableID(index: UInt8(truncatingIfNeeded: index))) }
  }

  private func isMember(_ prefix: Prefix) -> Bool {
    names.indices.contains { membership.contains(prefix, in: TableID(index: UInt8(truncatingIfNeeded: $0))) }
  }

  /// Whether anything is held.
  var isHolding: Bool { shrinkGuards.contains { !$0.held.isEmpty } }

  /// The feed has announced a prefix: whatever it is for, it is not held any more.
  mutating func release(_ prefix: Prefix) {
    for index in shrinkGuards.indices where shrinkGuards[index].release(prefix) {
      membership.move(prefix, from: TableSet(TableID(index: UInt8(truncatingIfNeeded: index))), to: .empty)
    }
  }

  /// Lets go what is held in a table.
  ///
  /// - Returns: how many prefixes.
  mutating func releaseHeld(_ table: TableID) -> Int {
    let held = shrinkGuards[Int(table.index)].releaseAll()
    for prefix in held { membership.move(prefix, from: TableSet(table), to: .empty) }
    return held.count
  }

  /// When something held is let go; nil: nothing is held.
  var holdDeadline: Instant? { shrinkGuards.compactMap(\.deadline).min() }

  /// Prefixes of a part that are held.
  func held(_ part: Part) -> Int {
    let held = shrinkGuards[Int(part.table.index)].held
    return held.isEmpty ? 0 : held.count { $0.family == part.family }
  }

  // MARK: What is kept out

  /// Counts a route that a guard begins (1) or ceases (-1) to keep out of the tables.
  mutating func countRefused(_ prefix: Prefix, _ tables: TableSet, _ change: Int) {
    for table in tables {
      let index = 2 * Int(table.index) + (prefix.family == .ipv4 ? 0 : 1)
      parts[index].refusedRoutes += change
    }
  }

  /// Members of a table that are protected altogether, so that nothing of them is in the kernel.
  func protectedMembers(_ table: TableID, _ family: AddressFamily) -> [Prefix] {
    guard exclusions.isProtected(table), !exclusions.protected.isEmpty else { return [] }
    let protected = exclusions.protected.map(\.prefix).filter { $0.family == family }
    // Almost always a handful of addresses against a table of any size.
    if exclusions.areHosts(family) { return protected.filter { membership.contains($0, in: table) }.sorted() }
    let members = membership.prefixes(of: table)
    let ofFamily: [Prefix] = family == .ipv4 ? members.ipv4.map(Prefix.v4) : members.ipv6.map(Prefix.v6)
    return ofFamily.filter { exclusions.covers($0) }.sorted()
  }
}
