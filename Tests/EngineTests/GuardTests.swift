import BGPWire
import ConfigFile
import Control
import Engine
import Primitives
import Tables
import TestSupport
import Testing

@Suite("Guards")
struct GuardTests {
  /// With the guards as they are where nothing is said.
  private static func guarded(_ change: @escaping (inout Configuration) -> Void = { _ in }) -> Configuration {
    Laboratory.configuration(peers: 2) {
      $0.tables = []
      for index in $0.neighbors.indices { $0.neighbors[index].allowsMartians = false }
      change(&$0)
    }
  }

  private static func hosts(_ numbers: Range<UInt32>) -> PrefixList {
    PrefixList(ipv4: numbers.map { IPv4Prefix(host: IPv4Address(0x2D00_0000 + $0)) })
  }

  private static func refusals(_ lab: inout Laboratory) -> [String] {
    var rows: [String] = []
    for case .refused(let reports) in lab.replies(.showRefused) {
      rows += reports.map { "\($0.prefix) \($0.table) \($0.reason)" }
    }
    return rows
  }

  @Test("The default route and the host's own address in black, and the default route in bypass: none reach the kernel")
  func mustShow() {
    var lab = Laboratory(Self.guarded())
    lab.host(own: ["45.0.0.1"])
    lab.up(0)
    lab.announce(0, ["0.0.0.0/0", "45.0.0.1", "45.0.0.2"], 666)
    lab.announce(1, [], 42)
    lab.up(1)
    lab.announce(1, ["0.0.0.0/0", "45.0.0.3"], 42)
    #expect(lab.kernel.table("black") == ["45.0.0.2/32"])
    #expect(lab.kernel.table("bypass") == ["45.0.0.3/32"])
    #expect((lab.table("black")?.refused ?? 0) + (lab.table("bypass")?.refused ?? 0) == 3)
    #expect(
      Self.refusals(&lab) == [
        "0.0.0.0/0 black shorter than /8", "0.0.0.0/0 bypass shorter than /24",
        "45.0.0.1/32 black protected: address of this host",
      ])
    #expect(lab.log.count { $0.contains("0.0.0.0/0 is kept out of black: shorter than /8") } == 1)
    #expect(lab.log.count { $0.contains("45.0.0.1/32 would block 45.0.0.1/32, address of this host") } == 1)
    // What has left is not counted any more.
    lab.withdraw(0, "0.0.0.0/0", "45.0.0.1")
    #expect(Self.refusals(&lab) == ["0.0.0.0/0 bypass shorter than /24"])
  }

  @Test("A prefix that covers protected addresses is split around them, and follows when they change")
  func carving() {
    var lab = Laboratory(Self.guarded { $0.never = [Prefix("45.0.0.128/25")].compactMap { $0 } })
    lab.host(own: ["45.0.0.1"], gateways: ["45.0.0.2"])
    lab.up(0)
    lab.announce(0, ["45.0.0.0/24", "45.0.0.2", "45.0.0.130"], 666)
    #expect(
      lab.kernel.table("black") == [
        "45.0.0.0/32", "45.0.0.3/32", "45.0.0.4/30", "45.0.0.8/29", "45.0.0.16/28", "45.0.0.32/27", "45.0.0.64/26",
      ])
    lab.host(own: ["45.0.0.1"])
    #expect(lab.kernel.table("black").prefix(3) == ["45.0.0.2/32", "45.0.0.0/32", "45.0.0.2/31"])
    lab.host(own: [])
    #expect(lab.kernel.table("black") == ["45.0.0.2/32", "45.0.0.0/25"])
    lab.withdraw(0, "45.0.0.0/24")
    #expect(lab.kernel.table("black") == ["45.0.0.2/32"])
  }

  @Test("Neighbours are protected, bypass tables are not carved, and protect no leaves only the never list")
  func whatIsProtected() {
    var lab = Laboratory(Self.guarded { $0.neighbors[0].address = .v4(IPv4Address(0x2D00_0005)) })
    lab.up(1)
    lab.announce(1, ["45.0.0.5"], 666)
    #expect(lab.kernel.table("black").isEmpty)
    lab.announce(1, ["45.0.0.5"], 42)
    #expect(lab.kernel.table("bypass") == ["45.0.0.5/32"])
    var open = Laboratory(
      Self.guarded {
        $0.protectsHost = false
        $0.never = [Prefix("45.0.0.6")].compactMap { $0 }
      })
    open.host(own: ["45.0.0.5"])
    open.up(0)
    open.announce(0, ["45.0.0.5", "45.0.0.6"], 666)
    #expect(open.kernel.table("black") == ["45.0.0.5/32"])
  }

  @Test("Private and reserved addresses enter only from a neighbour whose martians are meant")
  func martians() {
    var lab = Laboratory(Self.guarded { $0.neighbors[1].allowsMartians = true })
    lab.up(0)
    lab.up(1)
    lab.announce(0, ["10.1.0.0/16", "192.0.2.1", "2001:db8::1", "224.0.0.1", "45.0.0.1", "2a00::1"], 666)
    #expect(lab.kernel.table("black") == ["45.0.0.1/32", "2a00::1/128"])
    lab.announce(1, ["10.1.0.0/16"], 666)
    #expect(lab.kernel.table("black") == ["45.0.0.1/32", "10.1.0.0/16", "2a00::1/128"])
  }

  @Test("A prefix that covers reserved addresses loses them where nobody may announce any")
  func reservedInside() {
    var lab = Laboratory(Self.guarded())
    lab.up(0)
    lab.announce(0, ["198.51.0.0/16"], 666)
    let table = lab.kernel.table("black")
    #expect(table.count == 8)
    #expect(!table.contains("198.51.100.0/24"))
    #expect(table.contains("198.51.128.0/17"))
  }

  @Test("A rule that names prefix lengths decides over them for its routes")
  func ruleWindow() {
    var lab = Laboratory(
      Self.guarded {
        $0.rules[1].conditions.append(.prefixLength(LengthRange(4...32)))
        var options = TableOptions(name: "bypass")
        options.ipv4Lengths = LengthRange(28...32)
        $0.tables = [options]
      })
    lab.up(0)
    lab.announce(0, ["16.0.0.0/4"], 666)
    lab.announce(0, ["45.0.0.0/24", "45.0.1.0/28"], 42)
    #expect(lab.kernel.table("black") == ["16.0.0.0/4"])
    #expect(lab.kernel.table("bypass") == ["45.0.1.0/28"])
  }

  // MARK: Mass removals

  @Test("A feed that comes back with five percent of its entries removes nothing until that is accepted")
  func shrinking() {
    var lab = Laboratory(Self.guarded { $0.neighbors.removeLast() })
    lab.up(0)
    lab.announce(0, Self.hosts(0..<1000), [666])
    lab.endOfRIB(0)
    lab.close(0)
    lab.up(0)
    lab.announce(0, Self.hosts(0..<50), [666])
    lab.endOfRIB(0)
    #expect(lab.kernel.sets["black"]?.count == 1000)
    #expect(lab.table("black")?.held == 950)
    #expect(lab.table("black")?.fresh == 50)
    #expect(lab.log.count { $0.contains("table black: 950 prefixes are gone from the feed at once: held") } == 1)
    guard case .held? = lab.why("45.0.3.0")?.tables.last?.notes.first else { return #expect(Bool(false)) }
    // Announced again, it is held no more; moved to another table, it is not held back.
    lab.announce(0, Self.hosts(50..<60), [666])
    lab.announce(0, Self.hosts(60..<70), [42])
    #expect(lab.table("black")?.held == 930)
    #expect(lab.kernel.sets["black"]?.count == 990)
    // While so much is missing nothing leaves, and what comes comes in.
    lab.withdraw(0, "45.0.0.1")
    lab.announce(0, Self.hosts(2000..<2001), [666])
    #expect(lab.kernel.sets["black"]?.count == 991)
    #expect(lab.carryOut(.accept(table: "black")) == .end)
    #expect(lab.kernel.sets["black"]?.count == 60)
    #expect(lab.table("black")?.held == 0)
    #expect(lab.carryOut(.accept(table: "blak")) == .failure("no such table: blak (tables: bypass, black)"))
  }

  @Test("What is held leaves after the hold time, and a withdrawal in many updates is held as well")
  func holdTime() {
    var lab = Laboratory(
      Self.guarded {
        $0.neighbors.removeLast()
        var options = TableOptions(name: "black")
        options.shrinkLimit = 20
        options.shrinkHold = 3600
        $0.tables = [options]
      })
    lab.up(0)
    lab.announce(0, Self.hosts(0..<1000), [666])
    lab.endOfRIB(0)
    for start in stride(from: 0 as UInt32, to: 900, by: 30) {
      lab.receive(0, .update(UpdateMessage(withdrawn: Self.hosts(start..<start + 30))))
    }
    // The first two hundred went, and came back with the rest.
    #expect(lab.kernel.sets["black"]?.count == 1000)
    lab.advance(.seconds(3590))
    #expect(lab.kernel.sets["black"]?.count == 1000)
    lab.advance(.seconds(20))
    #expect(lab.kernel.sets["black"]?.count == 100)
  }

  @Test("Few removals, slow ones, replaced ones and those of stale-time are not held")
  func notHeld() {
    var lab = Laboratory(
      Self.guarded {
        $0.neighbors[0].staleTime = 60; $0.neighbors.removeLast()
      })
    lab.up(0)
    lab.announce(0, Self.hosts(0..<99), [666])
    lab.endOfRIB(0)
    lab.receive(0, .update(UpdateMessage(withdrawn: Self.hosts(0..<99))))
    #expect(lab.kernel.sets["black"]?.isEmpty == true)
    lab.announce(0, Self.hosts(0..<1000), [666])
    for start in stride(from: 0 as UInt32, to: 800, by: 100) {
      lab.advance(.seconds(301))
      lab.receive(0, .update(UpdateMessage(withdrawn: Self.hosts(start..<start + 100))))
    }
    #expect(lab.kernel.sets["black"]?.count == 200)
    lab.advance(.seconds(301))
    lab.announce(0, Self.hosts(5000..<5300), [666])
    lab.receive(0, .update(UpdateMessage(withdrawn: Self.hosts(800..<1000))))
    #expect(lab.kernel.sets["black"]?.count == 300)
    lab.close(0)
    lab.advance(.seconds(61))
    #expect(lab.kernel.sets["black"]?.isEmpty == true)
  }

  @Test("What an earlier run left is held when the feed does not know it any more, also while nf_tables fails")
  func afterRestart() {
    let snapshot = ["black": Self.hosts(0..<500)]
    var lab = Laboratory(Self.guarded { $0.neighbors.removeLast() }, snapshot: snapshot)
    #expect(lab.kernel.sets["black"]?.count == 500)
    lab.commitFailure = "injected"
    lab.up(0)
    lab.announce(0, Self.hosts(0..<20), [666])
    lab.endOfRIB(0)
    #expect(lab.table("black")?.held == 480)
    lab.commitFailure = nil
    lab.advance(.seconds(90))
    #expect(lab.kernel.sets["black"]?.count == 500)
  }

  // MARK: Conflicts

  @Test(
    "An address in tables of both roles stays in both, or in those of the preferred role alone",
    arguments: [nil, .bypass, .black] as [TableRole?])
  func conflicts(preferred: TableRole?) {
    var lab = Laboratory(Self.guarded { $0.preferredRole = preferred })
    lab.up(0)
    lab.up(1)
    lab.announce(0, ["45.0.0.1", "45.0.0.2", "45.0.1.0/24", "45.0.2.1"], 666)
    lab.announce(1, ["45.0.0.1", "45.0.1.7", "45.0.2.0/24"], 42)
    var rows: [String] = []
    for case .conflicts(let reports) in lab.replies(.showConflicts) {
      rows = reports.map { "\($0.bypass) \($0.black)" }
    }
    #expect(rows == ["45.0.0.1/32 45.0.0.1/32", "45.0.1.7/32 45.0.1.0/24", "45.0.2.0/24 45.0.2.1/32"])
    let black = Set(lab.kernel.table("black"))
    let bypass = Set(lab.kernel.table("bypass"))
    switch preferred {
    case nil:
      #expect(black == ["45.0.0.1/32", "45.0.0.2/32", "45.0.1.0/24", "45.0.2.1/32"])
      #expect(bypass == ["45.0.0.1/32", "45.0.1.7/32", "45.0.2.0/24"])
    case .bypass:
      #expect(black.isSuperset(of: ["45.0.0.2/32", "45.0.1.128/25", "45.0.1.6/32"]) && black.count == 9)
      #expect(bypass == ["45.0.0.1/32", "45.0.1.7/32", "45.0.2.0/24"])
    case .black:
      #expect(black == ["45.0.0.1/32", "45.0.0.2/32", "45.0.1.0/24", "45.0.2.1/32"])
      #expect(bypass.count == 8 && bypass.contains("45.0.2.128/25") && !bypass.contains("45.0.0.1/32"))
    }
    // When the winner's entry leaves, the other one is back in the same commit.
    lab.withdraw(preferred == .black ? 0 : 1, "45.0.0.1")
    let other = preferred == .black ? "bypass" : "black"
    #expect(lab.kernel.table(other).contains("45.0.0.1/32"))
  }

  // MARK: A full set

  @Test("A set that is full keeps what it holds, takes the rest when there is room, and says so")
  func fullSet() {
    var kernel = KernelModel()
    kernel.sizes["black"] = 3
    var lab = Laboratory(Self.guarded(), kernel: kernel)
    lab.up(0)
    lab.announce(0, ["45.0.0.1", "45.0.0.2"], 666)
    lab.announce(0, ["45.0.0.3", "45.0.0.4", "45.0.0.5"], 666)
    #expect(lab.kernel.sets["black"]?.count == 3)
    #expect(lab.kernel.sets["black"]?.contains(Prefix("45.0.0.1")!) == true)
    #expect(lab.log.contains { $0.contains("set black: it is full: 2 elements have to wait") })
    #expect(lab.table("black")?.error?.contains("2 elements wait") == true)
    #expect(lab.table("black")?.inKernel == 3)
    // Other changes go on: also the removal of one that waits.
    lab.announce(0, ["45.0.0.9"], 42)
    #expect(lab.kernel.table("bypass") == ["45.0.0.9/32"])
    lab.withdraw(0, "45.0.0.1", "45.0.0.2", "45.0.0.5")
    lab.advance(.seconds(3))
    #expect(lab.kernel.table("black") == ["45.0.0.3/32", "45.0.0.4/32"])
    #expect(lab.table("black")?.error == nil)
  }

  // MARK: Stale times

  @Test("A table's stale-time holds before the neighbour's, the neighbour's before what the peer asks for")
  func staleTimes() {
    var lab = Laboratory(
      Self.guarded {
        $0.neighbors.removeLast()
        var options = TableOptions(name: "bypass")
        options.staleTime = 100
        $0.tables = [options]
      })
    let asked = Capability.LongLivedFamily(afi: 1, safi: 1, forwardingPreserved: false, staleTime: 500)
    lab.up(0, .longLivedGracefulRestart([asked]))
    lab.announce(0, ["45.0.0.1"], 42)
    lab.announce(0, ["45.0.0.2", "2a00::1"], 666)
    lab.announce(0, PrefixList(ipv4: [IPv4Prefix(host: IPv4Address(0x2D00_0003))]), [666], noLongLived: true)
    lab.endOfRIB(0)
    lab.close(0)
    lab.advance(.seconds(1))
    // NO_LLGR: not beyond the restart time, which this peer gives as zero.
    #expect(lab.kernel.table("black") == ["45.0.0.2/32", "2a00::1/128"])
    lab.advance(.seconds(98))
    #expect(lab.kernel.table("bypass").count == 1)
    lab.advance(.seconds(2))
    #expect(lab.kernel.table("bypass").isEmpty)
    lab.advance(.seconds(398))
    #expect(lab.kernel.table("black").count == 2)
    lab.advance(.seconds(3))
    #expect(lab.kernel.table("black") == ["2a00::1/128"])
    lab.advance(.seconds(86400))
    #expect(lab.kernel.table("black").isEmpty)
  }

  // MARK: The operator

  @Test("down keeps the routes or flushes them, up and clear bring the session back")
  func neighborCommands() {
    var lab = Laboratory(Self.guarded { $0.neighbors.removeLast() })
    lab.up(0)
    lab.announce(0, Self.hosts(0..<200), [666])
    lab.endOfRIB(0)
    let all = NeighborSelector.all
    #expect(lab.carryOut(.neighbor(all, .down(flush: false, "maintenance"))) == .end)
    guard case .notification(let cease)? = lab.sent[lab.peer(0)]?.last else { return #expect(Bool(false)) }
    #expect(cease.shutdownText == "maintenance")
    lab.advance(.seconds(300))
    #expect(lab.kernel.sets["black"]?.count == 200)
    #expect(!lab.connecting.contains(lab.peer(0)))
    #expect(lab.carryOut(.neighbor(all, .up)) == .end)
    lab.up(0)
    lab.announce(0, Self.hosts(0..<200), [666])
    lab.endOfRIB(0)
    #expect(lab.carryOut(.neighbor(all, .clear(""))) == .end)
    #expect(lab.connecting.contains(lab.peer(0)))
    #expect(lab.kernel.sets["black"]?.count == 200)
    lab.up(0)
    #expect(lab.carryOut(.neighbor(all, .refresh)) == .end)
    #expect(lab.sent[lab.peer(0)]?.last == .routeRefresh(RouteRefreshMessage(family: .ipv6)))
    #expect(lab.carryOut(.neighbor(all, .down(flush: true, ""))) == .end)
    #expect(lab.kernel.sets["black"]?.isEmpty == true)
    guard case .failure? = lab.carryOut(.neighbor(all, .refresh)) else { return #expect(Bool(false)) }
    guard case .failure? = lab.carryOut(.neighbor(.group("x"), .up)) else { return #expect(Bool(false)) }
  }

  @Test("why says by which prefix, from whom, by which rule, and what keeps it out")
  func why() throws {
    var lab = Laboratory(
      Self.guarded {
        $0.neighbors[1].description = "eu"
        $0.rules[1].line = 12
      })
    lab.host(own: ["45.0.0.7"])
    lab.up(0)
    lab.up(1)
    lab.announce(0, ["45.0.0.0/24"], 666)
    lab.announce(1, ["45.0.0.9", "0.0.0.0/0"], 666)
    lab.close(1)
    lab.advance(.seconds(5))
    let report = try #require(lab.why("45.0.0.9"))
    let black = try #require(report.tables.last)
    #expect(black.name == "black" && black.role == .black)
    #expect(black.members.map(\.description) == ["45.0.0.9/32", "45.0.0.0/24"])
    #expect(black.wanted == Prefix("45.0.0.9"))
    #expect(report.tables.first?.wanted == nil)
    #expect(report.routes.map(\.prefix.description) == ["45.0.0.9/32", "45.0.0.0/24", "0.0.0.0/0"])
    #expect(report.routes.map(\.staleFor) == [5, nil, 5])
    #expect(report.routes.map(\.outcome).first == .fills(table: "black", line: 12))
    #expect(report.routes.last?.outcome == .refused(table: "black", line: 12, reason: "shorter than /8"))
    #expect(report.routes.first?.neighborDescription == "eu")
    let own = try #require(lab.why("45.0.0.7")?.tables.last)
    #expect(own.wanted == nil)
    #expect(own.notes == [.protected(Prefix("45.0.0.7")!, "address of this host")])
  }
}

@Suite("The host's addresses")
struct HostAddressTests {
  @Test("resolv.conf names resolvers among other things")
  func resolvers() {
    let file = """
      # nameserver 45.0.0.9
      search example.org
      nameserver 45.0.0.1
      \tnameserver\t2a00::53  # trailing
      nameserver fe80::1%eth0
      nameserver
      nameserver everything
      options edns0\r
      nameserver 45.0.0.2
      """
    #expect(
      HostAddresses.resolvers(in: file) == ["45.0.0.1", "2a00::53", "fe80::1", "45.0.0.2"].compactMap { IPAddress($0) })
  }

  @Test("They are looked after every ten seconds, unless nothing is protected")
  func cadence() {
    var lab = Laboratory()
    lab.advance(.seconds(60))
    #expect(lab.hostChecks == 6)
    var open = Laboratory(Laboratory.configuration(peers: 1) { $0.protectsHost = false })
    open.advance(.seconds(60))
    #expect(open.hostChecks == 0)
  }
}
