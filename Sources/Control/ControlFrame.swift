import Primitives

/// One frame of the control socket, and the essay on its protocol.
///
/// The operator's program talks to the daemon over a Unix stream socket. It sends one request and reads the answer: any number of
/// records, closed by `.end` or `.failure`. Both directions are frames, in network byte order:
///
///      0       1       2       3       4       5
///     +-------+-------+-------+-------+-------+----------
///     |            length             | kind  | payload …       length = 1 + octets of payload
///     +-------+-------+-------+-------+-------+----------
///
/// A request has one octet more, in front: the protocol version. The daemon looks at it first, so that a program of another release is
/// told about versions and not about malformed fields. The frame of `.failure` therefore keeps its layout in every version.
///
/// Inside a payload a text is a 32-bit length and UTF-8, an array is a 32-bit count and its elements, an optional is an octet of 0 or 1
/// and the value, a truth value is an octet of 0 or 1. Paths are declared once in an answer and named by number, which makes a route
/// 14 octets.
///
/// This room knows neither sockets nor the daemon's state: arrays and spans in, values out. Every decoder is total. Whatever the octets,
/// it answers a value, asks for more, or throws a `ControlError`; it never traps and never reserves more than the octets at hand can
/// fill. The wart: the protocol describes nothing but this release, it has no field numbers and no extension rule. Both programs are
/// installed together, and a version octet is the cheaper promise.
package struct ControlFrame: Hashable, Sendable {
  /// The longest `length` that a reply may have.
  package static let maximumReply = 16 << 20
  /// The longest `length` that a request may have: it only carries names and numbers.
  package static let maximumRequest = 64 << 10

  /// Which case the payload encodes.
  package let kind: UInt8
  /// Where the payload lies in the span.
  package let payload: Range<Int>

  /// Index of the octet after the frame.
  package var end: Int { payload.upperBound }

  /// Finds the frame that begins at `offset`.
  ///
  /// - Returns: `nil` when the octets end before the frame does.
  /// - Throws: `.oversized` as soon as a length over `maximum` is seen, `.malformed` for a length of 0.
  package init?(
    in octets: Span<UInt8>, at offset: Int = 0, maximum: Int = ControlFrame.maximumReply
  ) throws(ControlError) {
    var reader = OctetReader(max(0, min(offset, octets.count))..<octets.count, of: octets)
    guard offset >= 0, let length = reader.readUInt32(octets) else { return nil }
    guard length <= maximum else { throw .oversized(length) }
    guard length >= 1 else { throw .malformed("a frame without a kind") }
    guard var frame = reader.take(Int(length)) else { return nil }
    guard let kind = frame.readUInt8(octets) else { throw .malformed("a frame without a kind") }
    self.kind = kind
    payload = frame.remaining
  }
}
