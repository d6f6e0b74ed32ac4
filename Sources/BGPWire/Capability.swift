package import Primitives

/// One capability of an OPEN (RFC 5492 §4).
///
///     +---------------+---------------+---------------------------
///     |     Code      |    Length     |  Value …
///     +---------------+---------------+---------------------------
///
/// A known code with a length that its specification does not allow is kept as `.unknown`: it is not offered then, and the session
/// is not lost over it.
package enum Capability: Hashable, Sendable {
  /// RFC 4760 §8; any AFI and SAFI.
  case multiprotocol(afi: UInt16, safi: UInt8)
  /// RFC 2918.
  case routeRefresh
  /// RFC 8654.
  case extendedMessage
  /// RFC 4724 §3.
  case gracefulRestart(GracefulRestart)
  /// RFC 6793 §3.
  case fourOctetAS(ASN)
  /// RFC 7313.
  case enhancedRouteRefresh
  /// RFC 9494 §3.1; without families: "I keep your routes, and have no state of my own to keep".
  case longLivedGracefulRestart([LongLivedFamily])
  /// RFC 9234 §4.1: the raw value of a `BGPRole`, or one that is not assigned.
  case role(UInt8)
  case unknown(code: UInt8, octets: [UInt8])

  package struct GracefulRestart: Hashable, Sendable {
    package struct Family: Hashable, Sendable {
      package var afi: UInt16
      package var safi: UInt8
      /// "Forwarding State" bit.
      package var forwardingPreserved: Bool

      package init(afi: UInt16, safi: UInt8, forwardingPreserved: Bool) {
        self.afi = afi
        self.safi = safi
        self.forwardingPreserved = forwardingPreserved
      }
    }

    /// R: the sender has restarted.
    package var restarted: Bool
    /// N: NOTIFICATION is covered too (RFC 8538 §2).
    package var notification: Bool
    /// Seconds, 12 bits.
    package var restartTime: UInt16
    package var families: [Family]

    package init(restarted: Bool, notification: Bool, restartTime: UInt16, families: [Family]) {
      self.restarted = restarted
      self.notification = notification
      self.restartTime = restartTime
      self.families = families
    }
  }

  /// For how long the sender asks that its routes of a family be kept (RFC 9494 §3.1).
  package struct LongLivedFamily: Hashable, Sendable {
    package var afi: UInt16
    package var safi: UInt8
    /// "Forwarding State" bit.
    package var forwardingPreserved: Bool
    /// Seconds, 24 bits, after the restart time.
    package var staleTime: UInt32

    package init(afi: UInt16, safi: UInt8, forwardingPreserved: Bool, staleTime: UInt32) {
      self.afi = afi
      self.safi = safi
      self.forwardingPreserved = forwardingPreserved
      self.staleTime = staleTime
    }
  }

  package static func unicast(_ family: AddressFamily) -> Capability {
    .multiprotocol(afi: family.rawValue, safi: IANA.SAFI.unicast)
  }

  /// - Returns: nil when the length octet reaches past the parameter.
  init?(_ reader: inout OctetReader, in octets: Span<UInt8>) {
    guard let code = reader.readUInt8(octets), let length = reader.readUInt8(octets),
      var value = reader.take(Int(length))
    else { return nil }
    let whole = value
    if let known = Self.known(code, &value, octets), value.isAtEnd {
      self = known
    } else {
      var whole = whole
      self = .unknown(code: code, octets: whole.readOctets(whole.count, octets) ?? [])
    }
  }

  private static func known(_ code: UInt8, _ value: inout OctetReader, _ octets: Span<UInt8>) -> Capability? {
    switch code {
    case IANA.CapabilityCode.multiprotocol:
      guard let afi = value.readUInt16(octets), value.readUInt8(octets) != nil, let safi = value.readUInt8(octets)
      else { return nil }
      return .multiprotocol(afi: afi, safi: safi)
    case IANA.CapabilityCode.routeRefresh: return .routeRefresh
    case IANA.CapabilityCode.extendedMessage: return .extendedMessage
    case IANA.CapabilityCode.enhancedRouteRefresh: return .enhancedRouteRefresh
    case IANA.CapabilityCode.role: return value.readUInt8(octets).map { .role($0) }
    case IANA.CapabilityCode.fourOctetAS: return value.readUInt32(octets).map { .fourOctetAS(ASN($0)) }
    case IANA.CapabilityCode.gracefulRestart:
      guard let head = value.readUInt16(octets) else { return nil }
      var restart = GracefulRestart(
        restarted: head & 0x8000 != 0, notification: head & 0x4000 != 0, restartTime: head & 0x0FFF, families: [])
      while !value.isAtEnd {
        guard let afi = value.readUInt16(octets), let safi = value.readUInt8(octets),
          let flags = value.readUInt8(octets)
        else { return nil }
        restart.families.append(.init(afi: afi, safi: safi, forwardingPreserved: flags & 0x80 != 0))
      }
      return .gracefulRestart(restart)
    case IANA.CapabilityCode.longLivedGracefulRestart:
      var families: [LongLivedFamily] = []
      while !value.isAtEnd {
        guard let afi = value.readUInt16(octets), let safi = value.readUInt8(octets),
          let word = value.readUInt32(octets)
        else { return nil }
        families.append(
          LongLivedFamily(
            afi: afi, safi: safi, forwardingPreserved: word & 0x8000_0000 != 0, staleTime: word & 0x00FF_FFFF))
      }
      return .longLivedGracefulRestart(families)
    default: return nil
    }
  }

  /// The capabilities as they stand in an OPEN, for the data of Unsupported Capability (RFC 5492 §3).
  package static func octets(of capabilities: [Capability]) -> [UInt8] {
    var writer = OctetWriter()
    for capability in capabilities { capability.encode(into: &writer) }
    return writer.octets
  }

  func encode(into writer: inout OctetWriter) {
    switch self {
    case .multiprotocol(let afi, let safi):
      Self.head(IANA.CapabilityCode.multiprotocol, 4, &writer)
      writer.write(afi)
      writer.write(UInt8(0))
      writer.write(safi)
    case .routeRefresh: Self.head(IANA.CapabilityCode.routeRefresh, 0, &writer)
    case .extendedMessage: Self.head(IANA.CapabilityCode.extendedMessage, 0, &writer)
    case .enhancedRouteRefresh: Self.head(IANA.CapabilityCode.enhancedRouteRefresh, 0, &writer)
    case .role(let value):
      Self.head(IANA.CapabilityCode.role, 1, &writer)
      writer.write(value)
    case .fourOctetAS(let number):
      Self.head(IANA.CapabilityCode.fourOctetAS, 4, &writer)
      writer.write(number.value)
    case .gracefulRestart(let restart):
      let families = restart.families.prefix(63)
      Self.head(IANA.CapabilityCode.gracefulRestart, UInt8(truncatingIfNeeded: 2 + 4 * families.count), &writer)
      writer.write(
        (restart.restarted ? 0x8000 : 0) | (restart.notification ? 0x4000 : 0) | restart.restartTime & 0x0FFF as UInt16)
      for family in families {
        writer.write(family.afi)
        writer.write(family.safi)
        writer.write(UInt8(family.forwardingPreserved ? 0x80 : 0))
      }
    case .longLivedGracefulRestart(let families):
      let families = families.prefix(36)
      Self.head(IANA.CapabilityCode.longLivedGracefulRestart, UInt8(truncatingIfNeeded: 7 * families.count), &writer)
      for family in families {
        writer.write(family.afi)
        writer.write(family.safi)
        writer.write((family.forwardingPreserved ? 0x8000_0000 : 0) | family.staleTime & 0x00FF_FFFF as UInt32)
      }
    case .unknown(let code, let octets):
      let value = octets.prefix(255)
      Self.head(code, UInt8(truncatingIfNeeded: value.count), &writer)
      writer.write(value)
    }
  }

  private static func head(_ code: UInt8, _ length: UInt8, _ writer: inout OctetWriter) {
    writer.write(code)
    writer.write(length)
  }
}
