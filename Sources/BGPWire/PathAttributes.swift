package import Primitives

/// The path attributes that the routes of an UPDATE share, without those that name routes.
///
/// Everything that rules can match or bgpctl shows is decoded; anything else is kept as octets. NEXT_HOP is decoded to be shown and is
/// never used.
package struct PathAttributes: Hashable, Sendable {
  package enum Origin: UInt8, Hashable, Sendable {
    case igp = 0
    case egp = 1
    case incomplete = 2
  }

  /// AGGREGATOR with AS4_AGGREGATOR merged in (RFC 6793 §4.2.3).
  package struct Aggregator: Hashable, Sendable {
    package var asn: ASN
    package var address: IPv4Address

    package init(asn: ASN, address: IPv4Address) {
      self.asn = asn
      self.address = address
    }
  }

  /// An attribute that nftbgpd does not know, as received.
  package struct Unknown: Hashable, Sendable {
    package var flags: UInt8
    package var code: UInt8
    package var octets: [UInt8]

    package init(flags: UInt8, code: UInt8, octets: [UInt8]) {
      self.flags = flags
      self.code = code
      self.octets = octets
    }
  }

  package var origin = Origin.igp
  package var asPath = ASPath()
  /// From NEXT_HOP or, failing that, from MP_REACH_NLRI.
  package var nextHop: IPAddress?
  package var multiExitDiscriminator: UInt32?
  package var localPreference: UInt32?
  package var atomicAggregate = false
  package var aggregator: Aggregator?
  /// Sorted, without duplicates: RFC 1997 gives them no order.
  package var communities: [Community] = []
  package var extendedCommunities: [ExtendedCommunity] = []
  package var largeCommunities: [LargeCommunity] = []
  package var originatorID: IPv4Address?
  package var clusterList: [IPv4Address] = []
  /// OTC (RFC 9234 §5).
  package var onlyToCustomer: ASN?
  package var unknown: [Unknown] = []

  package init() {}

  /// Writes the attributes in the order of their codes, NEXT_HOP included when it is an IPv4 address.
  func encode(into writer: inout OctetWriter, fourOctetAS: Bool) {
    let wellKnown = IANA.AttributeFlag.transitive
    let optional = IANA.AttributeFlag.optional
    let optionalTransitive = optional | IANA.AttributeFlag.transitive
    writer.writeAttribute(wellKnown, IANA.AttributeCode.origin) { $0.write(origin.rawValue) }
    writer.writeAttribute(wellKnown, IANA.AttributeCode.asPath) { asPath.encode(into: &$0, fourOctetAS: fourOctetAS) }
    if case .v4(let address) = nextHop {
      writer.writeAttribute(wellKnown, IANA.AttributeCode.nextHop) { $0.write(address.value) }
    }
    if let multiExitDiscriminator {
      writer.writeAttribute(optional, IANA.AttributeCode.multiExitDiscriminator) { $0.write(multiExitDiscriminator) }
    }
    if let localPreference {
      writer.writeAttribute(wellKnown, IANA.AttributeCode.localPreference) { $0.write(localPreference) }
    }
    if atomicAggregate {
      writer.writeAttribute(wellKnown, IANA.AttributeCode.atomicAggregate) { _ in }
    }
    if let aggregator {
      writer.writeAttribute(optionalTransitive, IANA.AttributeCode.aggregator) {
        if fourOctetAS {
          $0.write(aggregator.asn.value)
        } else {
          $0.write(UInt16(exactly: aggregator.asn.value) ?? UInt16(truncatingIfNeeded: ASN.transition.value))
        }
        $0.write(aggregator.address.value)
      }
    }
    if !communities.isEmpty {
      writer.writeAttribute(optionalTransitive, IANA.AttributeCode.communities) { writer in
        communities.forEach { writer.write($0.value) }
      }
    }
    if let originatorID {
      writer.writeAttribute(optional, IANA.AttributeCode.originatorID) { $0.write(originatorID.value) }
    }
    if !clusterList.isEmpty {
      writer.writeAttribute(optional, IANA.AttributeCode.clusterList) { writer in
        clusterList.forEach { writer.write($0.value) }
      }
    }
    if !extendedCommunities.isEmpty {
      writer.writeAttribute(optionalTransitive, IANA.AttributeCode.extendedCommunities) { writer in
        extendedCommunities.forEach { writer.write($0.value) }
      }
    }
    if !fourOctetAS, asPath.numbers.contains(where: { !$0.isTwoOctet }) {
      writer.writeAttribute(optionalTransitive, IANA.AttributeCode.as4Path) {
        asPath.encode(into: &$0, fourOctetAS: true)
      }
    }
    if !fourOctetAS, let aggregator, !aggregator.asn.isTwoOctet {
      writer.writeAttribute(optionalTransitive, IANA.AttributeCode.as4Aggregator) {
        $0.write(aggregator.asn.value)
        $0.write(aggregator.address.value)
      }
    }
    if !largeCommunities.isEmpty {
      writer.writeAttribute(optionalTransitive, IANA.AttributeCode.largeCommunities) { writer in
        for community in largeCommunities {
          writer.write(community.global)
          writer.write(community.data1)
          writer.write(community.data2)
        }
      }
    }
    if let onlyToCustomer {
      writer.writeAttribute(optionalTransitive, IANA.AttributeCode.onlyToCustomer) { $0.write(onlyToCustomer.value) }
    }
    for attribute in unknown {
      writer.writeAttribute(attribute.flags, attribute.code) { $0.write(attribute.octets) }
    }
  }
}

extension OctetWriter {
  /// Writes one attribute, with a two-octet length where one octet is too short (RFC 4271 §4.3).
  mutating func writeAttribute(_ flags: UInt8, _ code: UInt8, _ value: (inout OctetWriter) -> Void) {
    var content = OctetWriter()
    value(&content)
    let flags = flags & ~IANA.AttributeFlag.extendedLength
    if let length = UInt8(exactly: content.count) {
      write(flags)
      write(code)
      write(length)
    } else {
      write(flags | IANA.AttributeFlag.extendedLength)
      write(code)
      write(UInt16(clamping: content.count))
    }
    write(content.octets)
  }
}
