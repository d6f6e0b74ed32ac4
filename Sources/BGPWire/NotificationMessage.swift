import Primitives

/// NOTIFICATION (RFC 4271 §4.5), both the message and the error that a decoder throws: a peer's fault *is* what must be sent.
///
///     +---------------+---------------+---------------------------
///     |  Error code   | Error subcode |  Data (variable) …
///     +---------------+---------------+---------------------------
package struct NotificationMessage: Error, Hashable, Sendable {
  package var code: UInt8
  package var subcode: UInt8
  package var data: [UInt8]

  package init(_ code: UInt8, _ subcode: UInt8, data: [UInt8] = []) {
    self.code = code
    self.subcode = subcode
    self.data = data
  }

  init(_ body: OctetReader, in octets: Span<UInt8>) {
    var reader = body
    code = reader.readUInt8(octets) ?? 0
    subcode = reader.readUInt8(octets) ?? 0
    data = reader.readOctets(reader.count, octets) ?? []
  }

  func encode(into writer: inout OctetWriter) {
    writer.write(code)
    writer.write(subcode)
    // RFC 4271 §4.5: the data is what remains of a message of at most 4096 octets.
    writer.write(data.prefix(IANA.maximumMessageLength - IANA.headerLength - 2))
  }

  /// Cease with a text for the operator at the other end (RFC 9003 §2), cut at 255 octets on a character boundary.
  ///
  /// - Parameter text: only the two subcodes that carry a text send it.
  package static func cease(_ subcode: CeaseSubcode, text: String = "") -> NotificationMessage {
    var octets: [UInt8] = []
    if subcode.carriesText, !text.isEmpty {
      for character in text {
        let next = Array(character.utf8)
        guard octets.count + next.count <= 255 else { break }
        octets += next
      }
      octets.insert(UInt8(truncatingIfNeeded: octets.count), at: 0)
    }
    return NotificationMessage(IANA.ErrorCode.cease, subcode.rawValue, data: octets)
  }

  /// The RFC 9003 text of a Cease, with control characters replaced so that it is fit for a terminal and a log; nil for none.
  ///
  /// What is no UTF-8, or has a length octet that the data does not bear out, is told as such, with its octets (RFC 9003 §4).
  package var shutdownText: String? {
    if let enclosed { return enclosed.shutdownText }
    guard code == IANA.ErrorCode.cease, CeaseSubcode(rawValue: subcode)?.carriesText == true, let length = data.first,
      length > 0
    else { return nil }
    guard data.count > Int(length) else { return "(a text of the wrong length: \(data.hexadecimal))" }
    let text = data[1...Int(length)]
    return String(validating: text, as: UTF8.self)?.printable ?? "(a text that is no UTF-8: \(text.hexadecimal))"
  }

  /// What a Hard Reset gives as the reason for it (RFC 8538 §3.1); nil for any other NOTIFICATION.
  private var enclosed: NotificationMessage? {
    guard code == IANA.ErrorCode.cease, subcode == CeaseSubcode.hardReset.rawValue, data.count >= 2,
      // One inside of another would say no more.
      data[0] != code || data[1] != subcode
    else { return nil }
    return NotificationMessage(data[0], data[1], data: Array(data[2...]))
  }

  /// As bgpctl(8) words it, `Cease, administratively down`, and what a Hard Reset encloses.
  package var description: String {
    enclosed.map { "\(words) (\($0.words))" } ?? words
  }

  private var words: String {
    let name =
      switch code {
      case IANA.ErrorCode.messageHeader: "Header error"
      case IANA.ErrorCode.openMessage: "error in OPEN message"
      case IANA.ErrorCode.updateMessage: "error in UPDATE message"
      case IANA.ErrorCode.holdTimerExpired: "HoldTimer expired"
      case IANA.ErrorCode.finiteStateMachine: "Finite State Machine error"
      case IANA.ErrorCode.cease: "Cease"
      case IANA.ErrorCode.routeRefreshMessage: "error in ROUTE-REFRESH message"
      case IANA.ErrorCode.sendHoldTimerExpired: "SendHoldTimer expired"
      default: "unknown error code \(code)"
      }
    guard let detail = Self.subcodes[code]?[subcode] else {
      return subcode == 0 ? name : "\(name), unknown subcode \(subcode)"
    }
    return "\(name), \(detail)"
  }

  private static let subcodes: [UInt8: [UInt8: String]] = [
    IANA.ErrorCode.messageHeader: [1: "synchronization error", 2: "wrong length", 3: "unknown message type"],
    IANA.ErrorCode.openMessage: [
      1: "version mismatch", 2: "AS unacceptable", 3: "BGPID invalid", 4: "optional parameter error",
      5: "authentication error",
      6: "unacceptable holdtime", 7: "unsupported capability", 11: "role mismatch",
    ],
    IANA.ErrorCode.updateMessage: [
      1: "attribute list error", 2: "unknown well-known attribute", 3: "well-known attribute missing",
      4: "attribute flags error",
      5: "attribute length wrong", 6: "origin unacceptable", 7: "loop detected", 8: "nexthop unacceptable",
      9: "optional attribute error", 10: "network unacceptable", 11: "AS-Path unacceptable",
    ],
    IANA.ErrorCode.finiteStateMachine: [
      1: "unexpected message in OpenSent", 2: "unexpected message in OpenConfirm",
      3: "unexpected message in Established",
    ],
    IANA.ErrorCode.cease: Dictionary(
      uniqueKeysWithValues: CeaseSubcode.allCases.map { ($0.rawValue, $0.words) }),
    IANA.ErrorCode.routeRefreshMessage: [1: "invalid message length"],
  ]
}

/// "BGP Cease NOTIFICATION message subcodes" (RFC 4486, RFC 8538, RFC 9384).
package enum CeaseSubcode: UInt8, Hashable, Sendable, CaseIterable {
  case maximumNumberOfPrefixesReached = 1
  case administrativeShutdown = 2
  case peerDeconfigured = 3
  case administrativeReset = 4
  case connectionRejected = 5
  case otherConfigurationChange = 6
  case connectionCollisionResolution = 7
  case outOfResources = 8
  case hardReset = 9
  case bfdDown = 10

  /// RFC 9003 §2.
  package var carriesText: Bool {
    self == .administrativeShutdown || self == .administrativeReset
  }

  fileprivate var words: String {
    switch self {
    case .maximumNumberOfPrefixesReached: "received max-prefix exceeded"
    case .administrativeShutdown: "administratively down"
    case .peerDeconfigured: "peer unconfigured"
    case .administrativeReset: "administrative reset"
    case .connectionRejected: "connection rejected"
    case .otherConfigurationChange: "other config change"
    case .connectionCollisionResolution: "collision resolution"
    case .outOfResources: "resource exhaustion"
    case .hardReset: "hard reset"
    case .bfdDown: "BFD down"
    }
  }
}

extension Collection<UInt8> {
  /// Two digits for each octet.
  package var hexadecimal: String {
    reduce(into: "") { text, octet in
      if octet < 16 { text += "0" }
      text += String(octet, radix: 16)
    }
  }
}

extension String {
  /// The text with every control character (C0, DEL and C1) and line or paragraph separator replaced by `?`.
  package var printable: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map { scalar in
          switch scalar.value {
          case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: "?"
          default: scalar
          }
        }))
  }
}
