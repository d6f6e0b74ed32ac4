/// An IPv4 prefix in one 64-bit word: the masked address in the upper half, the length in the lower.
///
/// The word is the dictionary key of the RIB and of the tables (twice as fast there as a structure of the two fields), and its order is
/// the order by address, then by length, in which a covering prefix stands directly before all that it covers.
public struct IPv4Prefix: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// `address << 32 | length`.
  @usableFromInline package let packed: UInt64

  @usableFromInline init(packed: UInt64) {
    self.packed = packed
  }

  /// Host bits are cleared.
  ///
  /// - Returns: `nil` when `length` is over 32.
  package init?(_ address: IPv4Address, length: UInt8) {
    guard length <= 32 else { return nil }
    packed = UInt64(address.value & Self.mask(length)) << 32 | UInt64(length)
  }

  /// The host prefix of one address.
  package init(host: IPv4Address) {
    packed = UInt64(host.value) << 32 | 32
  }

  package var address: IPv4Address { IPv4Address(UInt32(truncatingIfNeeded: packed >> 32)) }
  package var length: UInt8 { UInt8(truncatingIfNeeded: packed) }
  /// Whether this is a single address.
  public var isHost: Bool { length == 32 }

  /// The last address that the prefix covers.
  package var lastAddress: IPv4Address { IPv4Address(address.value | ~Self.mask(length)) }

  /// Whether `other` lies inside this prefix or is equal to it.
  public func contains(_ other: IPv4Prefix) -> Bool {
    length <= other.length && (address.value ^ other.address.value) & Self.mask(length) == 0
  }

  /// The network mask of a prefix length of at most 32.
  private static func mask(_ length: UInt8) -> UInt32 {
    length == 0 ? 0 : ~0 << (32 - UInt32(length))
  }

  /// `192.0.2.0/24`
  public var description: String { "\(address)/\(length)" }

  /// Equal in address and length.
  @inlinable public static func == (left: IPv4Prefix, right: IPv4Prefix) -> Bool {
    left.packed == right.packed
  }

  /// By address, then by length.
  public static func < (left: IPv4Prefix, right: IPv4Prefix) -> Bool {
    left.packed < right.packed
  }
}

/// An IPv6 prefix. Its order is the order by address, then by length, as with `IPv4Prefix`.
public struct IPv6Prefix: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let address: IPv6Address
  package let length: UInt8

  init(address: IPv6Address, length: UInt8) {
    self.address = address
    self.length = length
  }

  /// Host bits are cleared.
  ///
  /// - Returns: `nil` when `length` is over 128.
  package init?(_ address: IPv6Address, length: UInt8) {
    guard length <= 128 else { return nil }
    let (high, low) = Self.mask(length)
    self.address = IPv6Address(high: address.high & high, low: address.low & low)
    self.length = length
  }

  /// The host prefix of one address.
  package init(host: IPv6Address) {
    address = host
    length = 128
  }

  /// Whether this is a single address.
  public var isHost: Bool { length == 128 }

  /// The last address that the prefix covers.
  package var lastAddress: IPv6Address {
    let (high, low) = Self.mask(length)
    return IPv6Address(high: address.high | ~high, low: address.low | ~low)
  }

  /// Whether `other` lies inside this prefix or is equal to it.
  public func contains(_ other: IPv6Prefix) -> Bool {
    let (high, low) = Self.mask(length)
    return length <= other.length && (address.high ^ other.address.high) & high == 0
      && (address.low ^ other.address.low) & low == 0
  }

  private static func mask(_ length: UInt8) -> (high: UInt64, low: UInt64) {
    switch length {
    case 0: (0, 0)
    case 1...64: (~0 << (64 - UInt64(length)), 0)
    case 65...128: (~0, ~0 << (128 - UInt64(length)))
    default: (~0, ~0)
    }
  }

  /// `2001:db8::/32`
  public var description: String { "\(address)/\(length)" }

  /// By address, then by length.
  public static func < (left: IPv6Prefix, right: IPv6Prefix) -> Bool {
    left.address != right.address ? left.address < right.address : left.length < right.length
  }
}

/// A prefix of either family. IPv4 sorts before IPv6.
package enum Prefix: Hashable, Comparable, Sendable, CustomStringConvertible {
  case v4(IPv4Prefix)
  case v6(IPv6Prefix)

  /// Host bits are cleared.
  ///
  /// - Returns: `nil` when `length` is longer than an address of that family.
  package init?(_ address: IPAddress, length: UInt8) {
    switch address {
    case .v4(let address):
      guard let prefix = IPv4Prefix(address, length: length) else { return nil }
      self = .v4(prefix)
    case .v6(let address):
      guard let prefix = IPv6Prefix(address, length: length) else { return nil }
      self = .v6(prefix)
    }
  }

  /// The host prefix of one address.
  package init(host: IPAddress) {
    switch host {
    case .v4(let address): self = .v4(IPv4Prefix(host: address))
    case .v6(let address): self = .v6(IPv6Prefix(host: address))
    }
  }

  /// `ADDRESS/LENGTH`, or an address alone for a host. Host bits are cleared.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(first) else { return nil }
    guard parts.count == 2 else {
      self.init(host: address)
      return
    }
    guard let length = UInt8(decimal: parts[1]) else { return nil }
    self.init(address, length: length)
  }

  package var family: AddressFamily {
    switch self {
    case .v4: .ipv4
    case .v6: .ipv6
    }
  }

  package var address: IPAddress {
    switch self {
    case .v4(let prefix): .v4(prefix.address)
    case .v6(let prefix): .v6(prefix.address)
    }
  }

  package var length: UInt8 {
    switch self {
    case .v4(let prefix): prefix.length
    case .v6(let prefix): prefix.length
    }
  }

  /// Whether this is a single address: a /32 or a /128.
  package var isHost: Bool { length == family.bits }

  /// Whether `other` is of the same family and lies inside this prefix or is equal to it.
  package func contains(_ other: Prefix) -> Bool {
    switch (self, other) {
    case (.v4(let outer), .v4(let inner)): outer.contains(inner)
    case (.v6(let outer), .v6(let inner)): outer.contains(inner)
    case (.v4, .v6), (.v6, .v4): false
    }
  }

  package var description: String {
    switch self {
    case .v4(let prefix): prefix.description
    case .v6(let prefix): prefix.description
    }
  }
}

/// Prefixes of both families in two arrays, the shape in which updates, table contents and kernel changes travel: an array of the
/// packed IPv4 form is a third of the size of an array of `Prefix`.
package struct PrefixList: Hashable, Sendable {
  package var ipv4: [IPv4Prefix]
  package var ipv6: [IPv6Prefix]

  package init(ipv4: [IPv4Prefix] = [], ipv6: [IPv6Prefix] = []) {
    self.ipv4 = ipv4
    self.ipv6 = ipv6
  }

  package init(_ prefixes: some Sequence<Prefix>) {
    self.init()
    for prefix in prefixes {
      append(prefix)
    }
  }

  package var count: Int { ipv4.count + ipv6.count }
  package var isEmpty: Bool { ipv4.isEmpty && ipv6.isEmpty }

  package mutating func append(_ prefix: Prefix) {
    switch prefix {
    case .v4(let prefix): ipv4.append(prefix)
    case .v6(let prefix): ipv6.append(prefix)
    }
  }

  package mutating func append(contentsOf other: PrefixList) {
    ipv4.append(contentsOf: other.ipv4)
    ipv6.append(contentsOf: other.ipv6)
  }

  /// All prefixes, IPv4 first, each family in the order of its array.
  package var all: [Prefix] { ipv4.map(Prefix.v4) + ipv6.map(Prefix.v6) }

  /// Orders both families by address, then by length.
  package mutating func sort() {
    ipv4.sort()
    ipv6.sort()
  }
}
