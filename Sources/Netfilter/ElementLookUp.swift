import CNetfilter
import Primitives

/// A question for one element of a set by an address, and what the answer has to be.
///
/// The kernel answers for an address in an interval set with the start of the interval that covers it. It can be asked for ends too, but
/// since intervals are kept in an array (6.18) it then takes the interval that covers the key, which is the next one when two are
/// adjacent, and for an interval without an end it does not answer at all. So nothing here asks for ends.
struct ElementLookUp {
  private enum Expectation {
    case key(IPAddress)
    case anythingBut(IPAddress)
  }

  private let address: IPAddress
  private let expectation: Expectation

  private init(_ address: IPAddress, _ expectation: Expectation) {
    self.address = address
    self.expectation = expectation
  }

  /// Asks for the element that matches an address.
  init(address: IPAddress) {
    self.init(address, .key(address))
  }

  /// The questions that tell whether exactly `prefix` is an element of `set`; none when it cannot be.
  ///
  /// For an interval: its first address is a start, its last address belongs to that start, and the address after it does not.
  static func questions(about prefix: Prefix, in set: SetDeclaration) -> [ElementLookUp] {
    guard prefix.family == set.family, set.isInterval || prefix.isHost else { return [] }
    let range = AddressRange(prefix)
    var questions = [ElementLookUp(address: range.first)]
    guard set.isInterval else { return questions }
    if range.last != range.first {
      questions.append(ElementLookUp(range.last, .key(range.first)))
    }
    if let after = range.addressAfter {
      questions.append(ElementLookUp(after, .anythingBut(range.first)))
    }
    return questions
  }

  /// Whether the key that was found is the one that ought to be.
  func isMet(by found: IPAddress?) -> Bool {
    switch expectation {
    case .key(let key): found == key
    case .anythingBut(let key): found != key
    }
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
    case .v4(let address): ElementEncoding.append(address, isEnd: false, into: &writer)
    case .v6(let address): ElementEncoding.append(address, isEnd: false, into: &writer)
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
