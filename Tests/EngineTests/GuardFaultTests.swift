import BGPWire
import ConfigFile
import Control
import Engine
import Export
import Primitives
import Tables
import TestSupport
import Testing

/// Orders of events in which guards and retention once went wrong.
@Suite("Guards under adverse events")
struct GuardFaultTests {
  private static func hosts(_ numbers: Range<UInt32>) -> PrefixList {
    PrefixList(ipv4: numbers.map { IPv4Prefix(host: IPv4Address(0x2D00_0000 + $0)) })
  }

  private static func withdraw(_ lab: inout Laboratory, _ index: Int, _ numbers: Range<UInt32>) {
    for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 500) {
      let part = start..<min(start + 500, numbers.upperBound)
      lab.receive(index, .update(UpdateMessage(withdrawn: hosts(part))))
    }
  }

  /// A laboratory whose first peer has completed a table.
  private static func filled(
    _ count: UInt32, peers: Int = 1, kernel: KernelModel = KernelModel(),
    _ change: @escaping (inout Configuration) -> Void = { _ in }
  ) -> Laboratory {
    var lab = Laboratory(Laboratory.configuration(peers: peers, change), kernel: kernel)
    for index in 0..<peers { lab.up(index) }
    lab.announce(0, hosts(0..<count), [666])
    lab.endOfRIB(0)
    return lab
  }

  @Test("What is held leaves after its time although something is withdrawn now and then, with one alarm for all of it")
  func holdEnds() {
    var lab = Self.filled(1000)
    Self.withdraw(&lab, 0, 0..<600)
    #expect(lab.table("black")?.held == 600)
    for hour in 0..<30 as Range<UInt32> {
      lab.advance(.seconds(3600))
      Self.withdraw(&lab, 0, 600 + hour..<601 + hour)
    }
    #expect(lab.table("black")?.held == 0 || lab.table("black")?.held ?? 0 < 30)
    #expect(lab.log.count { $0.contains("are gone from the feed at once") } == 1)
    #expect(lab.log.contains { $0.contains("600 held prefixes leave, the hold time is over") })
  }

  @Test("One prefix that flaps is no mass removal")
  func flap() {
    var lab = Self.filled(101)
    for _ in 0..<150 {
      Self.withdraw(&lab, 0, 0..<1)
      lab.announce(0, Self.hosts(0..<1), [666])
    }
    Self.withdraw(&lab, 0, 0..<1)
    #expect(lab.table("black")?.held == 0)
    #expect(lab.kernel.sets["black"]?.count == 100)
  }

  @Test("A mass removal is held in each of two tables that hold the same")
  func twoTables() {
    var lab = Self.filled(1000, peers: 2)
    lab.announce(1, Self.hosts(0..<1000), [42])
    lab.endOfRIB(1)
    Self.withdraw(&lab, 0, 0..<1000)
    #expect(lab.kernel.sets["black"]?.count == 1000)
    Self.withdraw(&lab, 1, 0..<1000)
    #expect(lab.kernel.sets["bypass"]?.count == 1000)
  }

  @Test("Held prefixes that another neighbour announces for no table stay held")
  func announcedForNothing() {
    var lab = Self.filled(200, peers: 2)
    Self.withdraw(&lab, 0, 0..<150)
    lab.announce(1, Self.hosts(0..<150), [7])
    #expect(lab.table("black")?.held == 150)
    #expect(lab.kernel.sets["black"]?.count == 200)
  }

  // MARK: Refresh

  @Test(
    "Whatever the stale times are, a refresh empties nothing and takes what it does not repeat",
    arguments: [0, 60, 86400] as [UInt32])
  func refresh(staleTime: UInt32) {
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.neighbors[0].staleTime = staleTime == 86400 ? nil : staleTime
        $0.tables[0].staleTime = 30
      })
    let family = Capability.LongLivedFamily(afi: 1, safi: 1, forwardingPreserved: false, staleTime: 3600)
    lab.up(0, .longLivedGracefulRestart([family]))
    lab.announce(0, ["45.0.0.1", "45.0.0.2"], 666)
    lab.endOfRIB(0)
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .begin)))
    lab.advance(.seconds(90))
    #expect(lab.kernel.table("black") == ["45.0.0.1/32", "45.0.0.2/32"])
    lab.announce(0, ["45.0.0.1"], 666)
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .end)))
    #expect(lab.kernel.table("black") == ["45.0.0.1/32"])
  }

  @Test("A refresh whose end does not come is complete after half an hour")
  func endlessRefresh() {
    var lab = Self.filled(2)
    lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .begin)))
    lab.announce(0, Self.hosts(0..<1), [666])
    lab.advance(.seconds(1790))
    #expect(lab.kernel.sets["black"]?.count == 2)
    lab.advance(.seconds(20))
    #expect(lab.kernel.sets["black"]?.count == 1)
  }

  @Test("A server that is silent for half an hour and then begins has not completed its table with the first route")
  func late() {
    var lab = Self.filled(50)
    lab.close(0)
    lab.up(0)
    lab.advance(.seconds(1900))
    lab.announce(0, Self.hosts(0..<1), [666])
    lab.advance(.seconds(1))
    #expect(lab.kernel.sets["black"]?.count == 50)
  }

  // MARK: max-prefix

  @Test("A neighbour over max-prefix is not asked again and again, and keeps its session where it cannot be asked")
  func overLimit() {
    var lab = Self.filled(110) { $0.neighbors[0].maxPrefix = 100 }
    for round in 0..<20 as Range<UInt32> {
      lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .begin)))
      lab.announce(0, Self.hosts(0..<110), [666])
      Self.withdraw(&lab, 0, round..<round + 1)
      lab.receive(0, .routeRefresh(RouteRefreshMessage(family: .ipv4, subtype: .end)))
    }
    let requests = lab.sent[lab.peer(0), default: []].count { if case .routeRefresh = $0 { true } else { false } }
    #expect(requests == 0)
    var silent = Self.filled(110) {
      $0.neighbors[0].maxPrefix = 100
      $0.neighbors[0].announceRefresh = false
    }
    Self.withdraw(&silent, 0, 0..<1)
    silent.endOfRIB(0)
    #expect(silent.connected.contains(silent.peer(0)))
  }

  @Test("A neighbour that does not answer a route refresh is asked by a new session, which costs no prefix")
  func unanswered() {
    let isAsked = { (lab: Laboratory) in
      lab.sent[lab.peer(0), default: []].contains { if case .routeRefresh = $0 { true } else { false } }
    }
    var lab = Self.filled(110) {
      $0.neighbors[0].maxPrefix = 100
      $0.neighbors[0].maxPrefixRestart = 1
    }
    lab.advance(.seconds(61))
    #expect(isAsked(lab))
    // What the feed says anyhow is no answer.
    Self.withdraw(&lab, 0, 0..<1)
    lab.announce(0, ["198.51.100.7"], 666)
    lab.advance(.seconds(28))
    #expect(lab.connected.contains(lab.peer(0)))
    lab.advance(.seconds(3))
    #expect(!lab.connected.contains(lab.peer(0)))
    #expect(lab.sent[lab.peer(0)]?.last == .notification(.cease(.administrativeReset, text: "prefix limit")))
    #expect(lab.kernel.table("black").count == 100)
    // One that does answer keeps its session.
    var other = Self.filled(110) {
      $0.neighbors[0].maxPrefix = 100
      $0.neighbors[0].maxPrefixRestart = 1
    }
    other.advance(.seconds(61))
    #expect(isAsked(other))
    other.announce(0, Self.hosts(0..<110), [666])
    other.advance(.seconds(50))
    #expect(other.connected.contains(other.peer(0)))
  }

  // MARK: Exports, exclusions, leftovers

  @Test("An export leaves out what is protected, and the part of a network that is")
  func export() {
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.exports = [ExportFile(table: "black", path: "/x", format: .plain, allowEmpty: false)]
        $0.never = ["45.0.0.1", "45.0.1.0/25"].compactMap { Prefix($0) }
      })
    lab.up(0)
    lab.announce(0, ["45.0.0.1", "45.0.0.2", "45.0.1.0/24", "45.0.1.200"], 666)
    lab.endOfRIB(0)
    lab.advance(.seconds(5))
    let wanted: Set = ["45.0.0.2/32", "45.0.1.128/25", "45.0.1.200/32"]
    #expect(Set(lab.exports.last?.prefixes.all.map(\.description) ?? []) == wanted)
    let replies = lab.replies(.export(table: "black"))
    guard case .prefixes(let list)? = replies.dropFirst().first else { return #expect(Bool(false)) }
    #expect(Set(list.all.map(\.description)) == wanted)
  }

  @Test("With black preferred, bypass follows what is protected; a network that is carved is shown and told")
  func protectionChanges() {
    var lab = Laboratory(Laboratory.configuration(peers: 2) { $0.preferredRole = .black })
    lab.host(own: ["45.0.0.13"])
    lab.up(0)
    lab.up(1)
    lab.announce(0, ["45.0.0.13", "45.0.1.0/24"], 666)
    lab.announce(1, ["45.0.0.13"], 42)
    #expect(lab.kernel.table("black") == ["45.0.1.0/24"])
    #expect(lab.kernel.table("bypass") == ["45.0.0.13/32"])
    lab.host(own: ["45.0.1.7"])
    #expect(lab.kernel.table("black").contains("45.0.0.13/32"))
    #expect(lab.kernel.table("bypass").isEmpty)
    #expect(lab.table("black")?.refused == 1)
    #expect(lab.log.contains { $0.contains("would block 45.0.1.7/32, address of this host") })
    lab.host(own: ["45.0.0.13"])
    #expect(lab.kernel.table("bypass") == ["45.0.0.13/32"])
  }

  @Test("What an earlier run left leaves when the last neighbour that is awaited is taken down")
  func downAwaited() {
    var kernel = KernelModel()
    kernel.sets["black"] = Set(Self.hosts(9..<10).all)
    var lab = Laboratory(Laboratory.configuration(peers: 2), kernel: kernel)
    lab.up(0)
    lab.announce(0, Self.hosts(1..<2), [666])
    lab.endOfRIB(0)
    lab.carryOut(.neighbor(.address(lab.engine.configuration.neighbors[1].address), .down(flush: false, "")))
    #expect(lab.kernel.sets["black"] == Set(Self.hosts(1..<2).all))
  }

  // MARK: Full sets

  @Test("Room in a full set is taken up although the feed goes on, and the alarm is one line")
  func fullSet() {
    var kernel = KernelModel()
    kernel.sizes["black"] = 300
    var lab = Self.filled(310, kernel: kernel)
    #expect(lab.kernel.sets["black"]?.count == 300)
    for number in 0..<60 as Range<UInt32> {
      Self.withdraw(&lab, 0, number..<number + 1)
      lab.announce(0, Self.hosts(5000 + number..<5001 + number), [42])
      lab.advance(.milliseconds(500))
    }
    #expect(lab.kernel.sets["black"]?.count == 250)
    #expect(lab.log.count { $0.contains("have to wait") } == 1)
    #expect(lab.table("black")?.error == nil)
  }

  // MARK: Snapshots

  @Test("A feed that is well and does not change keeps the snapshot young; a dead one ages over restarts")
  func snapshotAge() {
    var lab = Self.filled(500) { $0.snapshotPath = "/x" }
    lab.advance(.seconds(90_000))
    #expect(lab.snapshots.count > 20)
    #expect(lab.snapshotAges.last == .zero)
    lab.close(0)
    lab.advance(.seconds(7200))
    #expect((lab.snapshotAges.last ?? .zero) >= .seconds(3600))
    #expect(lab.engine.snapshotAge(at: lab.now) == .seconds(7200))
    var after = Laboratory(
      Laboratory.configuration(peers: 1), kernel: lab.kernel, snapshot: lab.engine.snapshot, age: .seconds(86_000))
    #expect(after.engine.snapshotAge(at: after.now) == .seconds(86_000))
    after.advance(.seconds(390))
    #expect(after.kernel.sets["black"]?.count == 500)
    after.advance(.seconds(20))
    #expect(after.kernel.sets["black"]?.isEmpty == true)
    // Too old to be used: the feed gets half an hour to confirm what the sets hold.
    var late = Laboratory(
      Laboratory.configuration(peers: 1), kernel: lab.kernel, snapshot: lab.engine.snapshot, age: .seconds(90_000))
    late.advance(.seconds(1790))
    #expect(late.kernel.sets["black"]?.count == 500)
    late.advance(.seconds(20))
    #expect(late.kernel.sets["black"]?.isEmpty == true)
  }
}
