package import Primitives

/// The addresses of one family from a first to a last, both included: what one element of an interval set stands for.
package enum AddressRange: Hashable, Sendable, CustomStringConvertible {
  case v4(first: IPv4Address, last: IPv4Address)
  case v6(first: IPv6Address, last: IPv6Address)

  package init(_ prefix: Prefix) {
    switch prefix {
    case .v4(let prefix): self = .v4(first: prefix.address, last: prefix.lastAddress)
    case .v6(let prefix): self = .v6(first: prefix.address, last: prefix.lastAddress)
    }
  }

  package var family: AddressFamily {
    switch self {
    case .v4: .ipv4
    case .v6: .ipv6
    }
  }

  package var first: IPAddress {
    switch self {
    case .v4(let first, _): .v4(first)
    case .v6(let first, _): .v6(first)
    }
  }

  package var last: IPAddress {
    switch self {
    case .v4(_, let last): .v4(last)
    case .v6(_, let last): .v6(last)
    }
  }

  /// The address that follows the last, unless that is the last of all.
  package var addressAfter: IPAddress? {
    switch self {
    case .v4(_, let last): last.next.map(IPAddress.v4)
    case .v6(_, let last): last.next.map(IPAddress.v6)
    }
  }

  /// The prefix that covers exactly these addresses, if there is one.
  package var prefix: Prefix? {
    switch self {
    case .v4(let first, let last): IPv4Prefix(first: first, last: last).map(Prefix.v4)
    case .v6(let first, let last): IPv6Prefix(first: first, last: last).map(Prefix.v6)
    }
  }

  /// The prefix where there is one, otherwise `FIRST-LAST` as nft(8) writes it.
  package var description: String {
    prefix?.description ?? "\(first)-\(last)"
  }
}

extension IPv4Prefix {
  /// The prefix from `first` to `last`, or `nil` when these are not the ends of one.
  init?(first: IPv4Address, last: IPv4Address) {
    let host = first.value ^ last.value
    guard host & (host &+ 1) == 0, first.value & host == 0 else { return nil }
    self.init(first, length: UInt8(truncatingIfNeeded: host.leadingZeroBitCount))
  }
}

extension IPv6Prefix {
  /// The prefix from `first` to `last`, or `nil` when these are not the ends of one.
  init?(first: IPv6Address, last: IPv6Address) {
    let host = first.number ^ last.number
    guard host & (host &+ 1) == 0, first.number & host == 0 else { return nil }
    self.init(first, length: UInt8(truncatingIfNeeded: host.leadingZeroBitCount))
  }
}
