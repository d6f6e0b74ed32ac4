/// The two families that nftbgpd handles; the raw value is the AFI of RFC 4760.
package enum AddressFamily: UInt16, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case ipv4 = 1
  case ipv6 = 2

  /// The length of an address: 32 or 128 bits.
  package var bits: UInt8 {
    switch self {
    case .ipv4: 32
    case .ipv6: 128
    }
  }

  package var description: String {
    switch self {
    case .ipv4: "IPv4"
    case .ipv6: "IPv6"
    }
  }
}

/// An IPv4 address as a number: 192.0.2.1 is `0xC0000201`.
package struct IPv4Address: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: UInt32

  package init(_ value: UInt32) {
    self.value = value
  }

  /// Four decimal numbers of 0 to 255 with dots between; no leading zeros, no short forms, as inet_pton(3) has it.
  package init?(_ text: some StringProtocol) {
    var value: UInt32 = 0
    var parts = 0
    var digits = 0
    var part: UInt32 = 0
    for character in text.utf8 {
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        guard digits < 3, !(digits > 0 && part == 0) else { return nil }
        part = part * 10 + UInt32(character - UInt8(ascii: "0"))
        digits += 1
        guard part <= 255 else { return nil }
      case UInt8(ascii: "."):
        guard digits > 0, parts < 3 else { return nil }
        value = value << 8 | part
        parts += 1
        part = 0
        digits = 0
      default:
        return nil
      }
    }
    guard digits > 0, parts == 3 else { return nil }
    self.value = value << 8 | part
  }

  package var description: String {
    "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
  }

  package static func < (left: IPv4Address, right: IPv4Address) -> Bool {
    left.value < right.value
  }
}

/// An IPv6 address as two halves in host order.
package struct IPv6Address: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The text forms of RFC 4291 §2.2, with `::` and with a dotted IPv4 tail; no zone.
  package init?(_ text: some StringProtocol) {
    var groups: [UInt16] = []
    var gap: Int?
    var rest = text[...]
    if rest.hasPrefix("::") {
      gap = 0
      rest = rest.dropFirst(2)
    }
    while !rest.isEmpty {
      let field = rest.prefix { $0 != ":" }
      if field.contains(".") {
        guard field.endIndex == rest.endIndex, let tail = IPv4Address(field) else { return nil }
        groups.append(UInt16(truncatingIfNeeded: tail.value >> 16))
        groups.append(UInt16(truncatingIfNeeded: tail.value))
        rest = rest[field.endIndex...]
        break
      }
      guard (1...4).contains(field.utf8.count), field.utf8.allSatisfy(Self.isHexDigit),
        let group = UInt16(field, radix: 16)
      else { return nil }
      groups.append(group)
      guard groups.count <= 8 else { return nil }
      rest = rest[field.endIndex...]
      if rest.hasPrefix("::") {
        guard gap == nil else { return nil }
        gap = groups.count
        rest = rest.dropFirst(2)
      } else if rest.hasPrefix(":") {
        rest = rest.dropFirst()
        guard !rest.isEmpty else { return nil }
      }
    }
    if let gap {
      guard groups.count < 8 else { return nil }
      groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
    }
    guard groups.count == 8 else { return nil }
    high = groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) }
    low = groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
  }

  private static func isHexDigit(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default:
      false
    }
  }

  /// The canonical text of RFC 5952.
  package var description: String {
    if high == 0, low >> 32 == 0xFFFF {
      return "::ffff:\(IPv4Address(UInt32(truncatingIfNeeded: low)))"
    }
    let groups = (0..<8).map { index in
      UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(16 * (3 - index % 4)))
    }
    var longest = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start >= 2, end - start > longest.count { longest = start..<end }
      start = max(end, start + 1)
    }
    let hex = { (range: Range<Int>) in groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
    return longest.isEmpty ? hex(0..<8) : hex(0..<longest.lowerBound) + "::" + hex(longest.upperBound..<8)
  }

  package static func < (left: IPv6Address, right: IPv6Address) -> Bool {
    left.high != right.high ? left.high < right.high : left.low < right.low
  }
}

/// An address of either family. IPv4 sorts before IPv6.
package enum IPAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  case v4(IPv4Address)
  case v6(IPv6Address)

  /// The text forms that `IPv4Address` and `IPv6Address` take.
  package init?(_ text: some StringProtocol) {
    if let address = IPv4Address(text) {
      self = .v4(address)
    } else if let address = IPv6Address(text) {
      self = .v6(address)
    } else {
      return nil
    }
  }

  package var family: AddressFamily {
    switch self {
    case .v4: .ipv4
    case .v6: .ipv6
    }
  }

  package var description: String {
    switch self {
    case .v4(let address): address.description
    case .v6(let address): address.description
    }
  }
}
