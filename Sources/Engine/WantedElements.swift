import Primitives
import Tables

/// What the sets should hold, element by element.
extension TableKeeper {
  /// Elements that the sets of a part should hold.
  func wanted(_ part: Part) -> Int {
    let index = Int(part.table.index)
    let count = membership.count(part.table, part.family)
    switch part.family {
    case .ipv4:
      guard let projection = projections4[index] else { return count }
      return count - projection.intervalMemberCount + projection.intervalElementCount - projection.excludedHostCount
    case .ipv6:
      guard let projection = projections6[index] else { return count }
      return count - projection.intervalMemberCount + projection.intervalElementCount - projection.excludedHostCount
    }
  }

  /// The element by which the kernel should hold a prefix of a table; nil: it should not.
  func element(holding prefix: Prefix, _ table: TableID) -> Prefix? {
    let index = Int(table.index)
    switch prefix {
    case .v4(let prefix):
      return projections4[index]?.element(holding: prefix) { membership.contains(.v4($0), in: table) }.map { .v4($0) }
    case .v6(let prefix):
      return projections6[index]?.element(holding: prefix) { membership.contains(.v6($0), in: table) }.map { .v6($0) }
    }
  }

  /// What the interval sets hold, by their names; nil while that is not known, or not what they should.
  var intervalSets: [String: PrefixList]? {
    guard isIdle, !membership.hasChanges, !exclusions.haveChanged else { return nil }
    var sets: [String: PrefixList] = [:]
    for part in parts {
      for set in part.sets where set.isInterval {
        let index = Int(part.table.index)
        var elements = PrefixList()
        switch part.family {
        case .ipv4: elements.ipv4 = projections4[index]?.intervalElements ?? []
        case .ipv6: elements.ipv6 = projections6[index]?.intervalElements ?? []
        }
        if let refused = refused[set]?.prefixes { elements = PrefixList(elements.all.filter { !refused.contains($0) }) }
        sets[set.name] = elements
      }
    }
    return sets
  }
}
