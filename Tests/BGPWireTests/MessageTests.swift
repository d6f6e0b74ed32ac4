import BGPWire
import Primitives
import Testing

@Suite("Messages")
struct MessageTests {
  @Test(
    "A header is refused with the NOTIFICATION of RFC 4271 §6.1",
    arguments: [
      ("marker", [UInt8](repeating: 0xFF, count: 15) + [0xFE, 0, 19, 4], NotificationMessage(1, 1)),
      ("length 18", [UInt8](repeating: 0xFF, count: 16) + [0, 18, 4], NotificationMessage(1, 2, data: [0, 18])),
      (
        "length over the maximum", [UInt8](repeating: 0xFF, count: 16) + [0x10, 0x01, 2],
        NotificationMessage(1, 2, data: [0x10, 0x01])
      ),
      ("type 0", [UInt8](repeating: 0xFF, count: 16) + [0, 19, 0], NotificationMessage(1, 3, data: [0])),
      ("type 6", [UInt8](repeating: 0xFF, count: 16) + [0, 19, 6], NotificationMessage(1, 3, data: [6])),
      (
        "KEEPALIVE with a body", [UInt8](repeating: 0xFF, count: 16) + [0, 20, 4, 0],
        NotificationMessage(1, 2, data: [0, 20])
      ),
      ("short OPEN", [UInt8](repeating: 0xFF, count: 16) + [0, 28, 1], NotificationMessage(1, 2, data: [0, 28])),
      ("short UPDATE", [UInt8](repeating: 0xFF, count: 16) + [0, 22, 2], NotificationMessage(1, 2, data: [0, 22])),
      (
        "short NOTIFICATION", [UInt8](repeating: 0xFF, count: 16) + [0, 20, 3],
        NotificationMessage(1, 2, data: [0, 20])
      ),
    ] as [(String, [UInt8], NotificationMessage)])
  func header(name: String, octets: [UInt8], expected: NotificationMessage) {
    #expect(throws: expected) { try MessageFrame(in: octets.span, at: 0, maximum: 4096) }
  }

  @Test("A message is found only when it is there in full")
  func incomplete() throws {
    let octets = Message.keepalive.encode(.initial) + Message.open(Self.open()).encode(.initial)
    for count in 0..<octets.count {
      let part = Array(octets[..<count])
      let first = try MessageFrame(in: part.span, at: 0, maximum: 4096)
      #expect((first != nil) == (count >= 19))
      if count >= 19 { #expect(try MessageFrame(in: part.span, at: 19, maximum: 4096) == nil) }
    }
  }

  @Test("An extended message is taken only where it was agreed on (RFC 8654 §4)")
  func extendedMessage() throws {
    let octets = Wire.message(2, [0, 0, 0, 0] + (0..<1100).flatMap { [32, 10, 0, UInt8($0 >> 8), UInt8($0 & 255)] })
    #expect(throws: NotificationMessage.self) { try MessageFrame(in: octets.span, at: 0, maximum: 4096) }
    let context = DecodeContext(fourOctetAS: true, isInternal: false, maximumLength: 65535)
    #expect(try Wire.update(octets, context).announced.ipv4.count == 1100)
  }

  static func open(_ capabilities: [Capability] = [.unicast(.ipv4), .fourOctetAS(ASN(4_200_000_000))]) -> OpenMessage {
    OpenMessage(myAS: 23456, holdTime: 90, bgpIdentifier: IPv4Address(0x7F00_0001), capabilities: capabilities)
  }

  @Test("OPEN survives both parameter encodings (RFC 4271 §4.2, RFC 9072 §2)", arguments: [0, 1, 20, 60, 300])
  func openRoundTrip(count: Int) throws {
    let open = Self.open((0..<count).map { .unknown(code: UInt8(200 + $0 % 50), octets: [1, 2, UInt8($0 & 255)]) })
    let octets = Message.open(open).encode(.initial)
    #expect(try Wire.messages(octets, .initial) == [.open(open)])
    // Five octets each; the extended encoding begins with the length 255 and the type 255.
    let isExtended = octets.count > 29 && octets[28] == 255 && octets[29] == 255
    #expect(isExtended == (count * 5 > 255))
  }

  @Test(
    "The extended encoding is recognised by its type, whatever the one-octet length says (RFC 9072 §2)",
    arguments: [1, 200, 255] as [UInt8])
  func extendedParameters(length: UInt8) throws {
    let body = Wire.hex("04 fe2a 005a 7f000001") + [length] + Wire.hex("ff 0009 02 0006 01 04 0001 00 01")
    guard case .open(let open) = try Wire.messages(Wire.message(1, body), .initial).first else {
      return #expect(Bool(false))
    }
    #expect(open.capabilities == [.unicast(.ipv4)])
  }

  @Test(
    "A bad OPEN is refused with the NOTIFICATION of RFC 4271 §6.2 and RFC 5492",
    arguments: [
      ("version 3", "03 fe2a 005a 7f000001 00", NotificationMessage(2, 1, data: [0, 4])),
      ("hold time 1", "04 fe2a 0001 7f000001 00", NotificationMessage(2, 6)),
      ("hold time 2", "04 fe2a 0002 7f000001 00", NotificationMessage(2, 6)),
      ("identifier 0", "04 fe2a 005a 00000000 00", NotificationMessage(2, 3)),
      ("parameter of type 1", "04 fe2a 005a 7f000001 03 01 01 00", NotificationMessage(2, 4)),
      ("parameters too long", "04 fe2a 005a 7f000001 05 02 00", NotificationMessage(2, 0)),
      ("parameters too short", "04 fe2a 005a 7f000001 00 02 00", NotificationMessage(2, 0)),
      ("parameter overruns", "04 fe2a 005a 7f000001 02 02 06", NotificationMessage(2, 0)),
      ("capability overruns", "04 fe2a 005a 7f000001 04 02 02 01 04", NotificationMessage(2, 0)),
      ("capability without a length", "04 fe2a 005a 7f000001 03 02 01 01", NotificationMessage(2, 0)),
      ("extended length cut off", "04 fe2a 005a 7f000001 ff ff 00", NotificationMessage(2, 0)),
      ("extended length too long", "04 fe2a 005a 7f000001 ff ff 0009 02", NotificationMessage(2, 0)),
    ] as [(String, String, NotificationMessage)])
  func badOpen(name: String, body: String, expected: NotificationMessage) {
    #expect(throws: expected) { try Wire.messages(Wire.message(1, Wire.hex(body)), .initial) }
  }

  @Test(
    "A known capability with a wrong length counts as not offered",
    arguments: ["01 03 000100", "41 02 fe2a", "02 01 00", "40 01 00", "40 05 0000000101"])
  func oddCapability(octets: String) throws {
    let capability = Wire.hex(octets)
    let body =
      Wire.hex("04 fe2a 005a 7f000001") + [UInt8(capability.count + 2), 2, UInt8(capability.count)] + capability
    guard case .open(let open) = try Wire.messages(Wire.message(1, body), .initial).first else {
      return #expect(Bool(false))
    }
    #expect(open.capabilities == [.unknown(code: capability[0], octets: Array(capability[2...]))])
    #expect(open.asn == ASN(65066))
  }

  @Test("A ROUTE-REFRESH of another length is answered with the message itself (RFC 7313 §5)")
  func routeRefreshLength() {
    let octets = Wire.message(5, [0, 1, 0, 1, 0])
    #expect(throws: NotificationMessage(7, 1, data: octets)) { try MessageFrame(in: octets.span, at: 0, maximum: 4096) }
  }

  @Test("Shutdown text is cut at 255 octets on a character boundary and made printable (RFC 9003)")
  func shutdownText() throws {
    let long = String(repeating: "ä", count: 200)
    let cease = NotificationMessage.cease(.administrativeShutdown, text: long)
    #expect(cease.data.count == 255)
    #expect(cease.shutdownText == String(repeating: "ä", count: 127))
    var hostile = NotificationMessage.cease(.administrativeReset, text: "a\u{1B}[31mb\nc\u{202E}")
    #expect(hostile.shutdownText == "a?[31mb?c?")
    hostile.data = [200, 0x61, 0x0A]
    #expect(hostile.shutdownText == "(a text of the wrong length: c8610a)")
    #expect(NotificationMessage.cease(.hardReset, text: "x").data.isEmpty)
    #expect(NotificationMessage(6, 2, data: [0]).shutdownText == nil)
    #expect(NotificationMessage(6, 2, data: []).shutdownText == nil)
  }

  @Test("Shutdown text that is no UTF-8 is told as such, octet by octet (RFC 9003 §4)")
  func invalidShutdownText() {
    let latin1 = NotificationMessage(6, 2, data: [4, 0x63, 0x61, 0x66, 0xE9])
    #expect(latin1.shutdownText == "(a text that is no UTF-8: 636166e9)")
  }

  @Test("A Hard Reset is told with the reason that it encloses (RFC 8538 §3.1)")
  func hardReset() {
    let reset = NotificationMessage(6, 9, data: [6, 4, 2, 0x6F, 0x6B])
    #expect(reset.description == "Cease, hard reset (Cease, administrative reset)")
    #expect(reset.shutdownText == "ok")
    #expect(NotificationMessage(6, 9).description == "Cease, hard reset")
    #expect(NotificationMessage(6, 9, data: [6]).description == "Cease, hard reset")
    // Nothing unfolds without end.
    let nested = NotificationMessage(6, 9, data: [6, 9, 6, 9, 6, 4])
    #expect(nested.description == "Cease, hard reset")
    #expect(nested.shutdownText == nil)
  }

  @Test(
    "AS4_PATH is merged as RFC 6793 §4.2.3 says",
    arguments: [
      ("02 02 5ba0 fe2a", "02 01 fa56ea42", "23456 4200000002"),
      ("02 03 fe2a 5ba0 5ba0", "02 02 fa56ea42 00010000", "65066 4200000002 65536"),
      ("02 01 5ba0", "02 02 fa56ea42 0000fe2a", "23456"),
      ("02 02 5ba0 fe2a", "01 02 00000001 00000002", "23456 { 1 2 }"),
      ("01 02 fe2a 5ba0", "02 01 fa56ea42", "4200000002"),
      ("02 02 5ba0 fe2a", "02 02 fa56ea42 0000fe2a", "4200000002 65066"),
      ("02 02 5ba0 fe2a", "03 01 0000fde9 02 01 fa56ea42 04 01 0000fdea", "23456 4200000002"),
    ])
  func as4Path(path: String, as4Path: String, merged: String) throws {
    let two = Wire.hex(path)
    let four = Wire.hex(as4Path.replacing("fa56ea42", with: "fa56ea02"))
    let attributes =
      Wire.hex("40 01 01 00 40 03 04 7f000002") + [0x40, 2, UInt8(two.count)] + two + [0xC0, 17, UInt8(four.count)]
      + four
    let update = try Wire.update(
      Wire.update(attributes: attributes, nlri: [32, 192, 0, 2, 1]),
      DecodeContext(fourOctetAS: false, isInternal: false))
    #expect(update.attributes.asPath.description == merged)
  }

  @Test("An AGGREGATOR that is not AS_TRANS makes AS4_PATH void (RFC 6793 §4.2.3)")
  func outdatedAS4() throws {
    let attributes = Wire.hex(
      "40 01 01 00 40 02 04 02 01 5ba0 40 03 04 7f000002 c0 07 06 fe2a 7f000001 c0 11 06 02 01 fa56ea42 c0 12 08 fa56ea42 7f000001"
    )
    let update = try Wire.update(
      Wire.update(attributes: attributes, nlri: [32, 192, 0, 2, 1]),
      DecodeContext(fourOctetAS: false, isInternal: false))
    #expect(update.attributes.asPath.description == "23456")
    #expect(update.attributes.aggregator?.asn == ASN(65066))
  }

  @Test("Withdrawals of both families in one UPDATE, and bits beyond a prefix are ignored")
  func withdrawals() throws {
    let update = try Wire.update(
      Wire.update(withdrawn: Wire.hex("18 c0000a 0c c0f1"), attributes: Wire.hex("80 0f 09 000201 20 20010db8 00")))
    #expect(update.withdrawn.all.map(\.description) == ["192.0.10.0/24", "192.240.0.0/12", "2001:db8::/32", "::/0"])
    #expect(update.endOfRIB == nil)
  }
}
