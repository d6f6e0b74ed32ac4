package import Primitives

/// UPDATE (RFC 4271 §4.3, RFC 4760 §3 and §4).
///
///     +-------------------------------+
///     | Withdrawn Routes Length       |
///     +-------------------------------+---------------------------
///     | Withdrawn Routes (variable, IPv4) …
///     +-------------------------------+---------------------------
///     | Total Path Attribute Length   |
///     +-------------------------------+---------------------------
///     | Path Attributes (variable; MP_REACH and MP_UNREACH inside) …
///     +-----------------------------------------------------------
///     | Network Layer Reachability Information (variable, IPv4) …
///     +-----------------------------------------------------------
///
/// What arrived malformed but readable is a list of `faults`; `isTreatedAsWithdraw` says whether the announced routes still stand. The
/// receiver acts on it: `announced` keeps the prefixes in both cases, because those are the ones to withdraw.
package struct UpdateMessage: Hashable, Sendable {
  package var withdrawn: PrefixList
  package var announced: PrefixList
  /// Of the announced prefixes; as empty as it begins when there are none.
  package var attributes: PathAttributes {
    get { shared.value }
    set { shared = SharedAttributes(newValue) }
  }
  /// The attributes, to be handed on.
  package private(set) var shared: SharedAttributes
  /// Attribute errors that cost no session (RFC 7606), and those that `BGPSession` adds.
  package var faults: [AttributeFault]
  /// The family of an End-of-RIB marker (RFC 4724 §2).
  package var endOfRIB: AddressFamily?

  package init(
    withdrawn: PrefixList = PrefixList(), announced: PrefixList = PrefixList(),
    attributes: PathAttributes = PathAttributes()
  ) {
    self.init(withdrawn: withdrawn, announced: announced, shared: SharedAttributes(attributes))
  }

  package init(withdrawn: PrefixList, announced: PrefixList, shared: SharedAttributes) {
    self.withdrawn = withdrawn
    self.announced = announced
    self.shared = shared
    faults = []
  }

  /// The End-of-RIB marker of a family.
  package init(endOfRIB family: AddressFamily) {
    self.init()
    endOfRIB = family
  }

  /// RFC 7606 §2: whether the announced routes are to be withdrawn instead.
  package var isTreatedAsWithdraw: Bool {
    faults.contains { $0.verdict != .discard }
  }

  /// Drops the prefixes of all other families.
  package mutating func keep(_ families: [AddressFamily]) {
    if !families.contains(.ipv4) {
      withdrawn.ipv4 = []
      announced.ipv4 = []
    }
    if !families.contains(.ipv6) {
      withdrawn.ipv6 = []
      announced.ipv6 = []
    }
  }

  /// Decodes the UPDATE that `frame` found in `octets`.
  ///
  /// - Parameter memo: of the UPDATEs that this peer has sent before.
  /// - Throws: the NOTIFICATION to answer with.
  package init(
    _ frame: MessageFrame, in octets: Span<UInt8>, _ context: DecodeContext, recalling memo: inout AttributeMemo
  ) throws(NotificationMessage) {
    self.init(withdrawn: PrefixList(), announced: PrefixList(), shared: .none)
    var reader = OctetReader(frame.body, of: octets)
    // RFC 7606 §3 b with RFC 4271 §6.3: lengths that do not add up leave nothing to rely on.
    let malformedList = NotificationMessage(IANA.ErrorCode.updateMessage, IANA.UpdateSubcode.malformedAttributeList)
    guard let withdrawnLength = reader.readUInt16(octets), let withdrawnField = reader.take(Int(withdrawnLength)),
      let attributesLength = reader.readUInt16(octets), let attributesField = reader.take(Int(attributesLength))
    else { throw malformedList }
    // RFC 7606 §3 j: without the routes there is nothing to withdraw.
    let invalidField = NotificationMessage(IANA.ErrorCode.updateMessage, IANA.UpdateSubcode.invalidNetworkField)
    guard NLRI.decodeIPv4(withdrawnField, in: octets, into: &withdrawn.ipv4),
      NLRI.decodeIPv4(reader, in: octets, into: &announced.ipv4)
    else { throw invalidField }
    if withdrawnLength == 0, attributesLength == 0, reader.isAtEnd {
      endOfRIB = .ipv4
      return
    }
    if !announced.isEmpty, let known = memo.recall(attributesField, in: octets, context) {
      shared = known
      return
    }
    var decoder = AttributeDecoder(context)
    try decoder.decode(attributesField, in: octets, announcesIPv4: !announced.ipv4.isEmpty)
    attributes = decoder.attributes
    faults = decoder.faults
    withdrawn.append(contentsOf: decoder.withdrawn)
    announced.append(contentsOf: decoder.announced)
    if faults.isEmpty, !decoder.namesRoutes, !announced.isEmpty {
      memo.remember(attributesField, in: octets, context, shared)
    }
    if let family = decoder.emptyUnreach, decoder.count == 1, withdrawn.isEmpty, announced.isEmpty {
      endOfRIB = family
    }
  }

  func encode(into writer: inout OctetWriter, _ context: DecodeContext) {
    let withdrawnLength = writer.reserveUInt16()
    withdrawn.ipv4.forEach { NLRI.encode($0, into: &writer) }
    writer.patchUInt16(at: withdrawnLength)
    let attributesLength = writer.reserveUInt16()
    if !withdrawn.ipv6.isEmpty || endOfRIB == .ipv6 {
      writer.writeAttribute(IANA.AttributeFlag.optional, IANA.AttributeCode.mpUnreachNLRI) { writer in
        writer.write(AddressFamily.ipv6.rawValue)
        writer.write(IANA.SAFI.unicast)
        withdrawn.ipv6.forEach { NLRI.encode($0, into: &writer) }
      }
    }
    if !announced.isEmpty {
      if !announced.ipv6.isEmpty {
        // RFC 7606 §5.1: MP_REACH_NLRI comes first.
        writer.writeAttribute(IANA.AttributeFlag.optional, IANA.AttributeCode.mpReachNLRI) { writer in
          writer.write(AddressFamily.ipv6.rawValue)
          writer.write(IANA.SAFI.unicast)
          var nextHop = IPv6Address(high: 0, low: 1)
          if case .v6(let address) = attributes.nextHop { nextHop = address }
          writer.write(UInt8(16))
          writer.write(nextHop.high)
          writer.write(nextHop.low)
          writer.write(UInt8(0))
          announced.ipv6.forEach { NLRI.encode($0, into: &writer) }
        }
      }
      attributes.encode(into: &writer, fourOctetAS: context.fourOctetAS)
    }
    writer.patchUInt16(at: attributesLength)
    announced.ipv4.forEach { NLRI.encode($0, into: &writer) }
  }

  /// The largest number of prefixes of one kind that surely fit beside the attributes into a message of `maximum` octets.
  package static func capacity(of family: AddressFamily, attributes: PathAttributes, maximum: Int) -> Int {
    var writer = OctetWriter()
    attributes.encode(into: &writer, fourOctetAS: true)
    // Twice the AS path for AS4_PATH on a two-octet session, and the fixed parts of header, UPDATE and MP_REACH_NLRI.
    let fixed = 2 * writer.count + IANA.headerLength + 4 + 32
    return max(1, (maximum - fixed) / (family == .ipv4 ? 5 : 17))
  }
}
