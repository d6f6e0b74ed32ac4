import CNetfilter
import Primitives

/// A question for one element of a set by its key.
///
/// The kernel answers for a key in an interval set with the interval's start, or, asked for an end, with the next end at or above it.
struct ElementLookUp {
  let address: IPAddress
  /// Whether an end is asked for.
  let isEnd: Bool
  /// The key of the element that ought to be found; `nil`: none.
  let expected: IPAddress?

  private init(_ address: IPAddress, isEnd: Bool, expected: IPAddress?) {
    self.address = address
    self.isEnd = isEnd
    self.expected = expected
  }

  /// Asks for the element that matches an address.
  init(address: IPAddress) {
    self.init(address, isEnd: false, expected: address)
  }

  /// The questions that tell whether exactly `prefix` is an element of `set`; none when it cannot be.
  static func ends(of prefix: Prefix, in set: SetDeclaration) -> [ElementLookUp] {
    guard prefix.family == set.family, set.isInterval || prefix.isHost else { return [] }
    let start = ElementLookUp(address: prefix.address)
    guard set.isInterval else { return [start] }
    let range = AddressRange(prefix)
    let after: IPAddress? =
      switch range {
      case .v4(_, let last): last.next.map(IPAddress.v4)
      case .v6(_, let last): last.next.map(IPAddress.v6)
      }
    // An interval that reaches the top of the address space has no end, and nothing has one above it.
    return [start, ElementLookUp(after ?? range.last, isEnd: true, expected: after)]
  }

  /// Appends the question as a message of its own: one message of many keys is answered only up to the first that is missing.
  func append(to writer: inout NetlinkWriter, sequence: UInt32, _ set: SetDeclaration, _ table: NFTable) {
    let start = writer.beginMessage(
      type: UInt16(NFNL_SUBSYS_NFTABLES << 8) | UInt16(NFT_MSG_GETSETELEM.rawValue), flags: UInt16(NLM_F_REQUEST),
      family: table.family.rawValue, sequence: sequence)
    writer.put(NFTA_SET_ELEM_LIST_TABLE.rawValue, name: table.name)
    writer.put(NFTA_SET_ELEM_LIST_SET.rawValue, name: set.name)
    let list = writer.beginNested()
    switch address {
    case .v4(let address): ElementEncoding.append(address, isEnd: isEnd, into: &writer)
    case .v6(let address): ElementEncoding.append(address, isEnd: isEnd, into: &writer)
    }
    writer.endNested(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue, at: list)
    writer.endMessage(at: start)
  }

  /// The key of the element in an answer; `nil` when it is the catch-all.
  static func key(in payload: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) -> IPAddress? {
    var found: IPAddress?
    try Element.forEach(in: payload, octets) { (element, _) throws(MalformedReply) in
      guard let key = element.key else { return }
      if let address = IPv4Address(key, octets) {
        found = .v4(address)
      } else if let address = IPv6Address(key, octets) {
        found = .v6(address)
      } else {
        throw MalformedReply()
      }
    }
    return found
  }
}
