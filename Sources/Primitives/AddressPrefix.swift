/// What an IPv4 and an IPv6 prefix have in common, for code that is the same for both and wants to be specialised for each.
public protocol AddressPrefix: Hashable, Comparable, Sendable {
  /// Whether this is a single address.
  var isHost: Bool { get }

  /// Whether `other` lies inside this prefix or is equal to it.
  func contains(_ other: Self) -> Bool

  /// The two prefixes that this one consists of, the lower first; nil for a host.
  var halves: (lower: Self, upper: Self)? { get }

  /// What no prefix is equal to, for places in a `PrefixMap` that hold none.
  static var vacant: Self { get }

  /// 64 bits that depend on all bits of the prefix and of the seed.
  func scrambled(_ seed: UInt64) -> UInt64

  /// 64 bits for the prefix and its family, the same in every process and release, and mixed so well that they may be added up.
  var fingerprint: UInt64 { get }
}

/// An odd number without a pattern, for multiplications that spread bits.
@usableFromInline let spreader: UInt64 = 0x9E37_79B9_7F4A_7C15

extension UInt64 {
  /// Both halves of a product, in one.
  @inlinable func folded(_ other: UInt64) -> UInt64 {
    let product = multipliedFullWidth(by: other)
    return product.high ^ product.low
  }

  /// The number that SplitMix64 draws in this state: each bit of it depends on each of the state.
  var mixed: UInt64 {
    var value = self &+ spreader
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

extension IPv4Prefix: AddressPrefix {
  /// Of no valid length.
  @inlinable public static var vacant: IPv4Prefix { IPv4Prefix(packed: .max) }

  /// 64 bits that depend on all bits of the prefix and of the seed.
  @inlinable public func scrambled(_ seed: UInt64) -> UInt64 {
    (packed ^ seed).folded(spreader)
  }

  /// 64 bits for the prefix and its family, the same in every process and release.
  public var fingerprint: UInt64 { packed.mixed }

  /// The two prefixes that this one consists of, the lower first; nil for a host.
  public var halves: (lower: IPv4Prefix, upper: IPv4Prefix)? {
    guard !isHost, let lower = IPv4Prefix(address, length: length + 1),
      let upper = IPv4Prefix(lastAddress, length: length + 1)
    else { return nil }
    return (lower, upper)
  }
}

extension IPv6Prefix: AddressPrefix {
  /// Of no valid length.
  public static var vacant: IPv6Prefix { IPv6Prefix(address: IPv6Address(high: .max, low: .max), length: .max) }

  /// 64 bits that depend on all bits of the prefix and of the seed.
  public func scrambled(_ seed: UInt64) -> UInt64 {
    // Each part meets a product that depends on the seed, so that nobody can choose one part to make up for another.
    let upper = (address.high ^ seed).folded(spreader)
    let whole = (upper ^ address.low).folded(seed | 1)
    return (whole &+ UInt64(length)).folded(spreader)
  }

  /// 64 bits for the prefix and its family, the same in every process and release.
  public var fingerprint: UInt64 {
    // Three steps, and IPv4 takes one: so ::/0 has not the number of 0.0.0.0/0.
    ((address.high.mixed ^ address.low).mixed ^ UInt64(length)).mixed
  }

  /// The two prefixes that this one consists of, the lower first; nil for a host.
  public var halves: (lower: IPv6Prefix, upper: IPv6Prefix)? {
    guard !isHost, let lower = IPv6Prefix(address, length: length + 1),
      let upper = IPv6Prefix(lastAddress, length: length + 1)
    else { return nil }
    return (lower, upper)
  }
}
