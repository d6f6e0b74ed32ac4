/// A standard community (RFC 1997): `global:local`, two octets each.
package struct Community: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: UInt32

  package init(_ value: UInt32) {
    self.value = value
  }

  package init(_ global: UInt16, _ local: UInt16) {
    value = UInt32(global) << 16 | UInt32(local)
  }

  /// The upper half, by convention an AS number.
  package var global: UInt16 { UInt16(truncatingIfNeeded: value >> 16) }
  /// The lower half.
  package var local: UInt16 { UInt16(truncatingIfNeeded: value) }

  /// NO_LLGR (RFC 9494 §5.2): the route is not to be kept beyond the restart time.
  package static let noLongLivedGracefulRestart = Community(0xFFFF_0007)

  /// The well-known communities that bgpd.conf(5) names, as it spells them.
  package static let wellKnown: [(name: String, community: Community)] = [
    ("GRACEFUL_SHUTDOWN", Community(0xFFFF_0000)),
    ("BLACKHOLE", Community(0xFFFF_029A)),
    ("NO_EXPORT", Community(0xFFFF_FF01)),
    ("NO_ADVERTISE", Community(0xFFFF_FF02)),
    ("NO_EXPORT_SUBCONFED", Community(0xFFFF_FF03)),
    ("NO_PEER", Community(0xFFFF_FF04)),
  ]

  /// The well-known name where there is one, otherwise `global:local`, as bgpctl(8) prints it.
  package var description: String {
    if value >> 16 == 0xFFFF, let known = Self.wellKnown.first(where: { $0.community == self }) {
      return known.name
    }
    return "\(global):\(local)"
  }

  package static func < (left: Community, right: Community) -> Bool {
    left.value < right.value
  }
}

/// A large community (RFC 8092): `global:data1:data2`, four octets each.
package struct LargeCommunity: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let global: UInt32
  package let data1: UInt32
  package let data2: UInt32

  package init(_ global: UInt32, _ data1: UInt32, _ data2: UInt32) {
    self.global = global
    self.data1 = data1
    self.data2 = data2
  }

  package var description: String { "\(global):\(data1):\(data2)" }

  package static func < (left: LargeCommunity, right: LargeCommunity) -> Bool {
    (left.global, left.data1, left.data2) < (right.global, right.data1, right.data2)
  }
}

/// An extended community (RFC 4360): eight octets, the first one or two of which are the type.
package struct ExtendedCommunity: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: UInt64

  package init(_ value: UInt64) {
    self.value = value
  }

  /// The high octet of the type, with the transitive bit.
  package var type: UInt8 { UInt8(truncatingIfNeeded: value >> 56) }
  /// The low octet of the type.
  package var subtype: UInt8 { UInt8(truncatingIfNeeded: value >> 48) }

  package var description: String {
    let name =
      switch subtype {
      case IANA.ExtendedCommunitySubtype.routeTarget: "rt"
      case IANA.ExtendedCommunitySubtype.routeOrigin: "soo"
      default: ""
      }
    let body = value & 0xFFFF_FFFF_FFFF
    switch (type, name.isEmpty) {
    case (IANA.ExtendedCommunityType.twoOctetAS, false):
      return "\(name) \(body >> 32):\(body & 0xFFFF_FFFF)"
    case (IANA.ExtendedCommunityType.ipv4Address, false):
      let octets = (0..<4).map { String(body >> UInt64(40 - 8 * $0) & 255) }
      return "\(name) \(octets.joined(separator: ".")):\(body & 0xFFFF)"
    case (IANA.ExtendedCommunityType.fourOctetAS, false):
      return "\(name) \(body >> 16):\(body & 0xFFFF)"
    default:
      let digits = String(value, radix: 16)
      return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
    }
  }

  package static func < (left: ExtendedCommunity, right: ExtendedCommunity) -> Bool {
    left.value < right.value
  }
}
