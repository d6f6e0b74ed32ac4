/// A table of the configuration: the index of its name in `RuleSet.tableNames`.
package struct TableID: Hashable, Comparable, Sendable {
  package let index: UInt8

  package init(index: UInt8) {
    self.index = index
  }

  package static func < (left: TableID, right: TableID) -> Bool {
    left.index < right.index
  }
}

/// A set of at most 64 tables in one word.
package struct TableSet: Hashable, Sendable, Sequence {
  private var bits: UInt64

  /// No table. (Not `none`: in an optional context that would be the optional's.)
  package static let empty = TableSet()

  package init() {
    bits = 0
  }

  package init(_ table: TableID) {
    bits = 1 << UInt64(table.index & 63)
  }

  package var isEmpty: Bool { bits == 0 }

  /// The table with the smallest index.
  package var first: TableID? {
    var iterator = makeIterator()
    return iterator.next()
  }

  package func contains(_ table: TableID) -> Bool {
    bits & 1 << UInt64(table.index & 63) != 0
  }

  package mutating func insert(_ table: TableID) {
    bits |= 1 << UInt64(table.index & 63)
  }

  package func subtracting(_ other: TableSet) -> TableSet {
    var result = self
    result.bits &= ~other.bits
    return result
  }

  package struct Iterator: IteratorProtocol {
    fileprivate var bits: UInt64

    package mutating func next() -> TableID? {
      guard bits != 0 else { return nil }
      let index = bits.trailingZeroBitCount
      bits &= bits - 1
      return TableID(index: UInt8(truncatingIfNeeded: index))
    }
  }

  package func makeIterator() -> Iterator {
    Iterator(bits: bits)
  }
}
