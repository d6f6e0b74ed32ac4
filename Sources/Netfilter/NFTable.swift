import CNetfilter

/// A table of nf_tables: a family and a name, as in `inet nftbgpd`.
package struct NFTable: Hashable, Sendable, CustomStringConvertible {
  /// The families of tables that can see addresses of packets; the raw value is the kernel's NFPROTO number.
  package enum Family: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case inet = 1
    case ipv4 = 2
    case ipv6 = 10

    /// The word of nft(8): `inet`, `ip` or `ip6`.
    package var description: String {
      switch self {
      case .inet: "inet"
      case .ipv4: "ip"
      case .ipv6: "ip6"
      }
    }
  }

  package let family: Family
  /// 1 to 255 octets. The kernel refuses a longer one.
  package let name: String

  package init(family: Family = .inet, name: String) {
    self.family = family
    self.name = name
  }

  /// The table as an nft(8) command names it.
  package var description: String { "\(family) \(name)" }
}
