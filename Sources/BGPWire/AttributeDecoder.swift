import Primitives

/// Decodes the path attribute list of an UPDATE and judges it by RFC 7606.
///
///     +---------------+---------------+-----------------------------+
///     |  Attr. Flags  | Attr. Type    | Length (1 or 2 octets)      |
///     +---------------+---------------+-----------------------------+
///     |  Value …
///
/// Each attribute is judged on its own octets and the list is decoded into fresh values; nothing that was decoded is edited while the
/// list is still being read. What depends on more than one attribute (missing ones, AS4_PATH) is settled after the last.
struct AttributeDecoder {
  private let context: DecodeContext
  private(set) var attributes = PathAttributes()
  private(set) var faults: [AttributeFault] = []
  private(set) var withdrawn = PrefixList()
  private(set) var announced = PrefixList()
  /// The family of an MP_UNREACH_NLRI without prefixes.
  private(set) var emptyUnreach: AddressFamily?
  /// Attributes seen.
  private(set) var count = 0
  /// A bit for each code.
  private var seen = InlineArray<4, UInt64>(repeating: 0)
  private var as4Path: ASPath?
  private var as4Aggregator: PathAttributes.Aggregator?
  private var multiprotocolNextHop: IPAddress?
  /// MP_REACH_NLRI names routes, be it of a family that is not offered.
  private var reachesMultiprotocol = false
  /// What a session reset says of the first fault that asks for treat-as-withdraw.
  private var escalation: NotificationMessage?

  init(_ context: DecodeContext) {
    self.context = context
  }

  /// - Throws: the NOTIFICATION of a session reset.
  mutating func decode(
    _ field: OctetReader, in octets: Span<UInt8>, announcesIPv4: Bool
  ) throws(NotificationMessage) {
    var reader = field
    while !reader.isAtEnd {
      var header = reader
      guard let flags = reader.readUInt8(octets), let code = reader.readUInt8(octets),
        let length = flags & IANA.AttributeFlag.extendedLength != 0
          ? reader.readUInt16(octets).map(Int.init) : reader.readUInt8(octets).map(Int.init),
        let value = reader.take(length)
      else {
        // RFC 7606 §4: the IPv4 routes are still found by the total length. Those of an MP attribute are not (§3 j).
        _ = header.readUInt8(octets)
        let code = header.readUInt8(octets) ?? 0
        try note(code, .truncated, Self.carriesRoutes(code) ? Self.malformedList : .treatAsWithdraw, header, octets)
        break
      }
      count += 1
      let whole = header.take(reader.position - header.position) ?? value
      try decode(flags, code, value, whole, octets)
    }
    try settle(announcesIPv4: announcesIPv4)
  }

  private mutating func decode(
    _ flags: UInt8, _ code: UInt8, _ value: OctetReader, _ whole: OctetReader, _ octets: Span<UInt8>
  ) throws(NotificationMessage) {
    guard isFirst(code) else {
      // RFC 7606 §3 g: MP_REACH_NLRI and MP_UNREACH_NLRI twice reset, any other is discarded but for the first.
      return try note(code, .duplicate, Self.carriesRoutes(code) ? Self.malformedList : .discard, whole, octets)
    }
    guard Self.flagsAreRight(flags, code) else {
      // RFC 7606 §3 c; §5.3: an MP attribute is incorrect then, and its routes are not to be relied on (§3 j).
      let verdict = Self.carriesRoutes(code) ? Self.optionalAttributeError(whole, octets) : .treatAsWithdraw
      return try note(code, .flags, verdict, whole, octets)
    }
    if let (reason, verdict) = decodeValue(flags, code, value, whole, octets) {
      try note(code, reason, verdict, whole, octets)
    }
  }

  /// Whether an attribute of this code has not been seen yet; from now on, one has.
  private mutating func isFirst(_ code: UInt8) -> Bool {
    let bit: UInt64 = 1 << UInt64(code & 63)
    defer { seen[Int(code >> 6)] |= bit }
    return seen[Int(code >> 6)] & bit == 0
  }

  private func hasSeen(_ code: UInt8) -> Bool {
    seen[Int(code >> 6)] >> UInt64(code & 63) & 1 == 1
  }

  /// Whether there was an attribute that announces or withdraws routes, of whatever family.
  var namesRoutes: Bool { hasSeen(IANA.AttributeCode.mpReachNLRI) || hasSeen(IANA.AttributeCode.mpUnreachNLRI) }

  /// Acts on a verdict: a reset ends the decoding, anything else is for the receiver of the UPDATE.
  private mutating func note(
    _ code: UInt8, _ reason: AttributeFault.Reason, _ verdict: AttributeVerdict, _ whole: OctetReader,
    _ octets: Span<UInt8>
  ) throws(NotificationMessage) {
    if case .reset(let notification) = verdict { throw notification }
    let fault = AttributeFault(attribute: code, reason: reason, verdict: verdict)
    if verdict == .treatAsWithdraw, escalation == nil {
      var whole = whole
      escalation = fault.notification(whole.readOctets(whole.count, octets) ?? [])
    }
    faults.append(fault)
  }

  private static func carriesRoutes(_ code: UInt8) -> Bool {
    code == IANA.AttributeCode.mpReachNLRI || code == IANA.AttributeCode.mpUnreachNLRI
  }

  private static let malformedList = AttributeVerdict.reset(
    NotificationMessage(IANA.ErrorCode.updateMessage, IANA.UpdateSubcode.malformedAttributeList))

  /// Whether the Optional and Transitive bits are those that the attribute's specification gives it.
  private static func flagsAreRight(_ flags: UInt8, _ code: UInt8) -> Bool {
    let kind = flags & (IANA.AttributeFlag.optional | IANA.AttributeFlag.transitive)
    switch code {
    case IANA.AttributeCode.origin, IANA.AttributeCode.asPath, IANA.AttributeCode.nextHop,
      IANA.AttributeCode.localPreference,
      IANA.AttributeCode.atomicAggregate:
      return kind == IANA.AttributeFlag.transitive
    case IANA.AttributeCode.multiExitDiscriminator, IANA.AttributeCode.originatorID, IANA.AttributeCode.clusterList,
      IANA.AttributeCode.mpReachNLRI, IANA.AttributeCode.mpUnreachNLRI:
      return kind == IANA.AttributeFlag.optional
    case IANA.AttributeCode.aggregator, IANA.AttributeCode.communities, IANA.AttributeCode.extendedCommunities,
      IANA.AttributeCode.as4Path, IANA.AttributeCode.as4Aggregator, IANA.AttributeCode.largeCommunities,
      IANA.AttributeCode.onlyToCustomer:
      return kind == IANA.AttributeFlag.optional | IANA.AttributeFlag.transitive
    default: return true
    }
  }

  /// - Returns: what is wrong and what follows; nil for a good attribute.
  private mutating func decodeValue(
    _ flags: UInt8, _ code: UInt8, _ value: OctetReader, _ whole: OctetReader, _ octets: Span<UInt8>
  ) -> (AttributeFault.Reason, AttributeVerdict)? {
    var value = value
    switch code {
    case IANA.AttributeCode.origin:  // RFC 7606 §7.1
      guard value.count == 1, let octet = value.readUInt8(octets) else { return (.length, .treatAsWithdraw) }
      guard let origin = PathAttributes.Origin(rawValue: octet) else { return (.value, .treatAsWithdraw) }
      attributes.origin = origin
    case IANA.AttributeCode.asPath:  // §7.2, and RFC 5065 §5: confederation segments only from inside
      guard let path = ASPath(value, in: octets, fourOctetAS: context.fourOctetAS),
        context.isInternal || !path.hasConfederationSegments
      else { return (.value, .treatAsWithdraw) }
      attributes.asPath = path
    case IANA.AttributeCode.nextHop:  // §7.3; `settle` judges the address
      guard value.count == 4, let address = value.readUInt32(octets) else { return (.length, .treatAsWithdraw) }
      attributes.nextHop = .v4(IPv4Address(address))
    case IANA.AttributeCode.multiExitDiscriminator:  // §7.4
      guard value.count == 4 else { return (.length, .treatAsWithdraw) }
      attributes.multiExitDiscriminator = value.readUInt32(octets)
    case IANA.AttributeCode.localPreference:  // §7.5
      guard context.isInternal else { return (.unexpected, .discard) }
      guard value.count == 4 else { return (.length, .treatAsWithdraw) }
      attributes.localPreference = value.readUInt32(octets)
    case IANA.AttributeCode.atomicAggregate:  // §7.6
      guard value.isAtEnd else { return (.length, .discard) }
      attributes.atomicAggregate = true
    case IANA.AttributeCode.aggregator:  // §7.7, RFC 7607 §2
      guard value.count == (context.fourOctetAS ? 8 : 6),
        let number = context.fourOctetAS ? value.readUInt32(octets) : value.readUInt16(octets).map(UInt32.init),
        let address = value.readUInt32(octets)
      else { return (.length, .discard) }
      guard number != 0 else { return (.value, .discard) }
      attributes.aggregator = .init(asn: ASN(number), address: IPv4Address(address))
    case IANA.AttributeCode.communities:  // §7.8
      guard let list = Self.list(value, of: 4, { $0.readUInt32(octets).map(Community.init) })
      else { return (.length, .treatAsWithdraw) }
      attributes.communities = list
    case IANA.AttributeCode.originatorID:  // §7.9
      guard context.isInternal else { return (.unexpected, .discard) }
      guard value.count == 4 else { return (.length, .treatAsWithdraw) }
      attributes.originatorID = value.readUInt32(octets).map(IPv4Address.init)
    case IANA.AttributeCode.clusterList:  // §7.10
      guard context.isInternal else { return (.unexpected, .discard) }
      guard !value.isAtEnd, value.count % 4 == 0 else { return (.length, .treatAsWithdraw) }
      while let identifier = value.readUInt32(octets) {
        attributes.clusterList.append(IPv4Address(identifier))
      }
    case IANA.AttributeCode.mpReachNLRI: return decodeReach(value, whole, octets)
    case IANA.AttributeCode.mpUnreachNLRI: return decodeUnreach(value, whole, octets)
    case IANA.AttributeCode.extendedCommunities:  // §7.14
      guard let list = Self.list(value, of: 8, { $0.readUInt64(octets).map(ExtendedCommunity.init) })
      else { return (.length, .treatAsWithdraw) }
      attributes.extendedCommunities = list
    case IANA.AttributeCode.as4Path:  // RFC 6793 §6: discard, and a four-octet peer must not send it (§4.1)
      guard !context.fourOctetAS else { return (.unexpected, .discard) }
      guard value.count >= 6 else { return (.length, .discard) }
      guard let path = ASPath(value, in: octets, fourOctetAS: true) else { return (.value, .discard) }
      as4Path = path
    case IANA.AttributeCode.as4Aggregator:
      guard !context.fourOctetAS else { return (.unexpected, .discard) }
      guard value.count == 8, let number = value.readUInt32(octets), let address = value.readUInt32(octets)
      else { return (.length, .discard) }
      guard number != 0 else { return (.value, .discard) }
      as4Aggregator = .init(asn: ASN(number), address: IPv4Address(address))
    case IANA.AttributeCode.largeCommunities:  // RFC 8092 §5
      let decoded = Self.list(value, of: 12) { reader in
        guard let global = reader.readUInt32(octets), let data1 = reader.readUInt32(octets),
          let data2 = reader.readUInt32(octets)
        else { return LargeCommunity?.none }
        return LargeCommunity(global, data1, data2)
      }
      guard let list = decoded else { return (.length, .treatAsWithdraw) }
      attributes.largeCommunities = list
    case IANA.AttributeCode.onlyToCustomer:  // RFC 9234 §5
      guard value.count == 4 else { return (.length, .treatAsWithdraw) }
      attributes.onlyToCustomer = value.readUInt32(octets).map(ASN.init)
    default:
      // RFC 4271 §6.3, of which RFC 7606 §3 has left this as it was.
      guard flags & IANA.AttributeFlag.optional != 0 else {
        return (.unrecognized, Self.reset(IANA.UpdateSubcode.unrecognizedWellKnownAttribute, whole, octets))
      }
      attributes.unknown.append(.init(flags: flags, code: code, octets: value.readOctets(value.count, octets) ?? []))
    }
    return nil
  }

  /// A sorted list without duplicates that fills the attribute; nil for a length that is zero or no multiple of `width`.
  private static func list<Element: Hashable & Comparable>(
    _ value: OctetReader, of width: Int, _ read: (inout OctetReader) -> Element?
  ) -> [Element]? {
    guard !value.isAtEnd, value.count % width == 0 else { return nil }
    var reader = value
    var list: [Element] = []
    list.reserveCapacity(value.count / width)
    while let element = read(&reader) {
      list.append(element)
    }
    guard list.count > 1 else { return list }
    list.sort()
    var unique: [Element] = []
    unique.reserveCapacity(list.count)
    for element in list where unique.last != element {
      unique.append(element)
    }
    return unique
  }

  /// MP_REACH_NLRI (RFC 4760 §3): AFI, SAFI, next hop with its length, a reserved octet, NLRI.
  private mutating func decodeReach(_ value: OctetReader, _ whole: OctetReader, _ octets: Span<UInt8>) -> (
    AttributeFault.Reason, AttributeVerdict
  )? {
    var value = value
    // RFC 7606 §7.11: a length that leaves the routes in doubt resets.
    guard let afi = value.readUInt16(octets), let safi = value.readUInt8(octets),
      let nextHopLength = value.readUInt8(octets),
      var nextHop = value.take(Int(nextHopLength)), value.readUInt8(octets) != nil
    else { return (.value, Self.optionalAttributeError(whole, octets)) }
    reachesMultiprotocol = !value.isAtEnd
    guard safi == IANA.SAFI.unicast, let family = AddressFamily(rawValue: afi) else { return nil }  // not offered
    switch (family, nextHopLength) {
    case (.ipv4, 4): multiprotocolNextHop = nextHop.readUInt32(octets).map { .v4(IPv4Address($0)) }
    case (.ipv6, 16), (.ipv6, 32):  // RFC 2545 §3; RFC 8950 would allow it for IPv4 routes, but is not offered
      if let high = nextHop.readUInt64(octets), let low = nextHop.readUInt64(octets) {
        multiprotocolNextHop = .v6(IPv6Address(high: high, low: low))
      }
    default: return (.value, Self.optionalAttributeError(whole, octets))
    }
    let isRight =
      switch family {
      case .ipv4: NLRI.decodeIPv4(value, in: octets, into: &announced.ipv4)
      case .ipv6: NLRI.decodeIPv6(value, in: octets, into: &announced.ipv6)
      }
    return isRight ? nil : (.value, Self.optionalAttributeError(whole, octets))
  }

  /// MP_UNREACH_NLRI (RFC 4760 §4): AFI, SAFI, withdrawn routes.
  private mutating func decodeUnreach(_ value: OctetReader, _ whole: OctetReader, _ octets: Span<UInt8>) -> (
    AttributeFault.Reason, AttributeVerdict
  )? {
    var value = value
    guard let afi = value.readUInt16(octets), let safi = value.readUInt8(octets)
    else { return (.value, Self.optionalAttributeError(whole, octets)) }
    guard safi == IANA.SAFI.unicast, let family = AddressFamily(rawValue: afi) else { return nil }
    if value.isAtEnd { emptyUnreach = family }
    let isRight =
      switch family {
      case .ipv4: NLRI.decodeIPv4(value, in: octets, into: &withdrawn.ipv4)
      case .ipv6: NLRI.decodeIPv6(value, in: octets, into: &withdrawn.ipv6)
      }
    return isRight ? nil : (.value, Self.optionalAttributeError(whole, octets))
  }

  /// RFC 4760 §7: what is said of an incorrect MP attribute.
  private static func optionalAttributeError(_ whole: OctetReader, _ octets: Span<UInt8>) -> AttributeVerdict {
    reset(IANA.UpdateSubcode.optionalAttributeError, whole, octets)
  }

  /// RFC 4271 §6.3: the data is the attribute with its header.
  private static func reset(_ subcode: UInt8, _ whole: OctetReader, _ octets: Span<UInt8>) -> AttributeVerdict {
    var whole = whole
    return .reset(
      NotificationMessage(
        IANA.ErrorCode.updateMessage, subcode, data: whole.readOctets(whole.count, octets) ?? []))
  }

  /// What only the whole list can tell.
  private mutating func settle(announcesIPv4: Bool) throws(NotificationMessage) {
    // RFC 7606 §5.2: a list that is in doubt and names no routes may have lost them.
    if let escalation, !announcesIPv4, !reachesMultiprotocol { throw escalation }
    // RFC 6793 §4.2.3: an AGGREGATOR that is not AS_TRANS was made by a two-octet speaker, so both AS4 attributes are out of date.
    let isOutdated = attributes.aggregator.map { $0.asn != .transition } == true && as4Aggregator != nil
    if !isOutdated {
      if let as4Aggregator, attributes.aggregator != nil { attributes.aggregator = as4Aggregator }
      if let as4Path { attributes.asPath = attributes.asPath.merged(with: as4Path) }
    }
    // RFC 4271 §6.3: a valid host address. RFC 4760 §3: without routes that need it, NEXT_HOP is ignored.
    if announcesIPv4, case .v4(let address) = attributes.nextHop, !Self.isHost(address) {
      faults.append(
        AttributeFault(attribute: IANA.AttributeCode.nextHop, reason: .value, verdict: .treatAsWithdraw))
    }
    if attributes.nextHop == nil { attributes.nextHop = multiprotocolNextHop }
    // RFC 7606 §3 d: mandatory attributes, wherever there are routes that need them.
    guard announcesIPv4 || !announced.isEmpty else { return }
    require(IANA.AttributeCode.origin)
    require(IANA.AttributeCode.asPath)
    if announcesIPv4 { require(IANA.AttributeCode.nextHop) }
    if context.isInternal { require(IANA.AttributeCode.localPreference) }
  }

  /// Whether a host can have the address: 0.0.0.0/8 and what lies above the unicast addresses is none (RFC 1122 §3.2.1.3).
  private static func isHost(_ address: IPv4Address) -> Bool {
    (0x0100_0000..<0xE000_0000).contains(address.value)
  }

  private mutating func require(_ code: UInt8) {
    if !hasSeen(code) {
      faults.append(AttributeFault(attribute: code, reason: .missing, verdict: .treatAsWithdraw))
    }
  }
}
