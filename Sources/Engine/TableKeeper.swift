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
    var table: TableID
    let family: AddressFamily
    let name: String
    var layout: SetLayout?
    /// Elements as far as acknowledged, hash and interval set together; nil before the first look.
    var inKernel: Int?
    var lastChange: Instant?
    /// Routes that rules put into the table and a guard keeps out.
    var refusedRoutes = 0

    var sets: [KernelSet] { KernelSet.sets(of: name, family, layout ?? .hostsAndIntervals) }
  }

  /// A commit under way.
  private struct InFlight: Sendable {
    let serial: UInt64
    let changes: [SetChange]
  }

  var arrangement: TableArrangement
  var names: [String] { arrangement.names }
  var policies: [TablePolicy] { arrangement.policies }
  var membership: Membership
  var parts: [Part]
  var projections4: [TableProjection<IPv4Prefix>?]
  var projections6: [TableProjection<IPv6Prefix>?]
  var inherited: [TableID: PrefixList] = [:]
  var exclusions: TableExclusions
  var shrinkGuards: [ShrinkGuard]
  /// What the kernel has refused and does not hold, by its set.
  private(set) var refused: [KernelSet: Refused] = [:]
  /// Sets of which the operator has been told that the kernel refuses something, and not yet that it has taken all.
  private var alarmed: Set<KernelSet> = []
  /// When room was last looked for in sets that are full.
  private var lastSoonRetry: Instant?
  private var inFlight: InFlight?
  private var serial: UInt64 = 0
  /// The sets have been looked at, and nothing has failed since.
  var isInStep = false
  private(set) var isReading = false
  /// The sets have been looked at in this run.
  private(set) var hasBeenRead = false
  /// The answer will be of no use: a reload has come in between.
  var isReadingVoid = false
  /// The last error, while it is not resolved.
  private(set) var failure: String?
  private var failures = 0
  private(set) var retryDeadline: Instant?

  /// Elements that the kernel has refused, and in which words.
  struct Refused: Sendable {
    var prefixes: Set<Prefix>
    var reason: String
  }

  init(_ arrangement: TableArrangement) {
    self.arrangement = arrangement
    exclusions = TableExclusions(arrangement)
    shrinkGuards = arrangement.policies.map { ShrinkGuard($0) }
    let count = arrangement.names.count
    membership = Membership(tableCount: count)
    parts = Self.parts(arrangement.names)
    projections4 = Array(repeating: nil, count: count)
    projections6 = Array(repeating: nil, count: count)
  }

  static func parts(_ names: [String]) -> [Part] {
    names.enumerated().flatMap { index, name in
      AddressFamily.allCases.map {
        Part(table: TableID(index: UInt8(truncatingIfNeeded: index)), family: $0, name: name)
      }
    }
  }

  func table(named name: String) -> TableID? {
    names.firstIndex(of: name).map { TableID(index: UInt8(truncatingIfNeeded: $0)) }
  }

  /// What has failed or was refused is to be tried again, now or as soon as no commit is under way.
  mutating func prepareRetry() {
    retryDeadline = nil
    isInStep = false
  }

  /// Whether the sets should be looked at now.
  mutating func startReading() -> Bool {
    guard !isInStep, !isReading, inFlight == nil else { return false }
    isReading = true
    retryDeadline = nil
    return true
  }

  /// Another program has changed the sets: they are to be looked at again.
  mutating func distrust() {
    isInStep = false
  }

  var isCommitting: Bool { inFlight != nil }

  /// Whether the sets may be checked: nothing is under way that changes or reads them.
  var isIdle: Bool { isInStep && inFlight == nil }

  /// Asks for prefixes in the name of an earlier run.
  mutating func inherit(_ prefixes: PrefixList, _ table: TableID) {
    for prefix in prefixes.all {
      membership.move(prefix, from: .empty, to: TableSet(table))
    }
    inherited[table, default: PrefixList()].append(contentsOf: prefixes)
  }

  /// An answer to `startReading` has come.
  ///
  /// - Returns: false for one that a reload has made void.
  mutating func endReading() -> Bool {
    defer { isReadingVoid = false }
    isReading = false
    return !isReadingVoid
  }

  /// The sets have been looked at.
  ///
  /// - Parameter inherits: the first look of this run: what the sets hold stays until `releaseInherited`.
  mutating func read(_ contents: [TableContents], inherits: Bool) -> [SetChange] {
    isInStep = true
    hasBeenRead = true
    if inherits {
      for content in contents {
        var prefixes = content.hosts
        prefixes.append(contentsOf: content.intervals)
        inherit(prefixes, content.table)
      }
    }
    _ = membership.takeChanges()  // the difference to the kernel says it all
    exclusions.reset(to: membership)
    refused = [:]
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
        projection.reset(
          to: wanted.ipv4, excluding: exclusions.ipv4(contents.table), kernelHosts: kernelHosts.ipv4,
          kernelIntervals: kernelIntervals.ipv4)
      ) { PrefixList(ipv4: $0) }
      projections4[Int(contents.table.index)] = projection
    case .ipv6:
      var projection = TableProjection<IPv6Prefix>(contents.layout)
      changes = Self.setChanges(
        parts[index].sets,
        projection.reset(
          to: wanted.ipv6, excluding: exclusions.ipv6(contents.table), kernelHosts: kernelHosts.ipv6,
          kernelIntervals: kernelIntervals.ipv6)
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
    guard isInStep, inFlight == nil, membership.hasChanges || exclusions.haveChanged else { return nil }
    let deltas = membership.takeChanges()
    let (concerned, moved) = exclusions.apply(deltas, membership)
    var changes: [SetChange] = []
    for part in parts {
      let delta = deltas[part.table] ?? TableDelta()
      if concerned.contains(part.table) {
        changes += setChanges(part, delta, excludingAnew: moved)
      } else if !delta.isEmpty {
        changes += setChanges(part, delta)
      }
    }
    for index in changes.indices where refused[changes[index].set] != nil { spareRefused(&changes[index]) }
    changes.removeAll(where: \.isEmpty)
    return changes.isEmpty ? nil : changes
  }

  private mutating func setChanges(_ part: Part, _ delta: TableDelta) -> [SetChange] {
    let index = Int(part.table.index)
    switch part.family {
    case .ipv4:
      let applied = projections4[index]?.apply(added: delta.added.ipv4, removed: delta.removed.ipv4)
      return applied.map { Self.setChanges(part.sets, $0) { PrefixList(ipv4: $0) } } ?? []
    case .ipv6:
      let applied = projections6[index]?.apply(added: delta.added.ipv6, removed: delta.removed.ipv6)
      return applied.map { Self.setChanges(part.sets, $0) { PrefixList(ipv6: $0) } } ?? []
    }
  }

  /// The same where something else is excluded from now on: `moved`, or anything.
  private mutating func setChanges(
    _ part: Part, _ delta: TableDelta, excludingAnew moved: PrefixList?
  ) -> [SetChange] {
    let index = Int(part.table.index)
    let table = part.table
    let membership = membership
    switch part.family {
    case .ipv4:
      let applied = projections4[index]?.apply(
        added: delta.added.ipv4, removed: delta.removed.ipv4, excluding: exclusions.ipv4(table), moved: moved?.ipv4,
        isMember: { membership.contains(.v4($0), in: table) },
        hosts: { membership.prefixes(of: table).ipv4.filter(\.isHost) })
      return applied.map { Self.setChanges(part.sets, $0) { PrefixList(ipv4: $0) } } ?? []
    case .ipv6:
      let applied = projections6[index]?.apply(
        added: delta.added.ipv6, removed: delta.removed.ipv6, excluding: exclusions.ipv6(table), moved: moved?.ipv6,
        isMember: { membership.contains(.v6($0), in: table) },
        hosts: { membership.prefixes(of: table).ipv6.filter(\.isHost) })
      return applied.map { Self.setChanges(part.sets, $0) { PrefixList(ipv6: $0) } } ?? []
    }
  }

  /// What the kernel does not hold because it has refused it cannot be removed from it.
  private mutating func spareRefused(_ change: inout SetChange) {
    let set = change.set
    change.removed = PrefixList(change.removed.all.filter { refused[set]?.prefixes.remove($0) == nil })
    if refused[set]?.prefixes.isEmpty == true { refused[set] = nil }
  }

  /// While the sets are not known, what has changed is not remembered: the next look compares them with all members anyway.
  mutating func dropChangesWhileOutOfStep() {
    if !isInStep, membership.hasChanges || exclusions.haveChanged {
      _ = membership.takeChanges()
      exclusions.forgetChanges()
    }
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

  /// The kernel has acknowledged a commit, but for what it has refused.
  ///
  /// - Returns: the elements added and removed for each table that changed, in the order of the tables, and the refusals that are news;
  ///   nil for a serial that is not under way.
  mutating func committed(
    _ acknowledged: UInt64, refusing refusals: [KernelRefusal], at now: Instant
  ) -> (sums: [(name: String, added: Int, removed: Int)], alarms: [KernelRefusal])? {
    guard let inFlight, inFlight.serial == acknowledged else { return nil }
    self.inFlight = nil
    if refusals.isEmpty, refused.isEmpty { resolve() }
    let alarms = refusals.filter { alarmed.insert($0.set).inserted }
    note(refusals, at: now)
    var sums: [(name: String, added: Int, removed: Int)] = []
    for index in parts.indices {
      let changes = inFlight.changes.filter { parts[index].sets.contains($0.set) }
      guard !changes.isEmpty else { continue }
      let refused = refusals.filter { parts[index].sets.contains($0.set) }.reduce(0) { $0 + $1.prefixes.count }
      let added = changes.reduce(0) { $0 + $1.added.count } - refused
      let removed = changes.reduce(0) { $0 + $1.removed.count }
      parts[index].inKernel = (parts[index].inKernel ?? 0) + added - removed
      parts[index].lastChange = now
      // Where something has left, there may be room for what was refused.
      if removed > 0, changes.contains(where: { self.refused[$0.set] != nil }) { retry(now, soon: true) }
      if let last = sums.indices.last, sums[last].name == parts[index].name {
        sums[last].added += added
        sums[last].removed += removed
      } else {
        sums.append((parts[index].name, added, removed))
      }
    }
    return (sums, alarms)
  }

  /// Remembers what the kernel has refused, and when to try it again.
  private mutating func note(_ refusals: [KernelRefusal], at now: Instant) {
    guard !refusals.isEmpty else { return }
    for refusal in refusals {
      refused[refusal.set, default: Refused(prefixes: [], reason: "")].prefixes.formUnion(refusal.prefixes.all)
      refused[refusal.set]?.reason = refusal.reason
    }
    failure = refusals.map { "set \($0.set.name): \($0.prefixes.count) elements wait, \($0.reason)" }
      .joined(separator: "; ")
    retry(now, soon: false)
  }

  private mutating func retry(_ now: Instant, soon: Bool) {
    if soon {
      // A look at all sets is not to be had for every element that leaves.
      let next = max(now + .seconds(1), (lastSoonRetry ?? .zero) + .seconds(10))
      guard retryDeadline.map({ next < $0 }) ?? true else { return }
      retryDeadline = next
      lastSoonRetry = next
    } else {
      let next = now + .seconds(min(1 << min(failures, 6), 60))
      retryDeadline = min(retryDeadline ?? next, next)
      failures += 1
    }
  }

  private mutating func resolve() {
    failure = nil
    failures = 0
    alarmed = []
  }

  /// The prefixes of a table as they are to be blocked or let through: without what is excluded.
  func contents(of table: TableID) -> PrefixList {
    let members = membership.prefixes(of: table)
    return PrefixList(
      ipv4: Self.without(exclusions.ipv4(table), members.ipv4), ipv6: Self.without(exclusions.ipv6(table), members.ipv6)
    )
  }

  private static func without<Key: AddressPrefix>(_ exclusions: [Exclusion<Key>], _ members: [Key]) -> [Key] {
    guard !exclusions.isEmpty else { return members }
    var left: [Key] = []
    left.reserveCapacity(members.count)
    var parts: Set<Key> = []
    for member in members {
      if member.isHost {
        if !exclusions.contains(where: { $0.contains(member) }) { left.append(member) }
      } else {
        parts.formUnion(exclusions.reduce([member]) { $1.subtracted(from: $0) })
      }
    }
    // A part may be a host that is a member as well.
    return parts.isEmpty ? left : Array(parts.union(left))
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
    retry(now, soon: false)
    return true
  }

  /// What an earlier run left in a table is no longer asked for.
  mutating func releaseInherited(_ table: TableID) {
    for prefix in inherited.removeValue(forKey: table)?.all ?? [] {
      membership.move(prefix, from: TableSet(table), to: .empty)
    }
  }
}
