package import Primitives

/// A kernel set that holds a table of the configuration, or the part of it that the set can take.
package struct KernelSet: Hashable, Sendable {
  package var name: String
  package var family: AddressFamily
  package var isInterval: Bool

  package init(name: String, family: AddressFamily, isInterval: Bool) {
    self.name = name
    self.family = family
    self.isInterval = isInterval
  }

  /// The sets of a table in a family: `T` and `T_net`, `T6` and `T6_net`; with the operator's interval layout `T` or `T6` alone.
  package static func sets(of table: String, _ family: AddressFamily, _ layout: SetLayout) -> [KernelSet] {
    let name = family == .ipv4 ? table : table + "6"
    return switch layout {
    case .hostsAndIntervals:
      [
        KernelSet(name: name, family: family, isInterval: false),
        KernelSet(name: name + "_net", family: family, isInterval: true),
      ]
    case .intervals: [KernelSet(name: name, family: family, isInterval: true)]
    }
  }
}

/// What one kernel set must lose and gain, losses first.
package struct SetChange: Hashable, Sendable {
  package var set: KernelSet
  /// Empties the set first, in the same transaction: for one whose elements are not prefixes of ours.
  package var replaces: Bool
  package var removed: PrefixList
  package var added: PrefixList

  package init(
    set: KernelSet, replaces: Bool = false, removed: PrefixList = PrefixList(), added: PrefixList = PrefixList()
  ) {
    self.set = set
    self.replaces = replaces
    self.removed = removed
    self.added = added
  }

  package var isEmpty: Bool { !replaces && removed.isEmpty && added.isEmpty }
}

/// Elements that the kernel refused to take into a set while it took the rest.
package struct KernelRefusal: Hashable, Sendable {
  package var set: KernelSet
  package var prefixes: PrefixList
  /// `the set is full`
  package var reason: String

  package init(set: KernelSet, prefixes: PrefixList, reason: String) {
    self.set = set
    self.prefixes = prefixes
    self.reason = reason
  }
}

/// What the kernel was found to hold of a table in a family.
package struct TableContents: Hashable, Sendable {
  package var table: TableID
  package var family: AddressFamily
  package var layout: SetLayout
  /// Elements of the hash set; empty with the interval layout.
  package var hosts: PrefixList
  /// Elements of the interval set, ranges that are no single prefix split into prefixes.
  package var intervals: PrefixList
  /// Whether there were such ranges, or a catch-all element: then single elements cannot be removed, and the set is replaced.
  package var hasForeignRanges: Bool
  /// Whether the hash set has a catch-all element: then it is replaced.
  package var hasForeignHosts = false

  package init(
    table: TableID, family: AddressFamily, layout: SetLayout, hosts: PrefixList = PrefixList(),
    intervals: PrefixList = PrefixList(), hasForeignRanges: Bool = false
  ) {
    self.table = table
    self.family = family
    self.layout = layout
    self.hosts = hosts
    self.intervals = intervals
    self.hasForeignRanges = hasForeignRanges
  }
}
