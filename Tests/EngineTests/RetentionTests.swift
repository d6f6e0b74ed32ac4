import BGPWire
import ConfigFile
import Engine
import Primitives
import TestSupport
import Testing

@Suite("What outlives a session, a run and a reboot")
struct RetentionTests {
  @Test("A lost session removes nothing; what its End-of-RIB does not bring back leaves")
  func lostSession() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "192.0.2.2"], 666)
    lab.endOfRIB(0)
    lab.close(0)
    lab.advance(.seconds(3600))
    #expect(lab.kernel.table("black").count == 2)
    lab.up(0)
    lab.announce(0, ["192.0.2.2", "192.0.2.3"], 666)
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"])
    lab.endOfRIB(0)
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "192.0.2.3/32"])
  }

  @Test("A NOTIFICATION removes nothing, and a Hard Reset neither")
  func notifications() {
    let ends: [NotificationMessage] = [
      .cease(.administrativeShutdown), .cease(.hardReset), NotificationMessage(6, 9, data: [6, 3]),
    ]
    for end in ends {
      var lab = Laboratory()
      lab.up(0)
      lab.announce(0, ["192.0.2.1"], 666)
      lab.endOfRIB(0)
      lab.receive(0, .notification(end))
      lab.advance(.seconds(3600))
      #expect(lab.kernel.table("black").count == 1)
    }
  }

  @Test(
    "Stale routes stay when the session is lost again, and when the peer returns without their family; its End-of-RIB ends them"
  )
  func lostAgain() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "2001:db8::1"], 666)
    lab.endOfRIB(0)
    lab.close(0)
    lab.up(0)
    lab.close(0)
    #expect(lab.kernel.table("black").count == 2)
    while !lab.connecting.contains(lab.peer(0)) { lab.advance(.seconds(1)) }
    lab.connecting = []
    lab.connected.insert(lab.peer(0))
    lab.open(lab.connection(0))
    lab.receive(
      0,
      .open(
        OpenMessage(
          myAS: 65066, holdTime: 90, bgpIdentifier: IPv4Address(0x7F00_0002),
          capabilities: [
            .unicast(.ipv4), .fourOctetAS(ASN(65066)),
            .gracefulRestart(.init(restarted: true, notification: false, restartTime: 0, families: [])),
          ])))
    lab.receive(0, .keepalive)
    lab.announce(0, ["192.0.2.1"], 666)
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "2001:db8::1/128"])
    lab.receive(0, .update(UpdateMessage(endOfRIB: .ipv4)))
    #expect(lab.kernel.table("black") == ["192.0.2.1/32"])
  }

  @Test("The routes of a session that stays lost leave after stale-time")
  func staleTime() {
    var lab = Laboratory(Laboratory.configuration(peers: 1) { $0.neighbors[0].staleTime = 7200 })
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.endOfRIB(0)
    lab.close(0)
    lab.advance(.seconds(7199))
    #expect(lab.kernel.table("black").count == 1)
    lab.advance(.seconds(2))
    #expect(lab.kernel.table("black").isEmpty)
  }

  @Test("A peer without End-of-RIB has completed its table after half a minute of silence")
  func quietTime() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0, endOfRIB: false)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.close(0)
    lab.up(0, endOfRIB: false)
    lab.announce(0, ["192.0.2.2"], 666)
    #expect(lab.kernel.table("black").count == 2)
    lab.advance(.seconds(29))
    #expect(lab.kernel.table("black").count == 2)
    lab.advance(.seconds(2))
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
    #expect(lab.log.contains { $0.contains("no End-of-RIB") })
  }

  @Test("What an earlier run left in the sets stays until every neighbor has completed its table")
  func inherited() {
    var kernel = KernelModel()
    kernel.sets["black"] = Set(["192.0.2.1", "192.0.2.2"].compactMap { Prefix($0) })
    kernel.sets["black_net"] = Set(["198.51.100.0/24"].compactMap { Prefix($0) })
    var lab = Laboratory(Laboratory.configuration(peers: 2), kernel: kernel)
    #expect(lab.kernel.table("black").count == 3)
    lab.up(0)
    lab.announce(0, ["192.0.2.2", "192.0.2.3"], 666)
    lab.endOfRIB(0)
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32", "198.51.100.0/24"])
    lab.up(1)
    lab.endOfRIB(1)
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "192.0.2.3/32"])
  }

  @Test("After a reboot the snapshot fills the sets at once, and what the feed does not confirm leaves")
  func snapshotAfterReboot() {
    let saved = ["black": PrefixList(["192.0.2.1", "192.0.2.2", "198.51.100.0/24"].compactMap { Prefix($0) })]
    var lab = Laboratory(Laboratory.configuration(peers: 1), snapshot: saved)
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "192.0.2.2/32", "198.51.100.0/24"])
    lab.up(0)
    lab.announce(0, ["192.0.2.2"], 666)
    #expect(lab.kernel.table("black").count == 3)
    lab.endOfRIB(0)
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
  }

  @Test("After a crash both what the kernel holds and what was saved stay until the feed is complete")
  func snapshotAfterCrash() {
    var kernel = KernelModel()
    kernel.sets["black"] = Set(["192.0.2.1", "192.0.2.9"].compactMap { Prefix($0) })
    let saved = ["black": PrefixList(["192.0.2.1", "192.0.2.2"].compactMap { Prefix($0) }), "gone": PrefixList()]
    var lab = Laboratory(Laboratory.configuration(peers: 1), kernel: kernel, snapshot: saved)
    #expect(lab.kernel.table("black") == ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.9/32"])
    lab.up(0)
    lab.announce(0, ["192.0.2.9"], 666)
    lab.endOfRIB(0)
    #expect(lab.kernel.table("black") == ["192.0.2.9/32"])
  }

  @Test("A burst of changes is saved once, ten seconds after its first")
  func saving() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    for index in 1..<20 { lab.announce(0, ["192.0.2.\(index)"], 666) }
    lab.advance(.seconds(9))
    #expect(lab.snapshots.isEmpty)
    lab.advance(.seconds(2))
    #expect(lab.snapshots.map { $0["black"]?.count } == [19])
    // Not again within a minute.
    lab.announce(0, ["192.0.2.100"], 666)
    lab.advance(.seconds(57))
    #expect(lab.snapshots.count == 1)
    lab.advance(.seconds(3))
    #expect(lab.snapshots.map { $0["black"]?.count } == [19, 20])
    lab.advance(.seconds(3000))
    #expect(lab.snapshots.count == 2)
    // And once an hour, so that it says until when it was right.
    lab.advance(.seconds(601))
    #expect(lab.snapshots.count == 3)
  }

  @Test("A peer that has sent nothing is not complete, however long it is silent")
  func silenceIsNoTable() {
    var kernel = KernelModel()
    kernel.sets["black"] = Set(["192.0.2.1"].compactMap { Prefix($0) })
    var lab = Laboratory(Laboratory.configuration(peers: 1), kernel: kernel)
    lab.up(0, endOfRIB: false)
    lab.advance(.seconds(3600))
    #expect(lab.kernel.table("black").count == 1)
    lab.announce(0, ["192.0.2.2"], 666)
    lab.advance(.seconds(31))
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
  }

  @Test("A peer without End-of-RIB that never pauses has completed its table after half an hour")
  func neverQuiet() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0, endOfRIB: false)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.close(0)
    lab.up(0, endOfRIB: false)
    for index in 0..<100 {
      lab.announce(0, ["192.0.2.\(2 + index % 9)"], 666)
      lab.advance(.seconds(20))
    }
    #expect(!lab.kernel.table("black").contains("192.0.2.1/32"))
  }

  @Test("A session that confirmed its routes gives them the whole stale-time again")
  func staleTimeStartsAnew() {
    var lab = Laboratory(Laboratory.configuration(peers: 1) { $0.neighbors[0].staleTime = 1000 })
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.close(0)
    lab.advance(.seconds(900))
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.close(0)
    lab.advance(.seconds(900))
    #expect(lab.kernel.table("black").count == 1)
    lab.advance(.seconds(200))
    #expect(lab.kernel.table("black").isEmpty)
  }

  @Test("EoRR without BoRR, and BoRR before the table is complete, change nothing (RFC 7313 §4)")
  func unaskedRefresh() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "192.0.2.2"], 666)
    lab.endOfRIB(0)
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .end)))
    #expect(lab.kernel.table("black").count == 2)
    lab.close(0)
    lab.up(0)
    lab.announce(0, ["192.0.2.2"], 666)
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .begin)))
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .end)))
    #expect(lab.kernel.table("black").count == 2)
    lab.endOfRIB(0)
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
  }

  @Test("What max-prefix had no room for beside stale prefixes is asked for again once they have left")
  func maxPrefixCountsFresh() {
    var lab = Laboratory(Laboratory.configuration(peers: 1) { $0.neighbors[0].maxPrefix = 3 })
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "192.0.2.2", "192.0.2.3"], 666)
    lab.endOfRIB(0)
    lab.close(0)
    lab.up(0)
    lab.announce(0, ["192.0.2.2", "192.0.2.3", "192.0.2.4"], 666)
    lab.endOfRIB(0)
    #expect(lab.connected.contains(lab.peer(0)))
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "192.0.2.3/32"])
    #expect(lab.sent[lab.peer(0)]?.last == .routeRefresh(RouteRefreshMessage(family: .ipv6)))
    lab.announce(0, ["192.0.2.2", "192.0.2.3", "192.0.2.4"], 666)
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "192.0.2.3/32", "192.0.2.4/32"])
  }
}
