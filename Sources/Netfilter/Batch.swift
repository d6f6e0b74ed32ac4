import CNetfilter
import Glibc
import Primitives

/// A finished transaction: one datagram, and what each of its messages was for.
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
    return NetfilterError(
      messages[place].operation, errorNumber: acknowledgement.errorNumber,
      element: acknowledgement.offset.flatMap { element(at: $0, of: place) }, explanation: acknowledgement.explanation)
  }

  /// The address or range whose attribute covers `offset` octets from the start of a message.
  private func element(at offset: Int, of place: Int) -> AddressRange? {
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
