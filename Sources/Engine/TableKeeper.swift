import ConfigFile
import Primitives
import Tables

/// The truth about the tables and what the kernel is known to hold of it.
///
/// One commit is in flight at most. While it is, further changes collect in `Membership` as one net difference, so batching adapts to
/// what the kernel takes. Nothing is lost on an error: the wanted state is in `Membership`, and a failed commit is followed by a new
/// look at the sets and the difference to them.
///
/// What an earlier run left in the sets counts as asked for by nobody's peer, `inherited`, until the feed has been heard in full: so a
/// restart never empties a table.
struct TableKeeper: Sendable {
  /// One table in one family.
  struct Part: Sendable {
    let table: TableID
    let family: AddressFamily
    let name: String
    var layout: SetLayout?
    /// Elements as far as acknowledged, hash and interval set together; nil before the first look.
    var inKernel: Int?
    var lastChange: Instant?

    var sets: [KernelSet] { KernelSet.sets(of: name, family, layout ?? .hostsAndIntervals) }
  }

  /// A commit under way.
  private struct InFlight: Sendable {
    let serial: UInt64
    let changes: [SetChange]
  }

  let names: [String]
  var membership: Membership
  private(set) var parts: [Part]
  private var projections4: [TableProjection<IPv4Prefix>?]
  private var projections6: [TableProjection<IPv6Prefix>?]
  private(set) var inherited: [TableID: PrefixList] = [:]
  private var inFlight: InFlight?
  private var serial: UInt64 = 0
  /// The sets have been looked at, and nothing has failed since.
  private(set) var isInStep = false
  private var isReading = false
  /// The last error, while it is not resolved.
  private(set) var failure: String?
  private var failures = 0
  private(set) var retryDeadline: Instant?

  init(names: [String]) {
    self.names = names
    membership = Membership(tableCount: names.count)
    parts = names.indices.flatMap { index in
      AddressFamily.allCases.map {
        Part(table: TableID(index: UInt8(truncatingIfNeeded: index)), family: $0, name: names[index])
      }
    }
    projections4 = Array(repeating: nil, count: names.count)
    projections6 = Array(repeating: nil, count: names.count)
  }

  func table(named name: String) -> TableID? {
    names.firstIndex(of: name).map { TableID(index: UInt8(truncatingIfNeeded: $0)) }
  }

  /// Whether the sets should be looked at now.
  mutating func startReading() -> Bool {
    guard !isInStep, !isReading, inFlight == nil, !names.isEmpty else { return false }
    isReading = true
    retryDeadline = nil
    return true
  }

  /// Another program has changed the sets: they are to be looked at again.
  mutating func distrust() {
    isInStep = false
  }

  /// Whether the sets may be checked: nothing is under way that changes or reads them.
  var isIdle: Bool { isInStep && inFlight == nil }

  /// Asks for prefixes in the name of an earlier run.
  mutating func inherit(_ prefixes: PrefixList, _ table: TableID) {
    for prefix in prefixes.all {
      membership.move(prefix, from: .empty, to: TableSet(table))
    }
    inherited[table, default: PrefixList()].append(contentsOf: prefixes)
  }

  /// The sets have been looked at.
  ///
  /// - Parameter inherits: the first look of this run: what the sets hold stays until `releaseInherited`.
  mutating func read(_ contents: [TableContents], inherits: Bool) -> [SetChange] {
    isReading = false
    isInStep = true
    if inherits {
      for content in contents {
        var prefixes = content.hosts
        prefixes.append(contentsOf: content.intervals)
        inherit(prefixes, content.table)
      }
    }
    _ = membership.takeChanges()  // the difference to the kernel says it all
    let changes = contents.flatMap { reconcile($0) }
    // With nothing left to commit, what failed before is resolved.
    if changes.isEmpty { resolve() }
    return changes
  }

  /// What brings the sets of one table and family from `contents` to the wanted state.
  private mutating func reconcile(_ contents: TableContents) -> [SetChange] {
    guard let index = parts.firstIndex(where: { $0.table == contents.table && $0.family == contents.family }) else {
      return []
    }
    parts[index].layout = contents.layout
    let wanted = membership.prefixes(of: contents.table)
    let kernelHosts = contents.hasForeignHosts ? PrefixList() : contents.hosts
    let kernelIntervals = contents.hasForeignRanges ? PrefixList() : contents.intervals
    var changes: [SetChange]
    switch contents.family {
    case .ipv4:
      var projection = TableProjection<IPv4Prefix>(contents.layout)
      changes = Self.setChanges(
        parts[index].sets,
        projection.reset(to: wanted.ipv4, kernelHosts: kernelHosts.ipv4, kernelIntervals: kernelIntervals.ipv4)
      ) { PrefixList(ipv4: $0) }
      projections4[Int(contents.table.index)] = projection
    case .ipv6:
      var projection = TableProjection<IPv6Prefix>(contents.layout)
      changes = Self.setChanges(
        parts[index].sets,
        projection.reset(to: wanted.ipv6, kernelHosts: kernelHosts.ipv6, kernelIntervals: kernelIntervals.ipv6)
      ) { PrefixList(ipv6: $0) }
      projections6[Int(contents.table.index)] = projection
    }
    for set in changes.indices {
      changes[set].replaces = changes[set].set.isInterval ? contents.hasForeignRanges : contents.hasForeignHosts
    }
    parts[index].inKernel = kernelHosts.count + kernelIntervals.count
    return changes.filter { !$0.isEmpty }
  }

  /// The changes of the sets since the last call; nil while the kernel cannot be given any.
  mutating func takeChanges() -> [SetChange]? {
    guard isInStep, inFlight == nil, membership.hasChanges else { return nil }
    var changes: [SetChange] = []
    for (table, delta) in membership.takeChanges().sorted(by: { $0.key < $1.key }) {
      let index = Int(table.index)
      for part in parts where part.table == table {
        switch part.family {
        case .ipv4:
          guard let applied = projections4[index]?.apply(added: delta.added.ipv4, removed: delta.removed.ipv4) else {
            continue
          }
          changes += Self.setChanges(part.sets, applied) { PrefixList(ipv4: $0) }
        case .ipv6:
          guard let applied = projections6[index]?.apply(added: delta.added.ipv6, removed: delta.removed.ipv6) else {
            continue
          }
          changes += Self.setChanges(part.sets, applied) { PrefixList(ipv6: $0) }
        }
      }
    }
    changes.removeAll(where: \.isEmpty)
    return changes.isEmpty ? nil : changes
  }

  /// While the sets are not known, what has changed is not remembered: the next look compares them with all members anyway.
  mutating func dropChangesWhileOutOfStep() {
    if !isInStep, membership.hasChanges { _ = membership.takeChanges() }
  }

  private static func setChanges<Key: AddressPrefix>(
    _ sets: [KernelSet], _ changes: TableProjection<Key>.Changes, _ list: ([Key]) -> PrefixList
  ) -> [SetChange] {
    sets.map { set in
      set.isInterval
        ? SetChange(set: set, removed: list(changes.removedIntervals), added: list(changes.addedIntervals))
        : SetChange(set: set, removed: list(changes.removedHosts), added: list(changes.addedHosts))
    }
  }

  /// The shell has been given a commit.
  mutating func begin(_ changes: [SetChange]) -> UInt64 {
    serial += 1
    inFlight = InFlight(serial: serial, changes: changes)
    return serial
  }

  /// The kernel has acknowledged a commit.
  ///
  /// - Returns: the elements added and removed for each table that changed, in the order of the tables; nil for a serial that is not
  ///   under way.
  mutating func committed(_ acknowledged: UInt64, at now: Instant) -> [(name: String, added: Int, removed: Int)]? {
    guard let inFlight, inFlight.serial == acknowledged else { return nil }
    self.inFlight = nil
    resolve()
    var sums: [(name: String, added: Int, removed: Int)] = []
    for index in parts.indices {
      let changes = inFlight.changes.filter { parts[index].sets.contains($0.set) }
      guard !changes.isEmpty else { continue }
      let added = changes.reduce(0) { $0 + $1.added.count }
      let removed = changes.reduce(0) { $0 + $1.removed.count }
      parts[index].inKernel = (parts[index].inKernel ?? 0) + added - removed
      parts[index].lastChange = now
      if let last = sums.indices.last, sums[last].name == parts[index].name {
        sums[last].added += added
        sums[last].removed += removed
      } else {
        sums.append((parts[index].name, added, removed))
      }
    }
    return sums
  }

  private mutating func resolve() {
    failure = nil
    failures = 0
  }

  /// A commit or a look at the sets has failed: look again after 1 s, at most 60 s later with each failure.
  ///
  /// - Returns: false for a serial that is not under way.
  mutating func failed(_ serial: UInt64?, _ message: String, at now: Instant) -> Bool {
    if let serial, inFlight?.serial != serial { return false }
    inFlight = nil
    isReading = false
    isInStep = false
    failure = message
    retryDeadline = now + .seconds(min(1 << min(failures, 6), 60))
    failures += 1
    return true
  }

  /// What an earlier run left is no longer asked for.
  mutating func releaseInherited() {
    for (table, prefixes) in inherited {
      for prefix in prefixes.all {
        membership.move(prefix, from: TableSet(table), to: .empty)
      }
    }
    inherited = [:]
  }

  /// Elements that the sets of a part should hold.
  func wanted(_ part: Part) -> Int {
    let index = Int(part.table.index)
    let count = membership.count(part.table, part.family)
    switch part.family {
    case .ipv4:
      guard let projection = projections4[index] else { return count }
      return count - projection.intervalMemberCount + projection.intervalElements.count
    case .ipv6:
      guard let projection = projections6[index] else { return count }
      return count - projection.intervalMemberCount + projection.intervalElements.count
    }
  }
}
