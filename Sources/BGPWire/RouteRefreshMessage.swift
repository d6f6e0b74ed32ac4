package import Primitives

/// ROUTE-REFRESH (RFC 2918 §3, RFC 7313 §3.2).
///
///     +-------------------------------+---------------+---------------+
///     |             AFI               |    Subtype    |     SAFI      |
///     +-------------------------------+---------------+---------------+
package struct RouteRefreshMessage: Hashable, Sendable {
  package enum Subtype: UInt8, Hashable, Sendable {
    case request = 0
    /// BoRR: a complete resend begins.
    case begin = 1
    /// EoRR: it is complete.
    case end = 2
  }

  /// As received; `family` is nil for one that has no sets here.
  package var afi: UInt16
  package var safi: UInt8
  package var subtype: UInt8

  package init(family: AddressFamily, subtype: Subtype = .request) {
    afi = family.rawValue
    safi = IANA.SAFI.unicast
    self.subtype = subtype.rawValue
  }

  /// The unicast family; nil for any other.
  package var family: AddressFamily? {
    safi == IANA.SAFI.unicast ? AddressFamily(rawValue: afi) : nil
  }

  init(_ body: OctetReader, in octets: Span<UInt8>) throws(NotificationMessage) {
    var reader = body
    guard let afi = reader.readUInt16(octets), let subtype = reader.readUInt8(octets),
      let safi = reader.readUInt8(octets),
      reader.isAtEnd
    else {
      throw NotificationMessage(IANA.ErrorCode.routeRefreshMessage, IANA.RouteRefreshSubcode.invalidMessageLength)
    }
    self.afi = afi
    self.safi = safi
    self.subtype = subtype
  }

  func encode(into writer: inout OctetWriter) {
    writer.write(afi)
    writer.write(subtype)
    writer.write(safi)
  }
}
