/// What an IPv4 and an IPv6 prefix have in common, for code that is the same for both and wants to be specialised for each.
package protocol AddressPrefix: Hashable, Comparable, Sendable {
  /// Whether this is a single address.
  var isHost: Bool { get }

  /// Whether `other` lies inside this prefix or is equal to it.
  func contains(_ other: Self) -> Bool

  /// The two prefixes that this one consists of, the lower first; nil for a host.
  var halves: (lower: Self, upper: Self)? { get }
}

extension IPv4Prefix: AddressPrefix {
  package var halves: (lower: IPv4Prefix, upper: IPv4Prefix)? {
    guard !isHost, let lower = IPv4Prefix(address, length: length + 1),
      let upper = IPv4Prefix(lastAddress, length: length + 1)
    else { return nil }
    return (lower, upper)
  }
}

extension IPv6Prefix: AddressPrefix {
  package var halves: (lower: IPv6Prefix, upper: IPv6Prefix)? {
    guard !isHost, let lower = IPv6Prefix(address, length: length + 1),
      let upper = IPv6Prefix(lastAddress, length: length + 1)
    else { return nil }
    return (lower, upper)
  }
}
