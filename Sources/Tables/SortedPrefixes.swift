package import Primitives

/// Linear passes over sorted lists of prefixes, none of which repeats one.
extension Array {
  /// The outermost: in sorted order, whatever a prefix covers follows it directly.
  package func cover() -> [Element] where Element: AddressPrefix {
    var cover: [Element] = []
    cover.reserveCapacity(count)
    for prefix in self where cover.last?.contains(prefix) != true {
      cover.append(prefix)
    }
    return cover
  }

  /// Where the first element stands that is not less than `key`; the count: there is none.
  func firstIndex(from key: Element) -> Int where Element: AddressPrefix {
    firstIndex(beyond: { $0 < key })
  }

  /// Where the first element stands that is greater than `key`; the count: there is none.
  func firstIndex(after key: Element) -> Int where Element: AddressPrefix {
    firstIndex(beyond: { $0 <= key })
  }

  private func firstIndex(beyond isBefore: (Element) -> Bool) -> Int {
    var lower = 0
    var upper = count
    while lower < upper {
      let middle = lower + (upper - lower) / 2
      if isBefore(self[middle]) { lower = middle + 1 } else { upper = middle }
    }
    return lower
  }

  /// Those that lie inside `prefix`, which stand together.
  func inside(_ prefix: Element) -> ArraySlice<Element> where Element: AddressPrefix {
    self[firstIndex(from: prefix)...].prefix { prefix.contains($0) }
  }

  /// The list with sorted `added` and without sorted `removed`; what is in it already is not added again.
  package func merging(added: [Element], removed: [Element]) -> [Element] where Element: AddressPrefix {
    var result: [Element] = []
    result.reserveCapacity(count + added.count)
    var leaving = removed.makeIterator()
    var nextLeaving = leaving.next()
    var coming = added.makeIterator()
    var nextComing = coming.next()
    for member in self {
      while let prefix = nextComing, prefix < member {
        result.append(prefix)
        nextComing = coming.next()
      }
      if nextComing == member { nextComing = coming.next() }
      while let prefix = nextLeaving, prefix < member { nextLeaving = leaving.next() }
      if nextLeaving != member { result.append(member) }
    }
    while let prefix = nextComing {
      result.append(prefix)
      nextComing = coming.next()
    }
    return result
  }

  /// What is only in this list, and what is only in the other.
  func difference(to after: [Element]) -> (removed: [Element], added: [Element]) where Element: AddressPrefix {
    var removed: [Element] = []
    var added: [Element] = []
    var old = makeIterator()
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

  /// Pairs of a prefix of this list and one of the other of which one covers the other or both are equal, up to a number of them.
  package func overlaps(
    with other: [Element], atMost limit: Int = .max
  ) -> [(Element, Element)] where Element: AddressPrefix {
    var pairs: [(Element, Element)] = []
    // Prefixes of each list that cover what comes next, the widest first.
    var open: [Element] = []
    var otherOpen: [Element] = []
    var mine = makeIterator()
    var theirs = other.makeIterator()
    var nextMine = mine.next()
    var nextTheirs = theirs.next()
    while nextMine != nil || nextTheirs != nil, pairs.count < limit {
      let takesMine = nextTheirs.map { theirs in nextMine.map { $0 <= theirs } ?? false } ?? true
      guard let prefix = takesMine ? nextMine : nextTheirs else { break }
      while let last = open.last, !last.contains(prefix) { open.removeLast() }
      while let last = otherOpen.last, !last.contains(prefix) { otherOpen.removeLast() }
      if takesMine {
        pairs += otherOpen.map { (prefix, $0) }
        open.append(prefix)
        nextMine = mine.next()
      } else {
        pairs += open.map { ($0, prefix) }
        otherOpen.append(prefix)
        nextTheirs = theirs.next()
      }
    }
    return pairs
  }
}
