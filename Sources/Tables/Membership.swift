package import Primitives

/// Which prefixes each table holds, counted over everybody who asks for them.
///
/// OpenBGPD's rule: the key is (prefix, table), the count is of routes; only the first one in and the last one out change the table.
/// So one of two servers that withdraws changes nothing. Changes collect until they are taken, as a net difference: what came and went
/// in between is not in it.
package struct Membership: Sendable {
  private var tables: [TableMembership]

  /// - Parameter tableCount: tables 0 to `tableCount` - 1 exist.
  package init(tableCount: Int) {
    tables = (0..<tableCount).map { _ in TableMembership() }
  }

  /// Goes over to other tables: those that are gone are forgotten, with the changes of theirs that nobody has taken; new ones are empty.
  package mutating func renumber(_ renumbering: TableRenumbering) {
    tables = renumbering.sources.map { source in source.map { tables[Int($0.index)] } ?? TableMembership() }
  }

  /// One route moves from the tables it was in to others; either may be empty.
  package mutating func move(_ prefix: Prefix, from old: TableSet, to new: TableSet) {
    guard old != new else { return }
    // Entering comes before leaving, so that a count never touches zero in between.
    for table in new.subtracting(old) where Int(table.index) < tables.count {
      tables[Int(table.index)].enter(prefix)
    }
    for table in old.subtracting(new) where Int(table.index) < tables.count {
      tables[Int(table.index)].leave(prefix)
    }
  }

  /// Whether any table has changed since the last `takeChanges`.
  package var hasChanges: Bool { tables.contains { $0.hasChanges } }

  /// The net changes since the last call, of the tables that have any.
  package mutating func takeChanges() -> [TableID: TableDelta] {
    var changes: [TableID: TableDelta] = [:]
    for index in tables.indices where tables[index].hasChanges {
      let delta = tables[index].takeChanges()
      if !delta.isEmpty { changes[TableID(index: UInt8(truncatingIfNeeded: index))] = delta }
    }
    return changes
  }

  /// Whether anything has left a table since the last `takeMoves`.
  package var hasDepartures: Bool { tables.contains { $0.ipv4.hasDepartures || $0.ipv6.hasDepartures } }

  /// The prefixes that have entered and left each table since the last call of this or of `takeChanges`, also those that have left or
  /// entered again.
  package mutating func takeMoves() -> [TableDelta] {
    tables.indices.map { index in
      let (entered4, left4) = tables[index].ipv4.takeMoves()
      let (entered6, left6) = tables[index].ipv6.takeMoves()
      return TableDelta(
        added: PrefixList(ipv4: entered4, ipv6: entered6), removed: PrefixList(ipv4: left4, ipv6: left6))
    }
  }

  /// Prefixes of a table in a family.
  package func count(_ table: TableID, _ family: AddressFamily) -> Int {
    guard Int(table.index) < tables.count else { return 0 }
    return switch family {
    case .ipv4: tables[Int(table.index)].ipv4.count
    case .ipv6: tables[Int(table.index)].ipv6.count
    }
  }

  /// 64 bits that are equal for equal prefixes of a table in a family, however they came in, on every host and in every release; 0 for
  /// none.
  ///
  /// For comparing hosts, not for trusting a feed: who chooses the prefixes can choose two tables with one hash. Computed anew each
  /// time, in 3 ms for a million IPv4 prefixes: it is asked for now and then, and changes come by the thousand.
  package func hash(_ table: TableID, _ family: AddressFamily) -> UInt64 {
    guard Int(table.index) < tables.count else { return 0 }
    return switch family {
    case .ipv4: tables[Int(table.index)].ipv4.hash
    case .ipv6: tables[Int(table.index)].ipv6.hash
    }
  }

  package func contains(_ prefix: Prefix, in table: TableID) -> Bool {
    guard Int(table.index) < tables.count else { return false }
    return switch prefix {
    case .v4(let prefix): tables[Int(table.index)].ipv4.contains(prefix)
    case .v6(let prefix): tables[Int(table.index)].ipv6.contains(prefix)
    }
  }

  /// All prefixes of a table, in no order.
  package func prefixes(of table: TableID) -> PrefixList {
    guard Int(table.index) < tables.count else { return PrefixList() }
    return PrefixList(ipv4: tables[Int(table.index)].ipv4.members, ipv6: tables[Int(table.index)].ipv6.members)
  }
}

/// What has to be done to a table: disjoint lists, in no order.
package struct TableDelta: Hashable, Sendable {
  package var added: PrefixList
  package var removed: PrefixList

  package init(added: PrefixList = PrefixList(), removed: PrefixList = PrefixList()) {
    self.added = added
    self.removed = removed
  }

  package var isEmpty: Bool { added.isEmpty && removed.isEmpty }
}

/// The membership of one table.
private struct TableMembership: Sendable {
  var ipv4 = References<IPv4Prefix>()
  var ipv6 = References<IPv6Prefix>()

  var hasChanges: Bool { ipv4.hasChanges || ipv6.hasChanges }

  mutating func enter(_ prefix: Prefix) {
    switch prefix {
    case .v4(let prefix): ipv4.enter(prefix)
    case .v6(let prefix): ipv6.enter(prefix)
    }
  }

  mutating func leave(_ prefix: Prefix) {
    switch prefix {
    case .v4(let prefix): ipv4.leave(prefix)
    case .v6(let prefix): ipv6.leave(prefix)
    }
  }

  mutating func takeChanges() -> TableDelta {
    let (added4, removed4) = ipv4.takeChanges()
    let (added6, removed6) = ipv6.takeChanges()
    return TableDelta(
      added: PrefixList(ipv4: added4, ipv6: added6), removed: PrefixList(ipv4: removed4, ipv6: removed6))
  }
}

/// Reference counts of one family with a log of the prefixes that entered or left.
private struct References<Key: AddressPrefix>: Sendable {
  private var counts = PrefixMap<Key, UInt16>()
  /// A prefix that comes and goes stands in both, and alternates between them.
  private var entered: [Key] = []
  private var left: [Key] = []

  /// Where in `entered` and `left` those begin that `takeMoves` has not told yet.
  private var untoldEntered = 0
  private var untoldLeft = 0

  var count: Int { counts.count }
  var hasChanges: Bool { !entered.isEmpty || !left.isEmpty }
  var members: [Key] { counts.keys }

  /// A sum, so that the order does not matter.
  var hash: UInt64 { counts.reduce(0) { $0 &+ $1.key.fingerprint } }

  func contains(_ key: Key) -> Bool {
    counts[key] != nil
  }

  mutating func enter(_ key: Key) {
    let isNew = counts.modify(key, default: 0) { count in
      count += 1
      return count == 1
    }
    if isNew { entered.append(key) }
  }

  mutating func leave(_ key: Key) {
    guard let count = counts[key] else { return }
    if count > 1 {
      counts.updateValue(count - 1, forKey: key)
    } else {
      counts.removeValue(forKey: key)
      left.append(key)
    }
  }

  var hasDepartures: Bool { untoldLeft < left.count }

  mutating func takeMoves() -> (entered: [Key], left: [Key]) {
    defer {
      untoldEntered = entered.count
      untoldLeft = left.count
    }
    return (Array(entered[untoldEntered...]), Array(left[untoldLeft...]))
  }

  mutating func takeChanges() -> (added: [Key], removed: [Key]) {
    defer {
      entered = []
      left = []
      untoldEntered = 0
      untoldLeft = 0
    }
    // A prefix can be twice in one list only if it is in the other as well, so a list alone is its own net.
    guard !entered.isEmpty, !left.isEmpty else { return (entered, left) }
    var net: [Key: Int] = [:]
    for key in entered { net[key, default: 0] += 1 }
    for key in left { net[key, default: 0] -= 1 }
    return (net.compactMap { $0.value > 0 ? $0.key : nil }, net.compactMap { $0.value < 0 ? $0.key : nil })
  }
}
