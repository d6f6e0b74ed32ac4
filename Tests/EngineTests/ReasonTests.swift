import BGPWire
import Control
import Engine
import Primitives
import Testing

@Suite("What is said to a peer, and what it says")
struct ReasonTests {
  @Test("neighbor clear says Cease, administrative reset, with the operator's words (RFC 4486 §4, RFC 9003 §2)")
  func reset() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.carryOut(.neighbor(.all, .clear("new keys")))
    #expect(lab.sent[lab.peer(0)]?.last == .notification(.cease(.administrativeReset, text: "new keys")))
    #expect(NotificationMessage.cease(.administrativeReset, text: "new keys").shutdownText == "new keys")
  }

  @Test("The text of the peer's shutdown is logged and shown, without its control characters (RFC 9003 §3)")
  func shutdown() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.receive(0, .notification(.cease(.administrativeShutdown, text: "moved\u{1B}[2J")))
    #expect(lab.log.contains { $0.hasSuffix("Cease, administratively down, \"moved?[2J\"") })
    let reports = lab.replies(.showSummary).compactMap {
      if case .neighbor(let report) = $0 { report } else { nil }
    }
    #expect(reports.map(\.lastShutdownReason) == ["moved?[2J"])
    #expect(reports.map(\.lastErrorReceived) == ["Cease, administratively down"])
  }

  @Test("Who has not offered route refresh is not asked for it (RFC 2918 §4)", arguments: [true, false])
  func refresh(isOffered: Bool) {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.connecting = []
    lab.open(lab.connection(0))
    let open = OpenMessage(
      myAS: 65066, holdTime: 90, bgpIdentifier: IPv4Address(0x7F00_0002),
      capabilities: [.unicast(.ipv4), .fourOctetAS(ASN(65066))] + (isOffered ? [.routeRefresh] : []))
    lab.receive(0, .open(open))
    lab.receive(0, .keepalive)
    lab.carryOut(.neighbor(.all, .refresh))
    let requests = lab.sent[lab.peer(0), default: []].count { if case .routeRefresh = $0 { true } else { false } }
    #expect(requests == (isOffered ? 1 : 0))
  }
}
