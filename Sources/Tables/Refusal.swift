package import Primitives

/// Why a route does not enter the table that the rules name for it.
package enum Refusal: Hashable, Sendable, CustomStringConvertible {
  /// Its length is not one of these.
  case length(LengthRange)
  /// It lies in this block of private or reserved addresses.
  case reserved(Prefix)

  package var description: String {
    switch self {
    case .length(let lengths): lengths.complaint
    case .reserved(let block): "private or reserved: \(block)"
    }
  }
}

extension LengthRange {
  /// What is wrong with a length that is not in it.
  fileprivate var complaint: String {
    switch (inverted, range.lowerBound, range.upperBound) {
    case (false, let lower, 32), (false, let lower, 128): "shorter than /\(lower)"
    case (false, let lower, let upper): "not from /\(lower) to /\(upper)"
    case (true, let lower, let upper): "from /\(lower) to /\(upper)"
    }
  }
}

extension TablePolicy {
  /// Why a route must not enter the table; nil: it may.
  ///
  /// - Parameters:
  ///   - namesLengths: the rule that names the table has said itself which lengths it is for.
  ///   - allowsReserved: `martians yes`.
  package func refusal(of prefix: Prefix, namesLengths: Bool, allowsReserved: Bool) -> Refusal? {
    if !namesLengths {
      let lengths = prefix.family == .ipv4 ? ipv4Lengths : ipv6Lengths
      if !lengths.contains(prefix.length) { return .length(lengths) }
    }
    return allowsReserved ? nil : ReservedAddresses.block(containing: prefix).map { .reserved($0) }
  }
}

/// Addresses that no mail comes from over the Internet: private, reserved, for documentation, multicast
/// (the special-purpose address registries of RFC 6890; for IPv6 also everything that is not global unicast, RFC 4291 §2.4).
package enum ReservedAddresses {
  package static let ipv4 = Exclusion(
    [
      "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
      "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
      "240.0.0.0/4",
    ].compactMap { Prefix($0) }.compactMap { if case .v4(let prefix) = $0 { prefix } else { nil } })
  package static let ipv6 = Exclusion(
    ["::/3", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "3fff::/20", "4000::/2", "8000::/1"]
      .compactMap { Prefix($0) }.compactMap { if case .v6(let prefix) = $0 { prefix } else { nil } })

  /// Whether an IPv4 address that begins with this octet can be one of them: most cannot, and need no search.
  private static let firstOctets: [Bool] = (0...255).map { octet in
    let block = IPv4Prefix(IPv4Address(UInt32(octet) << 24), length: 8)
    return ipv4.networks.contains { reserved in
      block.map { $0.contains(reserved) || reserved.contains($0) } ?? false
    }
  }

  /// The block that a prefix lies in; nil: none.
  package static func block(containing prefix: Prefix) -> Prefix? {
    switch prefix {
    case .v4(let prefix):
      guard firstOctets[Int(prefix.address.value >> 24)] else { return nil }
      return ipv4.covering(prefix).map { .v4($0) }
    case .v6(let prefix): return ipv6.covering(prefix).map { .v6($0) }
    }
  }
}
