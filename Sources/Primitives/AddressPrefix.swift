/// What an IPv4 and an IPv6 prefix have in common, for code that is the same for both and wants to be specialised for each.
package protocol AddressPrefix: Hashable, Comparable, Sendable {
  /// Whether this is a single address.
  var isHost: Bool { get }

  /// Whether `other` lies inside this prefix or is equal to it.
  func contains(_ other: Self) -> Bool
}

extension IPv4Prefix: AddressPrefix {}
extension IPv6Prefix: AddressPrefix {}
