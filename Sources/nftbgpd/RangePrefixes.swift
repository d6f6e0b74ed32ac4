import Netfilter
import Primitives

extension AddressRange {
  /// The fewest prefixes that cover the range exactly.
  var prefixes: [Prefix] {
    switch self {
    case .v4(let first, let last):
      var prefixes: [Prefix] = []
      var next = UInt64(first.value)
      let end = UInt64(last.value)
      while next <= end {
        var length = 32
        // Widen while the start stays aligned and the end is not passed.
        while length > 0, next & (1 << UInt64(32 - length)) == 0, next + (2 << UInt64(32 - length)) - 1 <= end {
          length -= 1
        }
        if let prefix = IPv4Prefix(IPv4Address(UInt32(truncatingIfNeeded: next)), length: UInt8(length)) {
          prefixes.append(.v4(prefix))
        }
        next += 1 << UInt64(32 - length)
      }
      return prefixes
    case .v6(let first, let last):
      return Self.prefixes(from: first, to: last)
    }
  }

  private static func prefixes(from first: IPv6Address, to last: IPv6Address) -> [Prefix] {
    var prefixes: [Prefix] = []
    var next = first
    while next <= last {
      var widest = IPv6Prefix(host: next)
      while widest.length > 0, let wider = IPv6Prefix(next, length: widest.length - 1), wider.address == next,
        wider.lastAddress <= last
      {
        widest = wider
      }
      prefixes.append(.v6(widest))
      let end = widest.lastAddress
      guard end < last else { break }
      next = end.low == .max ? IPv6Address(high: end.high + 1, low: 0) : IPv6Address(high: end.high, low: end.low + 1)
    }
    return prefixes
  }
}
