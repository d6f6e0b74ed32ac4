import CNetfilter
import Primitives

/// One element of a set as the kernel sends it.
struct Element {
  /// Where the key stands, or `nil` for the catch-all element, which has none.
  let key: OctetReader?
  /// The NFT_SET_ELEM_ flags.
  let flags: UInt32

  /// Whether the key is the address after the last of an interval.
  var isEnd: Bool { flags & NFT_SET_ELEM_INTERVAL_END.rawValue != 0 }

  init(_ attributes: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) {
    var reader = attributes
    var key: OctetReader?
    var flags: UInt32 = 0
    while let attribute = try reader.nextAttribute(octets) {
      if attribute.type == NFTA_SET_ELEM_KEY.rawValue {
        key = try Self.value(of: attribute.payload, octets)
      } else if attribute.type == NFTA_SET_ELEM_FLAGS.rawValue {
        flags = try attribute.number(octets)
      }
    }
    guard key != nil || flags & NFT_SET_ELEM_CATCHALL.rawValue != 0 else { throw MalformedReply() }
    self.key = key
    self.flags = flags
  }

  private static func value(of data: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) -> OctetReader {
    var reader = data
    while let attribute = try reader.nextAttribute(octets) {
      if attribute.type == NFTA_DATA_VALUE.rawValue { return attribute.payload }
    }
    throw MalformedReply()
  }

  /// Calls `body` with each element in the payload of a NEWSETELEM message, and where its attribute starts.
  static func forEach(
    in payload: OctetReader, _ octets: Span<UInt8>,
    _ body: (Element, Int) throws(MalformedReply) -> Void
  ) throws(MalformedReply) {
    var reader = payload
    try reader.skipFamilyHeader()
    while let attribute = try reader.nextAttribute(octets) {
      guard attribute.type == NFTA_SET_ELEM_LIST_ELEMENTS.rawValue else { continue }
      var list = attribute.payload
      var start = list.position
      while let attribute = try list.nextAttribute(octets) {
        try body(try Element(attribute.payload, octets), start)
        start = list.position
      }
    }
  }
}

/// What a dump of a set brought, element by element, before its starts and ends are put together.
struct ElementCollection<Address: ElementAddress> {
  /// One element. At the same address an end comes before a start: the one interval stops where the next begins.
  private struct Mark: Comparable {
    let address: Address
    let isStart: Bool

    static func < (left: Mark, right: Mark) -> Bool {
      left.address != right.address ? left.address < right.address : !left.isStart && right.isStart
    }
  }

  private var marks: [Mark] = []
  private(set) var hasCatchAll = false

  /// Takes the elements of one NEWSETELEM message.
  mutating func append(_ payload: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) {
    try Element.forEach(in: payload, octets) { (element, _) throws(MalformedReply) in
      guard let key = element.key else {
        hasCatchAll = true
        return
      }
      guard let address = Address(key, octets) else { throw MalformedReply() }
      marks.append(Mark(address: address, isStart: !element.isEnd))
    }
  }

  /// The elements as extents in order, or `nil` when one came twice.
  ///
  /// A dump of a hash set goes on, with every reply that is fetched, at the count where it stopped. If the kernel has moved the set to
  /// a larger hash table since then, the order is another one: some elements come twice, and as many never. The generation does not
  /// show that.
  consuming func extents(isInterval: Bool) -> [Extent<Address>]? {
    marks.sort()
    for (index, mark) in marks.enumerated().dropFirst() where mark == marks[index - 1] {
      return nil
    }
    guard isInterval else {
      return marks.map { Extent(first: $0.address, last: $0.address) }
    }
    var extents: [Extent<Address>] = []
    extents.reserveCapacity(marks.count / 2 + 1)
    var open: Address?
    for mark in marks {
      // A start inside an open interval ends that one too: so the kernel's look-up sees it.
      if let first = open, let last = mark.address.previous {
        extents.append(Extent(first: first, last: last))
      }
      open = mark.isStart ? mark.address : nil
    }
    if let first = open {
      extents.append(Extent(first: first, last: .highest))
    }
    return extents
  }
}
