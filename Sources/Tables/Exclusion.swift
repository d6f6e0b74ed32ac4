package import Primitives

/// Addresses of one family that a table must not hold, whoever asks for them.
///
/// Single addresses and networks are kept apart: there may be as many of the former as another table has, and one that comes or goes
/// must not cost a pass over all. Every route is held against them, so what does that is specialised for IPv4: other targets would
/// run it unspecialised, in twice the time.
package struct Exclusion<Key: AddressPrefix>: Hashable, Sendable {
  /// Sorted and disjoint.
  package private(set) var networks: [Key]
  /// Sorted; some may lie in a network.
  package private(set) var hosts: [Key]

  /// - Parameter prefixes: in any order; they may nest and repeat.
  package init(_ prefixes: [Key] = []) {
    networks = prefixes.filter { !$0.isHost }.sorted().cover()
    hosts = Set(prefixes.filter(\.isHost)).sorted()
  }

  package var isEmpty: Bool { networks.isEmpty && hosts.isEmpty }

  /// The excluded prefix that covers `key`; nil: not all of it is excluded by one.
  @specialized(where Key == IPv4Prefix)
  package func covering(_ key: Key) -> Key? {
    // Of disjoint prefixes only the last one that does not sort after the key can cover it.
    let position = networks.firstIndex(after: key)
    if position > 0, networks[position - 1].contains(key) { return networks[position - 1] }
    guard key.isHost else { return nil }
    let place = hosts.firstIndex(from: key)
    return place < hosts.count && hosts[place] == key ? key : nil
  }

  @specialized(where Key == IPv4Prefix)
  package func contains(_ key: Key) -> Bool { covering(key) != nil }

  /// An excluded prefix that covers `key` or lies inside it.
  @specialized(where Key == IPv4Prefix)
  package func overlapping(_ key: Key) -> Key? {
    covering(key) ?? networks.inside(key).first ?? hosts.inside(key).first
  }

  /// Excludes other single addresses.
  package mutating func change(adding added: [Key], removing removed: [Key]) {
    for host in removed {
      let place = hosts.firstIndex(from: host)
      if place < hosts.count, hosts[place] == host { hosts.remove(at: place) }
    }
    // A few are put in their places; many are merged.
    guard added.count < 64 else {
      hosts = hosts.merging(added: added.sorted(), removed: [])
      return
    }
    for host in added {
      let place = hosts.firstIndex(from: host)
      if place == hosts.count || hosts[place] != host { hosts.insert(host, at: place) }
    }
  }

  /// A sorted list of disjoint prefixes without what is excluded: those that hold some of it are split, not dropped.
  @specialized(where Key == IPv4Prefix)
  package func subtracted(from cover: [Key]) -> [Key] {
    guard !isEmpty else { return cover }
    var result: [Key] = []
    result.reserveCapacity(cover.count)
    for prefix in cover where covering(prefix) == nil {
      guard !prefix.isHost else {
        result.append(prefix)
        continue
      }
      let networks = networks.inside(prefix)
      let hosts = hosts.inside(prefix)
      if networks.isEmpty, hosts.isEmpty {
        result.append(prefix)
      } else {
        let inside = Array(networks).merging(added: Array(hosts), removed: []).cover()
        Self.split(prefix, around: inside[...], into: &result)
      }
    }
    return result
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
