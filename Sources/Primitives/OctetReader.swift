/// A bounds-checked cursor over octets in network byte order.
///
/// It holds only a position and an end: the octets are passed to each read, because a type that stores a `Span` needs an experimental
/// feature, and this form is also the fastest (an index into a `Span` compiles to one compare and one load). Every read answers `nil`
/// when the octets run out, and a nested length gets a reader of its own through `take(_:)`, so no field can reach past its parent.
package struct OctetReader: Sendable {
  /// Index of the next octet, in the span's own indices.
  package private(set) var position: Int
  /// Index after the last octet that this reader may see.
  package let end: Int

  /// A reader over `range`, clamped to the span.
  package init(_ range: Range<Int>, of octets: Span<UInt8>) {
    position = max(0, min(range.lowerBound, octets.count))
    end = max(position, min(range.upperBound, octets.count))
  }

  /// A reader over the whole span.
  package init(_ octets: Span<UInt8>) {
    position = 0
    end = octets.count
  }

  private init(position: Int, end: Int) {
    self.position = position
    self.end = end
  }

  /// Octets left.
  package var count: Int { end - position }
  /// Whether every octet has been read.
  package var isAtEnd: Bool { position >= end }
  /// What is left, as indices into the span.
  package var remaining: Range<Int> { position..<end }

  package mutating func readUInt8(_ octets: Span<UInt8>) -> UInt8? {
    guard count >= 1 else { return nil }
    let value = octets[position]
    position += 1
    return value
  }

  package mutating func readUInt16(_ octets: Span<UInt8>) -> UInt16? {
    guard count >= 2 else { return nil }
    let value = UInt16(octets[position]) << 8 | UInt16(octets[position + 1])
    position += 2
    return value
  }

  package mutating func readUInt32(_ octets: Span<UInt8>) -> UInt32? {
    guard count >= 4 else { return nil }
    var value: UInt32 = 0
    for index in position..<position + 4 {
      value = value << 8 | UInt32(octets[index])
    }
    position += 4
    return value
  }

  package mutating func readUInt64(_ octets: Span<UInt8>) -> UInt64? {
    guard count >= 8 else { return nil }
    var value: UInt64 = 0
    for index in position..<position + 8 {
      value = value << 8 | UInt64(octets[index])
    }
    position += 8
    return value
  }

  /// The next `length` octets as an array.
  package mutating func readOctets(_ length: Int, _ octets: Span<UInt8>) -> [UInt8]? {
    guard length >= 0, count >= length else { return nil }
    let start = position
    position += length
    var copy: [UInt8] = []
    copy.reserveCapacity(length)
    for index in start..<position {
      copy.append(octets[index])
    }
    return copy
  }

  /// A reader over the next `length` octets, which this one then skips.
  package mutating func take(_ length: Int) -> OctetReader? {
    guard length >= 0, count >= length else { return nil }
    let taken = OctetReader(position: position, end: position + length)
    position += length
    return taken
  }
}
