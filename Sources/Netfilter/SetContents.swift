package import Primitives

/// The elements of a set at one generation of the ruleset.
package struct SetContents: Hashable, Sendable {
  /// The elements that are exactly one prefix, in order.
  package var prefixes = PrefixList()
  /// Intervals that are not, in order: ranges and merged prefixes, such as 192.0.2.3-192.0.2.9.
  package var irregular: [AddressRange] = []
  /// Whether the set has an element `*`, which matches every address. Only a flush removes it.
  package var hasCatchAll = false

  package init(prefixes: PrefixList = PrefixList(), irregular: [AddressRange] = [], hasCatchAll: Bool = false) {
    self.prefixes = prefixes
    self.irregular = irregular
    self.hasCatchAll = hasCatchAll
  }

  /// Elements, the catch-all not counted.
  package var count: Int { prefixes.count + irregular.count }

  init(ipv4 extents: [Extent<IPv4Address>]) {
    prefixes.ipv4.reserveCapacity(extents.count)
    for extent in extents {
      if let prefix = IPv4Prefix(first: extent.first, last: extent.last) {
        prefixes.ipv4.append(prefix)
      } else {
        irregular.append(.v4(first: extent.first, last: extent.last))
      }
    }
  }

  init(ipv6 extents: [Extent<IPv6Address>]) {
    prefixes.ipv6.reserveCapacity(extents.count)
    for extent in extents {
      if let prefix = IPv6Prefix(first: extent.first, last: extent.last) {
        prefixes.ipv6.append(prefix)
      } else {
        irregular.append(.v6(first: extent.first, last: extent.last))
      }
    }
  }
}
