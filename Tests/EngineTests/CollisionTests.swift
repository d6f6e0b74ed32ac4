import BGPSession
import BGPWire
import ConfigFile
import Control
import Engine
import Primitives
import TestSupport
import Testing

/// Our identifier is 127.0.0.1 and our AS 65500, the peer's is 65066; a peer's connection is accepted while ours is under way.
@Suite("Two connections with one peer (RFC 4271 §6.8)")
struct CollisionTests {
  private static let lower: UInt32 = 0x7E00_0001
  private static let higher: UInt32 = 0x7F00_0002
  private static let collision = Message.notification(NotificationMessage(6, 7))

  /// A laboratory whose only peer has been connected to; the connection is not there yet.
  private struct Setting {
    var lab: Laboratory
    let ours: ConnectionID
    private(set) var theirs: ConnectionID

    init(_ change: (inout Configuration) -> Void = { _ in }) {
      lab = Laboratory(Laboratory.configuration(peers: 1, change))
      ours = lab.connection(0)
      theirs = ours
    }

    /// The peer connects to us.
    mutating func accept() throws {
      let address = lab.engine.configuration.neighbors[0].address
      let accepted = lab.engine.accept(from: address, at: lab.now)
      theirs = try #require(accepted)
      lab.open(theirs)
    }

    mutating func open(over connection: ConnectionID, _ identifier: UInt32 = CollisionTests.higher) {
      lab.receive(0, Laboratory.open(0, identifier: identifier), over: connection)
    }

    mutating func keepalive(over connection: ConnectionID) {
      lab.receive(0, .keepalive, over: connection)
      lab.connections[lab.peer(0)] = connection
    }

    /// The session is up over this connection, and the other one got Cease, or was only closed.
    mutating func expect(
      up connection: ConnectionID, ceased: Bool = true, _ sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let other = connection == ours ? theirs : ours
      keepalive(over: connection)
      #expect(lab.state == .established, sourceLocation: sourceLocation)
      #expect(!lab.closed.contains(connection), sourceLocation: sourceLocation)
      #expect(lab.closed.contains(other), sourceLocation: sourceLocation)
      #expect(
        (lab.sentOver[other]?.last == CollisionTests.collision) == ceased, sourceLocation: sourceLocation)
      #expect(lab.sentOver[connection]?.contains(CollisionTests.collision) == false, sourceLocation: sourceLocation)
      // It is a session as any other.
      lab.connected.insert(lab.peer(0))
      lab.receive(0, .update(UpdateMessage(endOfRIB: .ipv4)), over: connection)
      lab.advance(.seconds(3600))
      #expect(lab.state == .established, sourceLocation: sourceLocation)
    }
  }

  // MARK: One of them waits

  @Test("The peer's connection comes first and becomes the session; our attempt is given up without a word")
  func attemptGivenUp() throws {
    var setting = Setting()
    try setting.accept()
    #expect(setting.lab.state == .connect)
    setting.open(over: setting.theirs)
    #expect(setting.lab.state == .openConfirm)
    setting.expect(up: setting.theirs, ceased: false)
  }

  @Test(
    "Our connection comes up after the peer's was accepted: who sends OPEN first goes ahead", arguments: [true, false])
  func bothOpen(oursFirst: Bool) throws {
    var setting = Setting()
    try setting.accept()
    setting.lab.open(setting.ours)
    let first = oursFirst ? setting.ours : setting.theirs
    for connection in [setting.ours, setting.theirs] {
      guard case .open? = setting.lab.sentOver[connection]?.last else { return #expect(Bool(false), "no OPEN") }
    }
    setting.open(over: first)
    setting.keepalive(over: first)
    #expect(setting.lab.state == .established)
    #expect(setting.lab.closed.isEmpty)
    // Now the other one is too late.
    setting.open(over: oursFirst ? setting.theirs : setting.ours)
    setting.expect(up: first)
  }

  @Test("An attempt that fails leaves the session to the peer's connection", arguments: [true, false])
  func failure(before: Bool) throws {
    var setting = Setting()
    try setting.accept()
    if !before { setting.lab.open(setting.ours) }
    setting.lab.engine.handle(
      before ? .connectionFailed(setting.ours, nil) : .connectionClosed(setting.ours, nil), at: setting.lab.now)
    setting.lab.settle()
    #expect(setting.lab.state == .openSent)
    setting.open(over: setting.theirs)
    setting.keepalive(over: setting.theirs)
    #expect(setting.lab.state == .established)
    // The wait for another attempt is over too.
    setting.lab.connected.insert(setting.lab.peer(0))
    setting.lab.advance(.seconds(600))
    #expect(setting.lab.state == .established)
    #expect(!setting.lab.connecting.contains(setting.lab.peer(0)) || setting.lab.connection(0) == setting.theirs)
  }

  @Test("A second connection that is gone before it is there leaves the next attempt to us, and room for another")
  func stillborn() throws {
    for (oursFails, isClosed) in [(false, false), (false, true), (true, false), (true, true)] {
      var setting = Setting()
      let peer = setting.lab.peer(0)
      let address = setting.lab.engine.configuration.neighbors[0].address
      let accepted = setting.lab.engine.accept(from: address, at: setting.lab.now)
      let theirs = try #require(accepted)
      if oursFails {
        setting.lab.connecting = []
        setting.lab.engine.handle(.connectionFailed(setting.ours, nil), at: setting.lab.now)
      }
      setting.lab.engine.handle(
        isClosed ? .connectionClosed(theirs, nil) : .connectionFailed(theirs, nil), at: setting.lab.now)
      setting.lab.settle()
      try setting.accept()
      setting.lab.engine.handle(.connectionClosed(setting.theirs, nil), at: setting.lab.now)
      setting.lab.settle()
      setting.lab.advance(.seconds(150))
      #expect(setting.lab.connecting.contains(peer))
      #expect(setting.lab.connection(0) != setting.ours)
    }
  }

  @Test("A second connection that closes, is refused or stays silent leaves the first one alone")
  func secondFails() throws {
    for kind in 0..<3 {
      var setting = Setting()
      try setting.accept()
      setting.lab.open(setting.ours)
      switch kind {
      case 0: setting.lab.engine.handle(.connectionClosed(setting.theirs, nil), at: setting.lab.now)
      case 1:
        setting.lab.receive(0, .keepalive, over: setting.theirs)
        #expect(setting.lab.sentOver[setting.theirs]?.last == .notification(NotificationMessage(5, 1, data: [4])))
      default:
        setting.open(over: setting.ours)
        setting.keepalive(over: setting.ours)
        setting.lab.connected.insert(setting.lab.peer(0))
        setting.lab.advance(.seconds(300))
        #expect(setting.lab.sentOver[setting.theirs]?.last == .notification(NotificationMessage(4, 0)))
        #expect(setting.lab.closed == [setting.theirs])
        #expect(setting.lab.state == .established)
        continue
      }
      setting.lab.settle()
      #expect(setting.lab.state == .openSent)
      setting.open(over: setting.ours)
      setting.keepalive(over: setting.ours)
      #expect(setting.lab.state == .established)
      // There is room for another one.
      try setting.accept()
    }
  }

  // MARK: Both have OPEN

  @Test(
    "In OpenConfirm the connection of the higher identifier stays, whichever OPEN comes first",
    arguments: [(lower, true), (lower, false), (higher, true), (higher, false)])
  func openConfirm(identifier: UInt32, oursFirst: Bool) throws {
    var setting = Setting()
    try setting.accept()
    setting.lab.open(setting.ours)
    setting.open(over: oursFirst ? setting.ours : setting.theirs, identifier)
    #expect(setting.lab.closed.isEmpty)
    setting.open(over: oursFirst ? setting.theirs : setting.ours, identifier)
    setting.expect(up: identifier == Self.lower ? setting.ours : setting.theirs)
    #expect(setting.lab.report?.lastErrorSent == "")
  }

  @Test("Of equal identifiers the higher AS number decides (RFC 6286 §2.3)", arguments: [65500, 65000] as [UInt32])
  func equalIdentifiers(localAS: UInt32) throws {
    var setting = Setting { $0.localAS = ASN(localAS) }
    try setting.accept()
    setting.lab.open(setting.ours)
    setting.open(over: setting.theirs, 0x7F00_0001)
    setting.open(over: setting.ours, 0x7F00_0001)
    setting.expect(up: localAS > 65066 ? setting.ours : setting.theirs)
  }

  @Test("The loser gets no KEEPALIVE, so that it never takes itself for a session")
  func loserUnconfirmed() throws {
    var setting = Setting()
    try setting.accept()
    setting.lab.open(setting.ours)
    setting.open(over: setting.ours, Self.lower)
    setting.open(over: setting.theirs, Self.lower)
    #expect(setting.lab.sentOver[setting.theirs]?.count == 2)
    #expect(setting.lab.sentOver[setting.theirs]?.contains(.keepalive) == false)
  }

  @Test("An OPEN that is refused closes its own connection and no other")
  func badOpen() throws {
    var setting = Setting()
    try setting.accept()
    setting.lab.open(setting.ours)
    setting.open(over: setting.ours)
    let wrong = OpenMessage(
      myAS: 1, holdTime: 90, bgpIdentifier: IPv4Address(Self.higher), capabilities: [.unicast(.ipv4)])
    setting.lab.receive(0, .open(wrong), over: setting.theirs)
    #expect(setting.lab.sentOver[setting.theirs]?.last == .notification(NotificationMessage(2, 2)))
    #expect(setting.lab.closed == [setting.theirs])
    setting.keepalive(over: setting.ours)
    #expect(setting.lab.state == .established)
  }

  @Test("The peer's own verdict, Cease over the first connection, leaves the session to the second")
  func peerDecides() throws {
    var setting = Setting()
    try setting.accept()
    setting.lab.open(setting.ours)
    setting.open(over: setting.ours)
    setting.lab.receive(0, Self.collision, over: setting.ours)
    #expect(setting.lab.state == .openSent)
    #expect(setting.lab.report?.lastErrorReceived == "")
    setting.open(over: setting.theirs)
    setting.expect(up: setting.theirs, ceased: false)
  }

  // MARK: Established

  @Test(
    "In Established the new connection gets Cease, unless the peer can restart and the session is older (RFC 4724 §4.2)",
    arguments: [(true, 5, false), (true, 15, true), (false, 15, false)])
  func established(canRestart: Bool, age: Int, replaces: Bool) throws {
    var setting = Setting()
    setting.lab.up(0, endOfRIB: canRestart)
    setting.lab.announce(0, ["192.0.2.1"], 666)
    setting.lab.advance(.seconds(age))
    try setting.accept()
    setting.open(over: setting.theirs)
    #expect(setting.lab.closed == [replaces ? setting.ours : setting.theirs])
    #expect(setting.lab.sentOver[setting.ours]?.contains(Self.collision) == false)
    #expect(setting.lab.kernel.table("black") == ["192.0.2.1/32"])
    if replaces {
      setting.expect(up: setting.theirs, ceased: false)
      #expect(setting.lab.log.contains { $0.contains("keeping its 1 prefixes") })
    } else {
      setting.expect(up: setting.ours)
    }
  }

  @Test("A peer that died and connects again is taken up when the hold time of the old session is over")
  func afterHoldTime() throws {
    var setting = Setting()
    setting.lab.up(0, endOfRIB: false)
    setting.lab.connected = []
    setting.lab.advance(.seconds(89))
    try setting.accept()
    setting.lab.advance(.seconds(2))
    #expect(setting.lab.sentOver[setting.ours]?.last == .notification(NotificationMessage(4, 0)))
    #expect(setting.lab.state == .openSent)
    setting.open(over: setting.theirs)
    setting.keepalive(over: setting.theirs)
    #expect(setting.lab.state == .established)
  }

  @Test("A passive neighbor that restarts connects again and again, and there is always one session")
  func passive() throws {
    var setting = Setting { $0.neighbors[0].passive = true }
    for round in 0..<5 {
      try setting.accept()
      setting.open(over: setting.theirs)
      setting.keepalive(over: setting.theirs)
      #expect(setting.lab.state == .established)
      #expect(setting.lab.closed.count == round)
      setting.lab.connected.insert(setting.lab.peer(0))
      setting.lab.advance(.seconds(60))
    }
  }

  @Test("Whatever happens in whatever order, there are two connections at most, and in the end another attempt")
  func anything() {
    var random = RandomSource(seed: 6)
    var sessions = 0
    for _ in 0..<500 {
      var setting = Setting()
      let peer = setting.lab.peer(0)
      let address = setting.lab.engine.configuration.neighbors[0].address
      // Connections that exist, as the shell would know them.
      var pending: Set<ConnectionID> = []
      var open: Set<ConnectionID> = []
      for _ in 0..<40 {
        if setting.lab.connecting.remove(peer) != nil { pending.insert(setting.lab.connection(0)) }
        let any = pending.union(open).sorted { $0.number < $1.number }.randomElement(using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1:
          if let accepted = setting.lab.engine.accept(from: address, at: setting.lab.now) { pending.insert(accepted) }
        case 2, 3:
          guard let any, pending.remove(any) != nil else { continue }
          open.insert(any)
          setting.lab.open(any)
        case 4:
          guard let any, pending.remove(any) != nil else { continue }
          setting.lab.engine.handle(.connectionFailed(any, nil), at: setting.lab.now)
        case 5:
          guard let any, open.remove(any) != nil else { continue }
          setting.lab.engine.handle(.connectionClosed(any, nil), at: setting.lab.now)
        case 6, 7:
          guard let any, open.contains(any) else { continue }
          setting.open(over: any, Bool.random(using: &random) ? Self.lower : Self.higher)
        case 8:
          guard let any, open.contains(any) else { continue }
          setting.lab.receive(0, Bool.random(using: &random) ? .keepalive : Self.collision, over: any)
        default: setting.lab.advance(.seconds(Int.random(in: 1...20, using: &random)))
        }
        setting.lab.settle()
        if setting.lab.state == .established { sessions += 1 }
        pending.subtract(setting.lab.closed)
        open.subtract(setting.lab.closed)
        #expect(pending.union(open).count <= 2)
      }
      for connection in pending.union(open) {
        setting.lab.engine.handle(.connectionClosed(connection, nil), at: setting.lab.now)
      }
      setting.lab.settle()
      setting.lab.connecting = []
      setting.lab.advance(.seconds(150))
      #expect(setting.lab.connecting.contains(peer))
    }
    #expect(sessions > 100)
  }

  // MARK: The operator

  @Test("neighbor down ends both connections")
  func down() throws {
    var setting = Setting()
    try setting.accept()
    setting.lab.open(setting.ours)
    let action = ControlRequest.neighbor(
      .address(setting.lab.engine.configuration.neighbors[0].address), .down(flush: false, ""))
    _ = setting.lab.carryOut(action)
    #expect(setting.lab.closed == [setting.ours, setting.theirs])
    #expect(setting.lab.state == .idle)
    #expect(
      setting.lab.engine.accept(from: setting.lab.engine.configuration.neighbors[0].address, at: setting.lab.now) == nil
    )
  }

  @Test("A third connection, and one of a stranger, is refused")
  func third() throws {
    var setting = Setting()
    try setting.accept()
    let address = setting.lab.engine.configuration.neighbors[0].address
    #expect(setting.lab.engine.accept(from: address, at: setting.lab.now) == nil)
    #expect(setting.lab.engine.accept(from: .v4(IPv4Address(0x0101_0101)), at: setting.lab.now) == nil)
  }

  @Test("What comes over a connection that is closed, or was never there, reaches no session")
  func unknown() throws {
    var setting = Setting()
    try setting.accept()
    setting.open(over: setting.theirs)
    setting.keepalive(over: setting.theirs)
    setting.lab.receive(0, Self.collision, over: setting.ours)
    setting.lab.engine.handle(.connectionClosed(setting.ours, nil), at: setting.lab.now)
    setting.lab.engine.handle(.connectionFailed(setting.ours, nil), at: setting.lab.now)
    setting.lab.open(setting.ours)
    #expect(setting.lab.state == .established)
  }
}

@Suite("Attempts that fail")
struct ConnectErrorTests {
  private func report(_ reason: String?, _ change: (inout Neighbor) -> Void = { _ in }) -> (Laboratory, String?) {
    var lab = Laboratory(Laboratory.configuration(peers: 1) { change(&$0.neighbors[0]) })
    lab.connecting = []
    lab.engine.handle(.connectionFailed(lab.connection(0), reason), at: lab.now)
    lab.settle()
    return (lab, lab.report?.lastConnectError)
  }

  @Test("Silence says what to check, with a key, without one, and with ttl-security")
  func silence() {
    let with = report(nil) { $0.md5Key = [1] }
    #expect(
      with.1 == "connection timed out: no SYN-ACK; check the MD5 key on both sides, the address and the firewall")
    #expect(with.0.log.contains { $0.contains("Connect -> Active") && $0.contains("check the MD5 key on both sides") })
    #expect(report(nil).1?.contains("the firewall and whether it wants an MD5 key") == true)
    #expect(report(nil) { $0.ttlSecurity = true }.1?.contains("its distance for ttl-security") == true)
  }

  @Test("The system's words are reported until an attempt succeeds")
  func words() {
    var (lab, words) = report("Connection refused")
    #expect(words == "Connection refused")
    lab.up(0)
    #expect(lab.report?.lastConnectError == "")
  }
}

extension Laboratory {
  /// The report of the first peer.
  fileprivate var report: NeighborReport? {
    var lab = self
    return lab.replies(.showSummary).compactMap { if case .neighbor(let report) = $0 { report } else { nil } }.first
  }

  fileprivate var state: NeighborReport.State? { report?.state }
}
