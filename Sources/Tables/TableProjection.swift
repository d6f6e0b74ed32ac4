package import Primitives

/// How one table of one family appears in kernel sets, and what a change of the table changes in them.
///
/// A hash set takes single addresses at a cost that does not depend on its size; an interval set takes any prefix, but no two that
/// overlap: the kernel refuses some overlaps, and accepts others silently and then corrupts the set on a later delete. So containment
/// is computed here, always: of prefixes that nest, only the outermost go into the interval set (prefixes nest or are disjoint, they
/// never overlap in part). When an outer one leaves, those inside it come back in the same change.
///
/// The members of the interval set are kept sorted, and both covers, before and after, are one linear pass. That is exact by
/// construction, and cheap beside the kernel, which rebuilds such a set on every commit.
///
/// Addresses that must not be in the sets, such as this host's own, are `Exclusion`s: taken out of the cover last, so that members may
/// come and go around them without a thought.
package struct TableProjection<Key: AddressPrefix>: Sendable {
  package let layout: SetLayout
  /// Members that belong into the interval set, sorted.
  private var intervalMembers: [Key] = []
  /// In layers, one from each source of exclusions.
  private var exclusions: [Exclusion<Key>] = []
  /// How many `intervalElements` there are.
  package private(set) var intervalElementCount = 0
  /// Hosts that are members and that the exclusion keeps out of the hash set.
  package private(set) var excludedHostCount = 0

  package init(_ layout: SetLayout) {
    self.layout = layout
  }

  /// What the sets must lose and gain. Losses are to be carried out first: an interval set refuses a narrow prefix while the wide one
  /// is still there.
  package struct Changes: Hashable, Sendable {
    package var removedHosts: [Key] = []
    package var addedHosts: [Key] = []
    package var removedIntervals: [Key] = []
    package var addedIntervals: [Key] = []

    package init() {}
  }

  /// Applies the net change of a table.
  ///
  /// - Precondition: `added` are not members yet, `removed` are; neither list repeats a prefix.
  @specialized(where Key == IPv4Prefix)
  package mutating func apply(added: [Key], removed: [Key]) -> Changes {
    var changes = Changes()
    switch layout {
    case .hostsAndIntervals:
      applyHosts(added: added.filter(\.isHost), removed: removed.filter(\.isHost), &changes)
      let intervals = (added: added.filter { !$0.isHost }, removed: removed.filter { !$0.isHost })
      if !intervals.added.isEmpty || !intervals.removed.isEmpty {
        applyIntervals(added: intervals.added, removed: intervals.removed, exclusions, &changes)
      }
    case .intervals:
      applyIntervals(added: added, removed: removed, exclusions, &changes)
    }
    return changes
  }

  /// Applies the net change of a table together with other exclusions.
  ///
  /// - Parameters:
  ///   - added: and `removed` as with `apply(added:removed:)`.
  ///   - moved: prefixes that are excluded anew, or no more; nil: any may be.
  ///   - isMember: whether a host is a member after the change.
  ///   - hosts: all hosts that are members after the change; asked for only when more than single addresses have moved.
  @specialized(where Key == IPv4Prefix)
  package mutating func apply(
    added: [Key], removed: [Key], excluding new: [Exclusion<Key>], moved: [Key]?, isMember: (Key) -> Bool,
    hosts: () -> [Key]
  ) -> Changes {
    var changes = Changes()
    let old = exclusions
    switch layout {
    case .hostsAndIntervals:
      let isExcluded = { (host: Key, layers: [Exclusion<Key>]) in layers.contains { $0.contains(host) } }
      let addedHosts = Set(added.filter(\.isHost))
      let isExact = moved?.allSatisfy(\.isHost) ?? false
      let candidates = isExact ? Set(moved ?? []).filter(isMember) : Set(hosts())
      for host in candidates.subtracting(addedHosts) {
        switch (isExcluded(host, old), isExcluded(host, new)) {
        case (true, false):
          changes.addedHosts.append(host)
          excludedHostCount -= 1
        case (false, true):
          changes.removedHosts.append(host)
          excludedHostCount += 1
        case (true, true), (false, false): break
        }
      }
      for host in removed where host.isHost {
        if isExcluded(host, old) { excludedHostCount -= 1 } else { changes.removedHosts.append(host) }
      }
      for host in addedHosts {
        if isExcluded(host, new) { excludedHostCount += 1 } else { changes.addedHosts.append(host) }
      }
      applyIntervals(added: added.filter { !$0.isHost }, removed: removed.filter { !$0.isHost }, new, &changes)
    case .intervals:
      applyIntervals(added: added, removed: removed, new, &changes)
    }
    exclusions = new
    return changes
  }

  private mutating func applyHosts(added: [Key], removed: [Key], _ changes: inout Changes) {
    guard !exclusions.isEmpty else {
      changes.addedHosts = added
      changes.removedHosts = removed
      return
    }
    changes.addedHosts = added.filter { !isExcluded($0) }
    changes.removedHosts = removed.filter { !isExcluded($0) }
    excludedHostCount += added.count - changes.addedHosts.count - removed.count + changes.removedHosts.count
  }

  private mutating func applyIntervals(
    added: [Key], removed: [Key], _ new: [Exclusion<Key>], _ changes: inout Changes
  ) {
    let before = intervalElements
    intervalMembers = intervalMembers.merging(added: added.sorted(), removed: removed.sorted())
    let after = Self.elements(intervalMembers, new)
    intervalElementCount = after.count
    (changes.removedIntervals, changes.addedIntervals) = before.difference(to: after)
  }

  /// Starts over with these members.
  ///
  /// - Returns: what brings sets with the given contents to hold them.
  @specialized(where Key == IPv4Prefix)
  package mutating func reset(
    to members: [Key], excluding new: [Exclusion<Key>] = [], kernelHosts: [Key], kernelIntervals: [Key]
  ) -> Changes {
    let sorted = members.sorted()
    var hosts: [Key]
    switch layout {
    case .hostsAndIntervals:
      hosts = sorted.filter(\.isHost)
      intervalMembers = sorted.filter { !$0.isHost }
    case .intervals:
      hosts = []
      intervalMembers = sorted
    }
    exclusions = new
    let count = hosts.count
    if !exclusions.isEmpty { hosts.removeAll { isExcluded($0) } }
    excludedHostCount = count - hosts.count
    let elements = intervalElements
    intervalElementCount = elements.count
    var changes = Changes()
    (changes.removedHosts, changes.addedHosts) = kernelHosts.sorted().difference(to: hosts)
    (changes.removedIntervals, changes.addedIntervals) = kernelIntervals.sorted().difference(to: elements)
    return changes
  }

  /// Prefixes of the table that belong into the interval set, covered ones included.
  package var intervalMemberCount: Int { intervalMembers.count }

  /// The elements that the interval set must hold now.
  package var intervalElements: [Key] { Self.elements(intervalMembers, exclusions) }

  private static func elements(_ members: [Key], _ exclusions: [Exclusion<Key>]) -> [Key] {
    exclusions.reduce(members.cover()) { $1.subtracted(from: $0) }
  }

  private func isExcluded(_ host: Key) -> Bool { exclusions.contains { $0.contains(host) } }

  /// The element by which a set should hold `key`; nil: none should hold all of it.
  ///
  /// - Parameter isMember: whether a host is a member of the table.
  package func element(holding key: Key, isMember: (Key) -> Bool) -> Key? {
    if layout == .hostsAndIntervals, key.isHost, isMember(key), !isExcluded(key) { return key }
    return intervalElements.first { $0.contains(key) }
  }
}

/// Which kernel sets hold a table of one family.
package enum SetLayout: Hashable, Sendable {
  /// Set `T` (a hash set) for single addresses and set `T_net` (an interval set) for everything shorter.
  case hostsAndIntervals
  /// The operator declared `T` with `flags interval`: it takes everything.
  case intervals
}
