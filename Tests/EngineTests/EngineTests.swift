import BGPSession
import BGPWire
import ConfigFile
import Control
import Engine
import Primitives
import Tables
import TestSupport
import Testing

@Suite("The engine")
struct EngineTests {
  @Test("Announced routes fill the tables of their communities, both families, hosts and networks")
  func announce() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "198.51.100.0/24", "2001:db8::25", "2001:db8:42::/64"], 666)
    lab.announce(0, ["203.0.113.7"], 42)
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "198.51.100.0/24", "2001:db8::25/128", "2001:db8:42::/64"])
    #expect(lab.kernel.table("bypass") == ["203.0.113.7/32"])
  }

  @Test("One of two servers that withdraws changes nothing; the other one's withdrawal does")
  func twoServers() {
    var lab = Laboratory()
    for index in 0..<2 {
      lab.up(index)
      lab.announce(index, ["192.0.2.1"], 666)
    }
    lab.withdraw(0, "192.0.2.1")
    #expect(lab.kernel.table("black") == ["192.0.2.1/32"])
    lab.withdraw(1, "192.0.2.1")
    #expect(lab.kernel.table("black") == [])
  }

  @Test("A route that changes its community without a withdrawal moves in one commit")
  func communityMove() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    let before = lab.kernel.commits
    lab.announce(0, ["192.0.2.1"], 42)
    #expect(lab.kernel.commits == before + 1)
    #expect(lab.kernel.table("black") == [])
    #expect(lab.kernel.table("bypass") == ["192.0.2.1/32"])
  }

  @Test("When everything has been withdrawn, attributes that come next are judged anew")
  func newAttributes() {
    var lab = Laboratory()
    lab.up(0)
    for community in [666, 42, 1, 666] as [UInt16] {
      lab.announce(0, ["192.0.2.1"], community)
      #expect(lab.kernel.table("black") == (community == 666 ? ["192.0.2.1/32"] : []))
      #expect(lab.kernel.table("bypass") == (community == 42 ? ["192.0.2.1/32"] : []))
      lab.withdraw(0, "192.0.2.1")
    }
  }

  @Test("What arrives while a commit is under way is one net change afterwards")
  func oneCommitInFlight() {
    var lab = Laboratory()
    lab.up(0)
    lab.holdsCommits = true
    lab.announce(0, ["192.0.2.1"], 666)
    for index in 2..<50 { lab.announce(0, ["192.0.2.\(index)"], 666) }
    lab.withdraw(0, "192.0.2.2", "192.0.2.1")
    #expect(lab.heldCommits.count == 1)
    lab.holdsCommits = false
    lab.releaseCommits()
    #expect(lab.kernel.commits == 2)
    #expect(lab.kernel.table("black").count == 47)
  }

  @Test("After a commit that took long there is a pause, and what changes meanwhile is one commit")
  func pace() {
    var lab = Laboratory()
    lab.up(0)
    lab.commitTime = .milliseconds(80)
    lab.announce(0, ["192.0.2.1"], 666)
    #expect(lab.kernel.table("black") == ["192.0.2.1/32"])
    lab.announce(0, ["192.0.2.2"], 666)
    lab.announce(0, ["192.0.2.3"], 666)
    lab.advance(.milliseconds(710))
    #expect(lab.kernel.table("black") == ["192.0.2.1/32"])
    let commits = lab.kernel.commits
    lab.advance(.milliseconds(20))
    #expect(lab.kernel.table("black").count == 3)
    #expect(lab.kernel.commits == commits + 1)
    // Short ones follow at once.
    lab.commitTime = .milliseconds(1)
    lab.advance(.seconds(1))
    lab.announce(0, ["192.0.2.4"], 666)
    lab.announce(0, ["192.0.2.5"], 666)
    #expect(lab.kernel.table("black").count == 5)
  }

  @Test("What waits for the end of a pause is committed at the end of the daemon, and at the operator's word")
  func endOfPause() {
    for isStopped in [true, false] {
      var lab = Laboratory()
      lab.up(0)
      lab.commitTime = .milliseconds(80)
      lab.announce(0, ["192.0.2.1"], 666)
      lab.announce(0, ["192.0.2.2"], 666)
      #expect(lab.kernel.table("black").count == 1)
      if isStopped {
        lab.engine.handle(.stop(.init(.administrativeShutdown)), at: lab.now)
        lab.settle()
      } else {
        lab.carryOut(.neighbor(.all, .refresh))
      }
      #expect(lab.kernel.table("black").count == 2)
      #expect(!lab.engine.isCommitting)
    }
  }

  @Test("A failed commit loses nothing: the sets are read again and brought to the wanted state")
  func failedCommit() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.commitFailure = "No buffer space available"
    lab.announce(0, ["192.0.2.2"], 666)
    lab.withdraw(0, "192.0.2.1")
    #expect(lab.kernel.table("black") == ["192.0.2.1/32"])
    #expect(lab.log.contains { $0.contains("No buffer space available") })
    lab.kernel.sets["black"]?.insert(.v4(IPv4Prefix(host: IPv4Address(1))))  // somebody else's
    lab.commitFailure = nil
    lab.advance(.seconds(2))
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
  }

  @Test("Attempts after failures become rarer, and each wait is bounded")
  func commitBackOff() {
    var lab = Laboratory()
    lab.up(0)
    lab.commitFailure = "Cannot allocate memory"
    lab.announce(0, ["192.0.2.1"], 666)
    lab.advance(.seconds(3600))
    let attempts = lab.log.count { $0.contains("Cannot allocate memory") }
    #expect((60...80).contains(attempts))
  }

  @Test("An announcement with a malformed attribute withdraws the route (RFC 7606)")
  func treatAsWithdraw() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    // ORIGIN 9.
    let octets =
      [UInt8](repeating: 0xFF, count: 16) + [0, 46, 2, 0, 0, 0, 18]
      + [0x40, 1, 1, 9, 0x40, 2, 4, 2, 1, 0xFE, 0x2A, 0x40, 3, 4, 127, 0, 0, 2] + [32, 192, 0, 2, 1]
    let used = lab.engine.received(lab.connection(0), octets.span, at: lab.now)
    lab.settle()
    #expect(used == octets.count)
    #expect(lab.kernel.table("black").isEmpty)
    #expect(lab.connected.contains(lab.peer(0)))
    #expect(lab.log.contains { $0.contains("ORIGIN wrong value, treated as withdraw") })
  }

  @Test("A bad UPDATE is logged with its routes and all its octets, eight of them in a session (RFC 7606 §6)")
  func wholeUpdate() {
    var lab = Laboratory()
    lab.up(0)
    let markers = String(repeating: "ff", count: 16)
    let head: [UInt8] = [0x40, 1, 1, 9, 0x40, 2, 4, 2, 1, 0xFE, 0x2A, 0x40, 3, 4, 127, 0, 0, 2]
    let octets = [UInt8](repeating: 0xFF, count: 16) + [0, 46, 2, 0, 0, 0, 18] + head + [32, 192, 0, 2, 1]
    for _ in 0..<3 { _ = lab.engine.received(lab.connection(0), octets.span, at: lab.now) }
    lab.settle()
    let lines = lab.log.filter { $0.contains("in full: ") }
    #expect(lines.count == 1)
    #expect(
      lines.first?.hasSuffix(
        "bad UPDATE of +192.0.2.1/32, in full: \(markers)002e020000001240010109400204"
          + "0201fe2a4003047f0000022" + "0c0000201") == true)
    // An unknown well-known attribute is another fault for each code.
    for code in 100..<120 as Range<UInt8> {
      let other = [UInt8](repeating: 0xFF, count: 16) + [0, 27, 2, 0, 0, 0, 4, 0x40, code, 1, 9]
      _ = lab.engine.received(lab.connection(0), other.span, at: lab.now)
      lab.settle()
    }
    #expect(lab.log.count { $0.contains("in full: ") } <= 8)
  }

  @Test("An UPDATE that ends the session is logged whole as well (RFC 7606 §6)")
  func wholeLastUpdate() {
    var lab = Laboratory()
    lab.up(0)
    let octets = [UInt8](repeating: 0xFF, count: 16) + [0, 24, 2, 0, 0, 0, 0, 99]
    _ = lab.engine.received(lab.connection(0), octets.span, at: lab.now)
    lab.settle()
    #expect(lab.sent[lab.peer(0)]?.last == .notification(NotificationMessage(3, 10)))
    #expect(lab.log.contains { $0.hasSuffix("bad UPDATE, in full: \(octets.hexadecimal)") })
  }

  @Test("A ROUTE-REFRESH of an unknown subtype is logged once in a session (RFC 7313 §5)")
  func unknownSubtype() {
    var lab = Laboratory()
    lab.up(0)
    var message = RouteRefreshMessage(family: .ipv4)
    message.subtype = 9
    for _ in 0..<3 { lab.receive(0, .routeRefresh(message)) }
    #expect(lab.log.count { $0.contains("ignored a ROUTE-REFRESH of subtype 9") } == 1)
    #expect(lab.connected.contains(lab.peer(0)))
  }

  @Test(
    "A session over which nothing leaves for 8 minutes, or twice the hold time, ends with SendHoldTimer expired (RFC 9687)"
  )
  func sendHoldTime() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.endOfRIB(0)
    lab.advance(.seconds(3600))
    #expect(lab.connected.contains(lab.peer(0)))
    lab.takesNothing = true
    lab.advance(.seconds(479))
    #expect(lab.connected.contains(lab.peer(0)))
    lab.advance(.seconds(32))
    #expect(!lab.connected.contains(lab.peer(0)))
    #expect(lab.log.contains { $0.hasSuffix("Established -> Idle, reason: SendHoldTimer expired") })
    #expect(lab.kernel.table("black").count == 1)
  }

  @Test("A route fills its table wherever its next hop is: nothing is sent there")
  func unreachableNextHop() {
    var lab = Laboratory()
    lab.up(0)
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: [ASN(65066)])
    attributes.nextHop = .v4(IPv4Address(0xC633_6401))
    attributes.communities = [Community(65066, 666)]
    let prefixes = PrefixList([Prefix("192.0.2.1/32")].compactMap { $0 })
    lab.receive(0, .update(UpdateMessage(announced: prefixes, attributes: attributes)))
    #expect(lab.kernel.table("black") == ["192.0.2.1/32"])
  }

  @Test("A message that lost its framing ends the session with the right NOTIFICATION, and the tables stay")
  func garbage() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    let octets = [UInt8](repeating: 7, count: 64)
    _ = lab.engine.received(lab.connection(0), octets.span, at: lab.now)
    lab.settle()
    #expect(lab.sent[lab.peer(0)]?.last == .notification(NotificationMessage(1, 1)))
    #expect(!lab.connected.contains(lab.peer(0)))
    #expect(lab.kernel.table("black").count == 1)
  }

  @Test("max-prefix takes no more, keeps session and tables, and asks again after the restart time")
  func maxPrefix() {
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.neighbors[0].maxPrefix = 3
        $0.neighbors[0].maxPrefixRestart = 30
      })
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"], 666)
    #expect(lab.kernel.table("black").count == 3)
    lab.announce(0, ["192.0.2.5", "192.0.2.6"], 666)
    #expect(lab.log.count { $0.contains("prefix limit reached (3)") } == 1)
    guard case .neighbor(let report)? = lab.replies(.showSummary).first else { return #expect(Bool(false)) }
    #expect(report.statistics.overLimit == 3)
    #expect(report.state == .established)
    // What is there may change and leave.
    lab.withdraw(0, "192.0.2.1")
    lab.announce(0, ["192.0.2.2"], 42)
    #expect(lab.kernel.table("black") == ["192.0.2.3/32"])
    #expect(lab.kernel.table("bypass") == ["192.0.2.2/32"])
    let isRequest = { (message: Message) in if case .routeRefresh = message { true } else { false } }
    lab.advance(.seconds(29 * 60))
    #expect(lab.sent[lab.peer(0)]?.contains(where: isRequest) == false)
    lab.advance(.seconds(61))
    #expect(lab.sent[lab.peer(0)]?.count(where: isRequest) == 2)
    #expect(lab.connected.contains(lab.peer(0)))
    lab.announce(0, ["192.0.2.4"], 666)
    #expect(lab.kernel.table("black") == ["192.0.2.3/32", "192.0.2.4/32"])
  }

  @Test("An operator's interval set takes everything as a disjoint cover")
  func intervalLayout() {
    var kernel = KernelModel()
    kernel.intervalTables = ["black"]
    var lab = Laboratory(Laboratory.configuration(peers: 1), kernel: kernel)
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "192.0.2.0/24", "198.51.100.1"], 666)
    #expect(lab.kernel.sets["black"]?.map(\.description).sorted() == ["192.0.2.0/24", "198.51.100.1/32"])
    lab.withdraw(0, "192.0.2.0/24")
    #expect(lab.kernel.sets["black"]?.map(\.description).sorted() == ["192.0.2.1/32", "198.51.100.1/32"])
  }

  @Test("Routes that fill no table although there are many are said so")
  func zeroInTables() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 1)
    lab.endOfRIB(0)
    #expect(lab.log.contains { $0.contains("1 prefixes received, 0 in tables") })
  }

  @Test("An enhanced route refresh sweeps what it does not repeat (RFC 7313 §4)")
  func enhancedRefresh() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "192.0.2.2"], 666)
    lab.endOfRIB(0)
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .begin)))
    lab.announce(0, ["192.0.2.2"], 666)
    #expect(lab.kernel.table("black").count == 2)
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .end)))
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
    guard case .neighbor(let report)? = lab.replies(.showSummary).first else { return #expect(Bool(false)) }
    let received = report.statistics.received
    #expect(received.routeRefresh == 2 && received.refreshRequest == 0)
    #expect(received.beginOfRouteRefresh == 1 && received.endOfRouteRefresh == 1)
  }

  @Test("Stopping says Cease, administrative shutdown, and leaves the tables")
  func stop() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.engine.handle(.stop(.init(.administrativeShutdown)), at: lab.now)
    lab.settle()
    #expect(lab.sent[lab.peer(0)]?.last == .notification(NotificationMessage(6, 2)))
    #expect(lab.connected.isEmpty)
    #expect(lab.kernel.table("black").count == 1)
  }

  @Test("Nothing but OPEN, KEEPALIVE, NOTIFICATION and End-of-RIB is ever sent")
  func announcesNothing() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.advance(.seconds(60))
    let updates = lab.sent.values.flatMap { $0 }.compactMap { if case .update(let update) = $0 { update } else { nil } }
    #expect(updates == [UpdateMessage(endOfRIB: .ipv4), UpdateMessage(endOfRIB: .ipv6)])
  }

  @Test("What another program does to the sets is repaired within a second")
  func repair() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "192.0.2.2", "198.51.100.0/24"], 666)
    lab.kernel.sets["black"] = Set([Prefix(host: .v4(IPv4Address(1)))])
    lab.kernel.sets["black_net"] = []
    lab.foreignChange = "table inet nftbgpd was changed by nft"
    lab.advance(.seconds(1))
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "192.0.2.2/32", "198.51.100.0/24"])
    #expect(lab.log.contains { $0.contains("changed by nft; repairing") })
  }

  @Test("The sets are checked twice a second, but not while a commit is under way")
  func checking() {
    var lab = Laboratory()
    lab.up(0)
    let before = lab.checks
    lab.advance(.seconds(10))
    #expect(lab.checks - before == 20)
    lab.holdsCommits = true
    lab.announce(0, ["192.0.2.1"], 666)
    let held = lab.checks
    lab.advance(.seconds(10))
    #expect(lab.checks == held)
  }

  @Test("What is found out while a commit is under way is repaired after it")
  func repairAfterCommit() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.holdsChecks = true
    lab.foreignChange = "table inet nftbgpd was changed by nft"
    lab.advance(.seconds(1))
    lab.holdsCommits = true
    lab.announce(0, ["192.0.2.2"], 666)
    for change in lab.heldChecks { lab.engine.handle(.setsChecked(change), at: lab.now) }
    lab.settle()
    lab.kernel.sets["black"] = []
    lab.holdsCommits = false
    lab.releaseCommits()
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "192.0.2.2/32"])
  }
}
