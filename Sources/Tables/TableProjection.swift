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
package struct TableProjection<Key: AddressPrefix>: Sendable {
  package let layout: SetLayout
  /// Members that belong into the interval set, sorted.
  private var intervalMembers: [Key] = []

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
      changes.addedHosts = added.filter(\.isHost)
      changes.removedHosts = removed.filter(\.isHost)
      applyIntervals(added: added.filter { !$0.isHost }, removed: removed.filter { !$0.isHost }, &changes)
    case .intervals:
      applyIntervals(added: added, removed: removed, &changes)
    }
    return changes
  }

  private mutating func applyIntervals(added: [Key], removed: [Key], _ changes: inout Changes) {
    guard !added.isEmpty || !removed.isEmpty else { return }
    let before = Self.cover(of: intervalMembers)
    intervalMembers = Self.merge(intervalMembers, added: added.sorted(), removed: removed.sorted())
    let after = Self.cover(of: intervalMembers)
    (changes.removedIntervals, changes.addedIntervals) = Self.difference(from: before, to: after)
  }

  /// Starts over with these members.
  ///
  /// - Returns: what brings sets with the given contents to hold them.
  package mutating func reset(to members: [Key], kernelHosts: [Key], kernelIntervals: [Key]) -> Changes {
    let sorted = members.sorted()
    let hosts: [Key]
    switch layout {
    case .hostsAndIntervals:
      hosts = sorted.filter(\.isHost)
      intervalMembers = sorted.filter { !$0.isHost }
    case .intervals:
      hosts = []
      intervalMembers = sorted
    }
    var changes = Changes()
    (changes.removedHosts, changes.addedHosts) = Self.difference(from: kernelHosts.sorted(), to: hosts)
    (changes.removedIntervals, changes.addedIntervals) = Self.difference(
      from: kernelIntervals.sorted(), to: Self.cover(of: intervalMembers))
    return changes
  }

  /// Prefixes of the table that belong into the interval set, covered ones included.
  package var intervalMemberCount: Int { intervalMembers.count }

  /// The elements that the interval set must hold now.
  package var intervalElements: [Key] { Self.cover(of: intervalMembers) }

  /// The outermost of a sorted list: in its order, whatever a prefix covers follows it directly.
  static func cover(of sorted: [Key]) -> [Key] {
    var cover: [Key] = []
    cover.reserveCapacity(sorted.count)
    for prefix in sorted where cover.last?.contains(prefix) != true {
      cover.append(prefix)
    }
    return cover
  }

  /// Sorted `members` with sorted `added` and without sorted `removed`.
  private static func merge(_ members: [Key], added: [Key], removed: [Key]) -> [Key] {
    var result: [Key] = []
    result.reserveCapacity(members.count + added.count)
    var leaving = removed.makeIterator()
    var nextLeaving = leaving.next()
    var coming = added.makeIterator()
    var nextComing = coming.next()
    for member in members {
      while let prefix = nextComing, prefix < member {
        result.append(prefix)
        nextComing = coming.next()
      }
      while let prefix = nextLeaving, prefix < member { nextLeaving = leaving.next() }
      if nextLeaving != member { result.append(member) }
    }
    while let prefix = nextComing {
      result.append(prefix)
      nextComing = coming.next()
    }
    return result
  }

  /// What is only in the one or only in the other of two sorted lists.
  private static func difference(from before: [Key], to after: [Key]) -> (removed: [Key], added: [Key]) {
    var removed: [Key] = []
    var added: [Key] = []
    var old = before.makeIterator()
    var new = after.makeIterator()
    var nextOld = old.next()
    var nextNew = new.next()
    while let left = nextOld, let right = nextNew {
      if left == right {
        nextOld = old.next()
        nextNew = new.next()
      } else if left < right {
        removed.append(left)
        nextOld = old.next()
      } else {
        added.append(right)
        nextNew = new.next()
      }
    }
    while let left = nextOld {
      removed.append(left)
      nextOld = old.next()
    }
    while let right = nextNew {
      added.append(right)
      nextNew = new.next()
    }
    return (removed, added)
  }
}

/// Which kernel sets hold a table of one family.
package enum SetLayout: Hashable, Sendable {
  /// Set `T` (a hash set) for single addresses and set `T_net` (an interval set) for everything shorter.
  case hostsAndIntervals
  /// The operator declared `T` with `flags interval`: it takes everything.
  case intervals
}
