import Primitives

/// The extent of one message in a receive buffer (RFC 4271 §4.1).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +---------------------------------------------------------------+
///     |                    Marker (16 octets of ones)                 |
///     +-------------------------------+---------------+---------------+
///     |          Length               |      Type     |  body …
///     +-------------------------------+---------------+
package struct MessageFrame: Hashable, Sendable {
  package let type: IANA.MessageType
  /// The octets after the header, as indices into the buffer.
  package let body: Range<Int>

  /// Finds the message that starts at `offset`.
  ///
  /// - Parameter maximum: the largest message of this session: 4096, or 65535 with RFC 8654.
  /// - Returns: nil when more octets are needed.
  /// - Throws: the NOTIFICATION to send: Connection Not Synchronized, Bad Message Length or Bad Message Type (RFC 4271 §6.1), or
  ///   Invalid Message Length of a ROUTE-REFRESH (RFC 7313 §5).
  package init?(in octets: Span<UInt8>, at offset: Int, maximum: Int) throws(NotificationMessage) {
    var reader = OctetReader(offset..<max(offset, octets.count), of: octets)
    guard reader.count >= IANA.headerLength else { return nil }
    for _ in 0..<16 {
      guard reader.readUInt8(octets) == .max else {
        throw NotificationMessage(IANA.ErrorCode.messageHeader, IANA.MessageHeaderSubcode.connectionNotSynchronized)
      }
    }
    guard let length = reader.readUInt16(octets), let typeOctet = reader.readUInt8(octets) else { return nil }
    let badLength = NotificationMessage(
      IANA.ErrorCode.messageHeader, IANA.MessageHeaderSubcode.badMessageLength,
      data: [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)])
    guard Int(length) >= IANA.headerLength, Int(length) <= maximum else { throw badLength }
    guard let type = IANA.MessageType(rawValue: typeOctet) else {
      throw NotificationMessage(
        IANA.ErrorCode.messageHeader, IANA.MessageHeaderSubcode.badMessageType, data: [typeOctet])
    }
    let bodyLength = Int(length) - IANA.headerLength
    let isLongEnough =
      switch type {
      case .open: bodyLength >= 10 && length <= IANA.maximumMessageLength  // RFC 8654 §4: OPEN is never extended
      case .update: bodyLength >= 4
      case .notification: bodyLength >= 2
      case .keepalive: bodyLength == 0
      case .routeRefresh: bodyLength >= 4
      }
    guard isLongEnough else { throw badLength }
    guard let body = reader.take(bodyLength) else { return nil }
    if type == .routeRefresh, bodyLength != 4 {
      // RFC 7313 §5: the data is the whole message.
      var whole = OctetReader(offset..<body.end, of: octets)
      throw NotificationMessage(
        IANA.ErrorCode.routeRefreshMessage, IANA.RouteRefreshSubcode.invalidMessageLength,
        data: whole.readOctets(whole.count, octets) ?? [])
    }
    self.type = type
    self.body = body.remaining
  }

  /// Index after the last octet of the message.
  package var end: Int { body.upperBound }
}
