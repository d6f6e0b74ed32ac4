/// Which tables of one configuration are tables of another, by their names.
package struct TableRenumbering: Sendable {
  private let targets: [TableID?]
  /// For each table of the new configuration, what it was in the old one; nil: it was not there.
  package let sources: [TableID?]

  /// - Parameters:
  ///   - old: the names of the tables so far, in the order of their numbers; at most 64, as in `new`.
  ///   - new: those from now on.
  package init(from old: [String], to new: [String]) {
    let numbers = { (names: [String]) in
      Dictionary(zip(names, (0...63).map { TableID(index: $0) }), uniquingKeysWith: { first, _ in first })
    }
    let (oldNumbers, newNumbers) = (numbers(old), numbers(new))
    targets = old.map { newNumbers[$0] }
    sources = new.map { oldNumbers[$0] }
  }

  /// Tables that are new.
  package var hasNew: Bool { sources.contains(nil) }
  /// Tables that are gone.
  package var hasGone: Bool { targets.contains(nil) }

  /// What a table is now; nil: it is gone.
  package subscript(table: TableID) -> TableID? {
    targets.indices.contains(Int(table.index)) ? targets[Int(table.index)] : nil
  }

  /// What is left of a set of tables.
  package subscript(tables: TableSet) -> TableSet {
    var result = TableSet.empty
    for table in tables {
      if let target = self[table] { result.insert(target) }
    }
    return result
  }
}
