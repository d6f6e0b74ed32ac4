package import Primitives
package import Tables

/// Kernel sets with the rules that nf_tables enforces, and those that it should.
package struct KernelModel: Sendable {
  package var sets: [String: Set<Prefix>] = [:]
  /// Tables whose set the operator has declared with `flags interval`.
  package var intervalTables: Set<String> = []
  package var commits = 0
  /// What nf_tables would have refused, or should have.
  package var violations: [String] = []
  /// Sets that take no more elements than this.
  package var sizes: [String: Int] = [:]

  package init() {}

  package mutating func apply(_ changes: [SetChange]) -> [KernelRefusal] {
    commits += 1
    var refusals: [KernelRefusal] = []
    for change in changes {
      if change.replaces { sets[change.set.name] = [] }
      let removed = change.removed.all
      if !sets[change.set.name, default: []].isSuperset(of: removed) {
        violations.append("ENOENT in \(change.set.name)")
      }
      sets[change.set.name, default: []].subtract(removed)
    }
    for change in changes {
      for prefix in change.added.all {
        let set = sets[change.set.name, default: []]
        if set.contains(prefix) { violations.append("\(prefix) again in \(change.set.name)") }
        if prefix.family != change.set.family { violations.append("\(prefix) in \(change.set.name)") }
        if change.set.isInterval {
          if set.contains(where: { $0.contains(prefix) || prefix.contains($0) }) {
            violations.append("EEXIST: \(prefix) overlaps in \(change.set.name)")
          }
        } else if !prefix.isHost {
          violations.append("\(prefix) in \(change.set.name)")
        }
        if let size = sizes[change.set.name], set.count >= size {
          if refusals.last?.set != change.set {
            refusals.append(KernelRefusal(set: change.set, prefixes: PrefixList(), reason: "it is full"))
          }
          refusals[refusals.count - 1].prefixes.append(prefix)
        } else {
          sets[change.set.name, default: []].insert(prefix)
        }
      }
    }
    return refusals
  }

  /// Empties the sets of all other tables.
  package mutating func abandon(allBut names: [String]) {
    let kept = Set(
      names.flatMap { name in
        AddressFamily.allCases.flatMap { family in
          KernelSet.sets(of: name, family, .hostsAndIntervals).map(\.name)
        }
      })
    sets = sets.filter { kept.contains($0.key) }
  }

  package func contents(_ names: [String]) -> [TableContents] {
    var contents: [TableContents] = []
    for (index, name) in names.enumerated() {
      for family in AddressFamily.allCases {
        let layout: SetLayout = intervalTables.contains(name) ? .intervals : .hostsAndIntervals
        var content = TableContents(table: TableID(index: UInt8(index)), family: family, layout: layout)
        for set in KernelSet.sets(of: name, family, layout) {
          let list = PrefixList(sets[set.name, default: []].sorted())
          if set.isInterval { content.intervals = list } else { content.hosts = list }
        }
        contents.append(content)
      }
    }
    return contents
  }

  /// The elements of all sets of a table, as text.
  package func table(_ name: String) -> [String] {
    [name, name + "_net", name + "6", name + "6_net"].flatMap { sets[$0, default: []].sorted() }.map(\.description)
  }
}
