import Primitives

/// The wire: RFC 4271 octets to values and back.
///
/// What it is: one value type per message, its octet diagram, `decode` and `encode` beside each other in one file, and every assigned
/// number in `IANA.swift`. What it refuses to be: it knows no socket, no clock, no session state and no route table; what a decoder
/// must know of the session arrives in a `DecodeContext`.
///
/// Data flow: `MessageFrame` finds a message in the receive buffer without copying; `Message.init(_:in:_:)` decodes its body through
/// bounded `OctetReader`s, one per nested length. A peer's fault is either a thrown `NotificationMessage`, which is exactly what must
/// be sent before the session is closed, or an `AttributeFault` in the decoded `UpdateMessage`, with the reaction that RFC 7606 asks
/// for. No input can trap.
///
/// The wart: an UPDATE names IPv4 prefixes in two places (its own fields and MP_REACH/MP_UNREACH) and IPv6 prefixes in one; both are
/// folded into one `PrefixList` each for announced and withdrawn, so what came from where is not kept.
package enum Message: Hashable, Sendable {
  case open(OpenMessage)
  case update(UpdateMessage)
  case notification(NotificationMessage)
  case keepalive
  case routeRefresh(RouteRefreshMessage)

  /// Decodes the message that `frame` found in `octets`.
  ///
  /// - Throws: the NOTIFICATION to answer with.
  package init(_ frame: MessageFrame, in octets: Span<UInt8>, _ context: DecodeContext) throws(NotificationMessage) {
    let body = OctetReader(frame.body, of: octets)
    switch frame.type {
    case .open: self = .open(try OpenMessage(body, in: octets))
    case .update:
      var memo = AttributeMemo()
      self = .update(try UpdateMessage(frame, in: octets, context, recalling: &memo))
    case .notification: self = .notification(NotificationMessage(body, in: octets))
    case .keepalive: self = .keepalive
    case .routeRefresh: self = .routeRefresh(try RouteRefreshMessage(body, in: octets))
    }
  }

  package var type: IANA.MessageType {
    switch self {
    case .open: .open
    case .update: .update
    case .notification: .notification
    case .keepalive: .keepalive
    case .routeRefresh: .routeRefresh
    }
  }

  /// The whole message with its header.
  ///
  /// An UPDATE is written in full whatever its size: the caller keeps it within the session's maximum (`UpdateMessage.capacity`).
  ///
  /// - Parameter context: decides the width of AS numbers in an UPDATE.
  package func encode(_ context: DecodeContext) -> [UInt8] {
    var writer = OctetWriter(capacity: IANA.headerLength)
    writer.write(repeatElement(UInt8.max, count: 16))
    let length = writer.reserveUInt16()
    writer.write(type.rawValue)
    switch self {
    case .open(let message): message.encode(into: &writer)
    case .update(let message): message.encode(into: &writer, context)
    case .notification(let message): message.encode(into: &writer)
    case .keepalive: break
    case .routeRefresh(let message): message.encode(into: &writer)
    }
    writer.patchMessageLength(at: length)
    return writer.octets
  }
}

/// What a decoder has to know of the session (RFC 6793, RFC 7606).
package struct DecodeContext: Hashable, Sendable {
  /// Both sides offered four-octet AS numbers.
  package var fourOctetAS: Bool
  /// The peer is in our own AS: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST count, confederation segments are tolerated.
  package var isInternal: Bool
  /// The largest message the peer may send.
  package var maximumLength: Int

  package init(fourOctetAS: Bool, isInternal: Bool, maximumLength: Int = IANA.maximumMessageLength) {
    self.fourOctetAS = fourOctetAS
    self.isInternal = isInternal
    self.maximumLength = maximumLength
  }

  /// Before OPEN messages have been exchanged.
  package static let initial = DecodeContext(fourOctetAS: false, isInternal: false)
}

extension OctetWriter {
  /// Fills the header's length field, which counts the 16 marker octets and itself too (RFC 4271 §4.1).
  fileprivate mutating func patchMessageLength(at place: Int) {
    patchUInt16(at: place, adding: 18)
  }
}
