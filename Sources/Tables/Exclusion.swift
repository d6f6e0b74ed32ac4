package import Primitives

/// Addresses of one family that a table must not hold, whoever asks for them: a sorted list of disjoint prefixes.
package struct Exclusion<Key: AddressPrefix>: Hashable, Sendable {
  package let prefixes: [Key]

  /// - Parameter prefixes: in any order; they may nest and repeat.
  package init(_ prefixes: [Key] = []) {
    self.prefixes = prefixes.sorted().cover()
  }

  package var isEmpty: Bool { prefixes.isEmpty }

  /// The excluded prefix that covers `key`; nil: not all of it is excluded.
  package func covering(_ key: Key) -> Key? {
    // Of disjoint prefixes only the last one that does not sort after the key can cover it.
    var lower = 0
    var upper = prefixes.count
    while lower < upper {
      let middle = lower + (upper - lower) / 2
      if prefixes[middle] <= key { lower = middle + 1 } else { upper = middle }
    }
    guard lower > 0, prefixes[lower - 1].contains(key) else { return nil }
    return prefixes[lower - 1]
  }

  package func contains(_ key: Key) -> Bool { covering(key) != nil }

  /// A sorted list of disjoint prefixes without what is excluded: those that hold some of it are split, not dropped.
  package func subtracted(from cover: [Key]) -> [Key] {
    guard !prefixes.isEmpty else { return cover }
    var result: [Key] = []
    result.reserveCapacity(cover.count)
    var next = prefixes.startIndex
    for prefix in cover {
      while next < prefixes.endIndex, prefixes[next] < prefix, !prefixes[next].contains(prefix) { next += 1 }
      guard next < prefixes.endIndex else {
        result.append(prefix)
        continue
      }
      guard !prefixes[next].contains(prefix) else { continue }
      let inside = prefixes[next...].prefix { prefix.contains($0) }
      Self.split(prefix, around: inside, into: &result)
      next = inside.endIndex
    }
    return result
  }

  /// The first excluded prefix that covers `key` or lies inside it.
  package func overlapping(_ key: Key) -> Key? {
    if let covering = covering(key) { return covering }
    return prefixes.first { key.contains($0) }
  }

  /// The parts of `prefix` that none of the sorted disjoint prefixes `inside` it covers.
  private static func split(_ prefix: Key, around inside: ArraySlice<Key>, into result: inout [Key]) {
    guard let first = inside.first else { return result.append(prefix) }
    guard first != prefix, let (lower, upper) = prefix.halves else { return }
    let inLower = inside.prefix { lower.contains($0) }
    split(lower, around: inLower, into: &result)
    split(upper, around: inside[inLower.endIndex...], into: &result)
  }
}
