import BGPWire
import Primitives
import Testing

@Suite("What both sides must agree on before they speak")
struct AssignedNumberTests {
  @Test("A KEEPALIVE is a header and nothing else (RFC 4271 §4.1, §4.4)")
  func keepalive() {
    #expect(Message.keepalive.encode(.initial) == Array(repeating: 0xFF, count: 16) + [0, 19, 4])
  }

  @Test("OPEN and KEEPALIVE never are extended messages (RFC 8654 §4)", arguments: [1, 4] as [UInt8])
  func neverExtended(type: UInt8) {
    let octets = Wire.message(type, Array(repeating: 0, count: 4097 - 19))
    #expect(throws: NotificationMessage(1, 2, data: [0x10, 0x01])) {
      try MessageFrame(in: octets.span, at: 0, maximum: 65535)
    }
  }

  @Test("Capabilities may stand in several parameters, in any order and more than once (RFC 5492 §4)")
  func severalParameters() throws {
    let body = Wire.hex("04 fe2a 005a 7f000001 14 02 02 02 00  02 06 01 04 0002 00 01  02 02 02 00  02 02 46 00")
    guard case .open(let open) = try Wire.messages(Wire.message(1, body), .initial).first else {
      return #expect(Bool(false))
    }
    #expect(open.capabilities == [.routeRefresh, .unicast(.ipv6), .routeRefresh, .enhancedRouteRefresh])
  }

  @Test(
    "A parameter of type 255 is an unknown one where it is not the first (RFC 9072 §3)",
    arguments: ["08 02 02 02 00 ff 02 02 00", "ff ff 000a 02 0002 02 00 ff 0002 02 00"])
  func lateExtension(parameters: String) {
    #expect(throws: NotificationMessage(2, 4)) {
      try Wire.messages(Wire.message(1, Wire.hex("04 fe2a 005a 7f000001" + parameters)), .initial)
    }
  }

  @Test(
    "Cease has the subcodes of the registry (RFC 4486 §3, RFC 8538 §3)",
    arguments: [
      (.maximumNumberOfPrefixesReached, 1), (.administrativeShutdown, 2), (.peerDeconfigured, 3),
      (.administrativeReset, 4),
      (.connectionRejected, 5), (.otherConfigurationChange, 6), (.connectionCollisionResolution, 7),
      (.outOfResources, 8),
      (.hardReset, 9),
    ] as [(CeaseSubcode, UInt8)])
  func ceaseSubcodes(subcode: CeaseSubcode, number: UInt8) {
    #expect(Message.notification(.cease(subcode)).encode(.initial).suffix(2) == [6, number])
  }

  @Test(
    "Every NOTIFICATION is told by the name of its code and subcode, and an unknown one by its number",
    arguments: [
      (1, 1...3), (2, 1...7), (3, 1...11), (4, 0...0), (5, 1...3), (6, 1...10), (7, 1...1), (8, 0...0),
    ] as [(UInt8, ClosedRange<UInt8>)])
  func names(code: UInt8, subcodes: ClosedRange<UInt8>) {
    let words = subcodes.map { NotificationMessage(code, $0).description }
    #expect(Set(words).count == subcodes.count)
    #expect(!words.contains { $0.contains("unknown error code") || $0.contains("unknown subcode") })
    #expect(NotificationMessage(code, 99).description.hasSuffix("unknown subcode 99"))
    #expect(NotificationMessage(code + 100, 1).description.hasPrefix("unknown error code \(code + 100)"))
  }

  @Test(
    "A NOTIFICATION has no wrong code, subcode or data (RFC 4271 §6.4)",
    arguments: [[0, 0], [99, 255], [6, 2, 200, 1], [3, 1] + Array(repeating: 7, count: 4075)] as [[UInt8]])
  func anyNotification(body: [UInt8]) throws {
    let expected = NotificationMessage(body[0], body[1], data: Array(body[2...]))
    #expect(try Wire.messages(Wire.message(3, body), .initial) == [.notification(expected)])
  }

  @Test(
    "The NOTIFICATION that is sent never exceeds 4096 octets, whatever its data (RFC 4271 §4.5)",
    arguments: [4075, 4076, 65000])
  func longData(count: Int) {
    let notification = NotificationMessage(3, 2, data: Array(repeating: 7, count: count))
    #expect(Message.notification(notification).encode(.initial).count == min(4096, 21 + count))
  }
}
