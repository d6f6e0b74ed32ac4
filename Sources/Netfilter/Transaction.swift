import CNetfilter
import Glibc
package import Primitives

/// A transaction in the making: what it is given, it encodes at once, and `finish()` turns it into a `Batch` that can be committed.
///
/// The kernel works through the messages in the order in which they were added and applies all of them or none. **Deletes before adds is
/// the caller's duty**: an interval that is added while another one still covers it is refused. So is freedom from overlaps: the kernel
/// refuses most of them and accepts some, after which the set matches what it should not.
package struct Transaction: ~Copyable, Sendable {
  /// The table that every message is about.
  package let table: NFTable
  /// Prefixes and ranges added or removed so far.
  package private(set) var elementCount = 0
  private var writer = NetlinkWriter()
  private var messages: [Batch.Message] = []
  private var setIdentifier: UInt32 = 0

  /// An empty transaction.
  ///
  /// - Parameter expectedGeneration: the kernel refuses the transaction as `.stale` when the ruleset has another generation by then,
  ///   because another program changed something.
  package init(table: NFTable, expectedGeneration: UInt32? = nil) {
    self.table = table
    let start = writer.beginMessage(
      type: UInt16(NFNL_MSG_BATCH_BEGIN), flags: UInt16(NLM_F_REQUEST), family: UInt8(AF_UNSPEC),
      resource: UInt16(NFNL_SUBSYS_NFTABLES))
    if let expectedGeneration {
      writer.put(NFNL_BATCH_GENID.rawValue, number: expectedGeneration)
    }
    writer.endMessage(at: start)
  }

  /// Whether there is nothing to commit.
  package var isEmpty: Bool { messages.isEmpty }
  /// Octets of the netlink messages so far.
  package var octetCount: Int { writer.octetCount }

  /// Creates the table; one that exists stays as it is.
  ///
  /// - Throws: `.outOfMemory`.
  package mutating func createTable() throws(NetfilterError) {
    try append(DeclarationEncoding.newTable(table), .createTable(table))
  }

  /// Names the table, and changes nothing in one that exists, whoever owns it.
  mutating func touchTable() throws(NetfilterError) {
    try append(DeclarationEncoding.newTable(table, flags: nil), .createTable(table))
  }

  /// Creates a set. One that exists with the same declaration stays as it is; with another the transaction fails as `.exists`.
  ///
  /// - Throws: `.unsuitable` when the elements are no addresses, `.outOfMemory`.
  package mutating func create(_ set: SetDeclaration) throws(NetfilterError) {
    let operation = NetfilterError.Operation.createSet(set.name, table)
    guard let family = set.family else {
      throw NetfilterError(operation, errorNumber: EDOM, explanation: "its elements are no addresses")
    }
    setIdentifier &+= 1
    try append(DeclarationEncoding.newSet(set, family: family, in: table, identifier: setIdentifier), operation)
  }

  /// Removes all elements of a set.
  package mutating func flush(_ set: SetDeclaration) {
    let start = beginMessage(NFT_MSG_DELSETELEM, flags: 0)
    putNames(of: set)
    endMessage(at: start, .flush(set: set.name, table), set)
  }

  /// Adds prefixes, which a set of single addresses takes only as hosts.
  ///
  /// - Parameter isExclusive: whether an element that is there already makes the transaction fail as `.exists`. On an interval set
  ///   this also catches the overlap that the kernel otherwise lets pass, of two prefixes with the same last address.
  /// - Throws: `.unsuitable` when the set cannot hold one of them; nothing was added then.
  package mutating func add(
    _ prefixes: [IPv4Prefix], to set: SetDeclaration, isExclusive: Bool = false
  ) throws(NetfilterError) {
    try put(prefixes, .add(set: set.name, table), set, isExclusive: isExclusive)
  }

  /// As with IPv4.
  package mutating func add(
    _ prefixes: [IPv6Prefix], to set: SetDeclaration, isExclusive: Bool = false
  ) throws(NetfilterError) {
    try put(prefixes, .add(set: set.name, table), set, isExclusive: isExclusive)
  }

  /// Removes prefixes, each of which must be an element as it stands here; otherwise the transaction fails as `.notFound`.
  ///
  /// - Throws: `.unsuitable` when the set cannot hold one of them; nothing was removed then.
  package mutating func remove(_ prefixes: [IPv4Prefix], from set: SetDeclaration) throws(NetfilterError) {
    try put(prefixes, .remove(set: set.name, table), set)
  }

  /// As with IPv4.
  package mutating func remove(_ prefixes: [IPv6Prefix], from set: SetDeclaration) throws(NetfilterError) {
    try put(prefixes, .remove(set: set.name, table), set)
  }

  /// Removes ranges of the set's family, as `SetContents.irregular` has them.
  ///
  /// - Throws: `.unsuitable` when the set cannot hold one of them.
  package mutating func remove(_ ranges: [AddressRange], from set: SetDeclaration) throws(NetfilterError) {
    var ipv4: [Extent<IPv4Address>] = []
    var ipv6: [Extent<IPv6Address>] = []
    for range in ranges {
      switch range {
      case .v4(let first, let last): ipv4.append(Extent(first: first, last: last))
      case .v6(let first, let last): ipv6.append(Extent(first: first, last: last))
      }
    }
    try put(ipv4, .remove(set: set.name, table), set)
    try put(ipv6, .remove(set: set.name, table), set)
  }

  /// Ends the transaction.
  package consuming func finish() -> Batch {
    if let last = messages.last {
      // Older kernels ignore the wish for an acknowledgement on the messages that begin and end a batch, so the last message
      // between these asks: its answer comes after all errors of those before it.
      writer.addFlags(UInt16(NLM_F_ACK), toMessageAt: last.start)
    }
    let end = writer.beginMessage(
      type: UInt16(NFNL_MSG_BATCH_END), flags: UInt16(NLM_F_REQUEST), family: UInt8(AF_UNSPEC),
      resource: UInt16(NFNL_SUBSYS_NFTABLES))
    writer.endMessage(at: end)
    return Batch(table: table, elementCount: elementCount, writer: writer, messages: messages, end: end)
  }

  // MARK: Messages

  private mutating func put<E: ElementExtent>(
    _ elements: [E], _ operation: NetfilterError.Operation, _ set: SetDeclaration, isExclusive: Bool = false
  ) throws(NetfilterError) {
    guard let first = elements.first else { return }
    guard set.family == E.Address.family else {
      throw NetfilterError(
        operation, errorNumber: EDOM, element: first.first.range(to: first.last),
        explanation: "the elements of the set are of type \(set.key)")
    }
    if !set.isInterval, let range = elements.first(where: { $0.first != $0.last }) {
      throw NetfilterError(
        operation, errorNumber: EDOM, element: range.first.range(to: range.last),
        explanation: "the set holds single addresses only: it was declared without 'flags interval'")
    }
    let isAddition =
      switch operation {
      case .add: true
      default: false
      }
    let flags = isAddition ? NLM_F_CREATE | (isExclusive ? NLM_F_EXCL : 0) : 0
    let words = ElementEncoding.words(E.Address.self, isInterval: set.isInterval)
    let capacity = ElementEncoding.maximumListWords / words
    if elements.count > 256 {
      writer.reserve(elements.count * words + (elements.count / capacity + 2) * 160)
    }
    for lower in stride(from: 0, to: elements.count, by: capacity) {
      let start = beginMessage(isAddition ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, flags: flags)
      putNames(of: set)
      let list = writer.beginNested()
      for element in elements[lower..<min(lower + capacity, elements.count)] {
        ElementEncoding.append(from: element.first, to: element.last, isInterval: set.isInterval, into: &writer)
      }
      writer.endNested(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue, at: list)
      endMessage(at: start, operation, set)
    }
    elementCount += elements.count
  }

  private mutating func putNames(of set: SetDeclaration) {
    writer.put(NFTA_SET_ELEM_LIST_TABLE.rawValue, name: table.name)
    writer.put(NFTA_SET_ELEM_LIST_SET.rawValue, name: set.name)
  }

  private mutating func beginMessage(_ type: nf_tables_msg_types, flags: Int32) -> Int {
    writer.beginMessage(
      type: UInt16(NFNL_SUBSYS_NFTABLES << 8) | UInt16(type.rawValue), flags: UInt16(NLM_F_REQUEST | flags),
      family: table.family.rawValue)
  }

  private mutating func endMessage(at start: Int, _ operation: NetfilterError.Operation, _ set: SetDeclaration) {
    writer.endMessage(at: start)
    messages.append(Batch.Message(operation: operation, start: start, isInterval: set.isInterval))
  }

  /// Appends a message that libnftnl built; `nil` is one for which it had no memory.
  mutating func append(_ message: [UInt8]?, _ operation: NetfilterError.Operation) throws(NetfilterError) {
    guard let message else { throw NetfilterError(operation, errorNumber: ENOMEM) }
    messages.append(Batch.Message(operation: operation, start: writer.words.count, isInterval: false))
    writer.append(message: message)
  }
}

/// A finished transaction: one datagram, and what each of its messages was for. It can only be committed.
package struct Batch: ~Copyable, Sendable {
  /// One message between the begin and the end of the batch.
  struct Message: Sendable {
    let operation: NetfilterError.Operation
    /// Where it starts, in words.
    let start: Int
    /// Whether the set that it is about is one of intervals.
    let isInterval: Bool
  }

  package let table: NFTable
  /// Prefixes and ranges that are added or removed.
  package let elementCount: Int
  private var writer: NetlinkWriter
  private let messages: [Message]
  private let end: Int

  init(table: NFTable, elementCount: Int, writer: NetlinkWriter, messages: [Message], end: Int) {
    self.table = table
    self.elementCount = elementCount
    self.writer = writer
    self.messages = messages
    self.end = end
  }

  /// Whether there is nothing to commit.
  package var isEmpty: Bool { messages.isEmpty }
  /// Octets of the netlink messages.
  package var octetCount: Int { writer.octetCount }

  /// The datagram.
  var words: [UInt32] { writer.words }
  /// Messages with the begin and the end of the batch, which is how many sequence numbers it needs.
  var sequenceCount: UInt32 { UInt32(clamping: messages.count) &+ 2 }
  /// The place in the sequence of the message whose reply is the last.
  var lastIndex: UInt32 { UInt32(clamping: messages.count) }

  /// Numbers the messages; the one that begins the batch gets `first`.
  mutating func number(from first: UInt32) {
    writer.setSequence(first, ofMessageAt: 0)
    var sequence = first
    for message in messages {
      sequence &+= 1
      writer.setSequence(sequence, ofMessageAt: message.start)
    }
    writer.setSequence(sequence &+ 1, ofMessageAt: end)
  }

  /// The error that the kernel reported about the message at a place in the sequence.
  func error(at index: UInt32, _ acknowledgement: Acknowledgement) -> NetfilterError {
    // The first place is the begin of the batch: there the kernel reports what is wrong with all of it.
    guard index >= 1, index <= UInt32(clamping: messages.count) else {
      return NetfilterError(
        .commit(table), errorNumber: acknowledgement.errorNumber, explanation: acknowledgement.explanation)
    }
    let place = Int(index) - 1
    let element = acknowledgement.offset.flatMap { range(at: $0, of: place) }
    var explanation = acknowledgement.explanation
    if explanation.isEmpty, element != nil, messages[place].isInterval, acknowledgement.errorNumber == EEXIST {
      explanation = "it overlaps an interval that is there"
    }
    if explanation.isEmpty, case .install = messages[place].operation,
      [EEXIST, EOPNOTSUPP].contains(acknowledgement.errorNumber)
    {
      explanation = "there is a chain of that name that has another type, hook or priority"
    }
    return NetfilterError(
      messages[place].operation, errorNumber: acknowledgement.errorNumber, element: element, explanation: explanation)
  }

  /// The address or range whose attribute covers `offset` octets from the start of a message.
  private func range(at offset: Int, of place: Int) -> AddressRange? {
    let message = messages[place]
    let end = place + 1 < messages.count ? messages[place + 1].start : self.end
    let octets = writer.words[message.start..<end].flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word.bigEndian >> (24 - 8 * $0)) }
    }
    return IPv4Address.extent(at: offset, in: octets.span, isInterval: message.isInterval)
      ?? IPv6Address.extent(at: offset, in: octets.span, isInterval: message.isInterval)
  }
}

extension ElementAddress {
  /// The extent of the element of this family that stands at `offset` in a message which `Transaction` wrote.
  fileprivate static func extent(at offset: Int, in octets: Span<UInt8>, isInterval: Bool) -> AddressRange? {
    var messages = OctetReader(octets)
    var marks: [(place: Int, address: Self, isEnd: Bool)] = []
    do throws(MalformedReply) {
      guard let message = try messages.nextMessage(octets) else { return nil }
      try Element.forEach(in: message.payload, octets) { (element, place) throws(MalformedReply) in
        guard let key = element.key, let address = Self(key, octets) else { throw MalformedReply() }
        marks.append((place, address, element.isEnd))
      }
    } catch {
      return nil
    }
    guard let found = marks.lastIndex(where: { $0.place <= offset }) else { return nil }
    // The two elements of an interval stand side by side, the start first.
    let start = marks[found].isEnd ? found - 1 : found
    guard marks.indices.contains(start), !marks[start].isEnd else { return nil }
    guard isInterval else { return marks[start].address.range(to: marks[start].address) }
    let next = start + 1
    let last = next < marks.count && marks[next].isEnd ? marks[next].address.previous : highest
    return marks[start].address.range(to: last ?? highest)
  }
}
