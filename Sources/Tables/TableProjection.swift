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
/// Addresses that must not be in the sets, such as this host's own, are an `Exclusion`: taken out of the cover last, so that members may
/// come and go around them without a thought.
package struct TableProjection<Key: AddressPrefix>: Sendable {
  package let layout: SetLayout
  /// Members that belong into the interval set, sorted.
  private var intervalMembers: [Key] = []
  package private(set) var exclusion = Exclusion<Key>()
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
  package mutating func apply(added: [Key], removed: [Key]) -> Changes {
    var changes = Changes()
    switch layout {
    case .hostsAndIntervals:
      applyHosts(added: added.filter(\.isHost), removed: removed.filter(\.isHost), &changes)
      let intervals = (added: added.filter { !$0.isHost }, removed: removed.filter { !$0.isHost })
      if !intervals.added.isEmpty || !intervals.removed.isEmpty {
        applyIntervals(added: intervals.added, removed: intervals.removed, exclusion, &changes)
      }
    case .intervals:
      applyIntervals(added: added, removed: removed, exclusion, &changes)
    }
    return changes
  }

  /// Applies the net change of a table together with another exclusion.
  ///
  /// - Parameters:
  ///   - added: and `removed` as with `apply(added:removed:)`.
  ///   - isMember: whether a host is a member after the change.
  ///   - hosts: all hosts that are members after the change; asked for only when more than single addresses are excluded anew.
  package mutating func apply(
    added: [Key], removed: [Key], excluding new: Exclusion<Key>, isMember: (Key) -> Bool, hosts: () -> [Key]
  ) -> Changes {
    guard new != exclusion else { return apply(added: added, removed: removed) }
    var changes = Changes()
    switch layout {
    case .hostsAndIntervals:
      let addedHosts = Set(added.filter(\.isHost))
      let moved = exclusion.prefixes.difference(to: new.prefixes)
      let concerned = moved.removed + moved.added
      let candidates = concerned.allSatisfy(\.isHost) ? Array(Set(concerned)).filter(isMember) : hosts()
      for host in candidates where !addedHosts.contains(host) {
        switch (exclusion.contains(host), new.contains(host)) {
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
        if exclusion.contains(host) { excludedHostCount -= 1 } else { changes.removedHosts.append(host) }
      }
      for host in addedHosts {
        if new.contains(host) { excludedHostCount += 1 } else { changes.addedHosts.append(host) }
      }
      applyIntervals(added: added.filter { !$0.isHost }, removed: removed.filter { !$0.isHost }, new, &changes)
    case .intervals:
      applyIntervals(added: added, removed: removed, new, &changes)
    }
    exclusion = new
    return changes
  }

  private mutating func applyHosts(added: [Key], removed: [Key], _ changes: inout Changes) {
    guard !exclusion.isEmpty else {
      changes.addedHosts = added
      changes.removedHosts = removed
      return
    }
    changes.addedHosts = added.filter { !exclusion.contains($0) }
    changes.removedHosts = removed.filter { !exclusion.contains($0) }
    excludedHostCount += added.count - changes.addedHosts.count - removed.count + changes.removedHosts.count
  }

  private mutating func applyIntervals(
    added: [Key], removed: [Key], _ new: Exclusion<Key>, _ changes: inout Changes
  ) {
    let before = intervalElements
    intervalMembers = intervalMembers.merging(added: added.sorted(), removed: removed.sorted())
    let after = new.subtracted(from: intervalMembers.cover())
    (changes.removedIntervals, changes.addedIntervals) = before.difference(to: after)
  }

  /// Starts over with these members.
  ///
  /// - Returns: what brings sets with the given contents to hold them.
  package mutating func reset(
    to members: [Key], excluding new: Exclusion<Key> = Exclusion([]), kernelHosts: [Key], kernelIntervals: [Key]
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
    exclusion = new
    let count = hosts.count
    if !exclusion.isEmpty { hosts.removeAll { exclusion.contains($0) } }
    excludedHostCount = count - hosts.count
    var changes = Changes()
    (changes.removedHosts, changes.addedHosts) = kernelHosts.sorted().difference(to: hosts)
    (changes.removedIntervals, changes.addedIntervals) = kernelIntervals.sorted().difference(
      to: intervalElements)
    return changes
  }

  /// Prefixes of the table that belong into the interval set, covered ones included.
  package var intervalMemberCount: Int { intervalMembers.count }

  /// The elements that the interval set must hold now.
  package var intervalElements: [Key] { exclusion.subtracted(from: intervalMembers.cover()) }

  /// The element by which a set should hold `key`; nil: none should hold all of it.
  ///
  /// - Parameter isMember: whether a host is a member of the table.
  package func element(holding key: Key, isMember: (Key) -> Bool) -> Key? {
    if layout == .hostsAndIntervals, key.isHost, isMember(key), !exclusion.contains(key) { return key }
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
