import BGPWire
import ConfigFile
import Control
import Engine
import Export
import Primitives
import Tables
import TestSupport
import Testing

@Suite("Another configuration in place of the one that there is")
struct ReloadTests {
  /// One peer whose two routes fill a table each.
  private func laboratory(peers: Int = 1) -> Laboratory {
    var lab = Laboratory(Laboratory.configuration(peers: peers))
    for index in 0..<peers {
      lab.up(index)
      lab.announce(index, ["192.0.2.1"], 42)
      lab.announce(index, ["192.0.2.2", "198.51.100.0/24"], 666)
      lab.endOfRIB(index)
    }
    return lab
  }

  @Test("The same configuration again touches neither sessions nor sets")
  func nothing() {
    var lab = laboratory()
    let commits = lab.kernel.commits
    let connection = lab.connection(0)
    lab.reload { _ in }
    lab.advance(.seconds(60))
    #expect(lab.kernel.commits == commits)
    #expect(lab.closed.isEmpty)
    #expect(lab.connection(0) == connection)
    #expect(lab.log.contains("configuration reloaded"))
  }

  @Test("A rule that names another table moves its routes in one commit, and the session stays")
  func movedRule() {
    var lab = laboratory()
    let commits = lab.kernel.commits
    lab.reload { $0.rules[1].sets = [.pftable("bypass")] }
    #expect(lab.kernel.table("black").isEmpty)
    #expect(lab.kernel.table("bypass") == ["192.0.2.1/32", "192.0.2.2/32", "198.51.100.0/24"])
    #expect(lab.kernel.commits == commits + 1)
    #expect(lab.closed.isEmpty)
  }

  @Test("A rule that fills nothing any more is no mass removal to be held")
  func removedRule() {
    var lab = Laboratory()
    lab.up(0)
    lab.announce(0, PrefixList((1...200).map { Prefix(host: .v4(IPv4Address(0x2D00_0000 + $0))) }), [666])
    lab.announce(0, ["192.0.2.1"], 42)
    lab.endOfRIB(0)
    lab.reload { $0.rules[1].conditions = [.community(CommunityPattern(.number(65066), .number(667)))] }
    #expect(lab.kernel.table("black").isEmpty)
    #expect(lab.kernel.table("bypass") == ["192.0.2.1/32"])
  }

  @Test("Tables are added, removed and renamed: each has what the rules say, and a removed one nothing")
  func tables() {
    var lab = laboratory()
    lab.reload { configuration in
      configuration.rules[0].sets = [.pftable("pass")]
      configuration.tables[0].name = "pass"
      configuration.rules.append(
        FilterRule(
          action: .match, peers: [.any], conditions: [.prefixLength(LengthRange(24...24))],
          sets: [.pftable("nets")]))
    }
    #expect(lab.kernel.table("bypass").isEmpty)
    #expect(lab.kernel.table("pass") == ["192.0.2.1/32"])
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
    #expect(lab.kernel.table("nets") == ["198.51.100.0/24"])
    #expect(lab.closed.isEmpty)
    #expect(lab.log.contains("table bypass: no rule fills it any more: its sets are emptied"))
    lab.withdraw(0, "192.0.2.1", "198.51.100.0/24")
    #expect(lab.kernel.table("pass").isEmpty)
    #expect(lab.kernel.table("nets").isEmpty)
  }

  @Test("What the sets of new tables hold is not theirs, also where no table of before is left")
  func newTables() {
    var lab = laboratory()
    lab.kernel.sets["pass"] = Set(["203.0.113.7/32"].compactMap { Prefix($0) })
    lab.reload { configuration in
      for (index, name) in ["pass", "dark"].enumerated() {
        configuration.rules[index].sets = [.pftable(name)]
        configuration.tables[index].name = name
      }
    }
    #expect(lab.kernel.table("pass") == ["192.0.2.1/32"])
    #expect(lab.kernel.table("dark") == ["192.0.2.2/32", "198.51.100.0/24"])
  }

  @Test("A file that is written before the sets are told lacks what a table of the preferred role holds")
  func preferredInExports() {
    var lab = Laboratory(Laboratory.configuration(peers: 2))
    for (index, community) in [42, 666].enumerated() {
      lab.up(index)
      lab.announce(index, ["192.0.2.1"], UInt16(community))
      lab.endOfRIB(index)
    }
    lab.announce(1, ["192.0.2.2"], 666)
    lab.holdsReadings = true
    lab.reload { configuration in
      configuration.preferredRole = .bypass
      configuration.exports = [ExportFile(table: "black", path: "/black", format: .plain, allowEmpty: false)]
      // A table that is new makes it look at the sets first.
      configuration.rules.append(
        FilterRule(action: .match, conditions: [.prefixLength(LengthRange(8...8))], sets: [.pftable("new")]))
    }
    lab.advance(.seconds(2))
    #expect(lab.heldReadings.count == 1)
    #expect(lab.exports.map { $0.prefixes.all.map(\.description) } == [["192.0.2.2/32"]])
    lab.releaseReadings()
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
  }

  @Test("Tables whose rules change places keep what they hold, without a commit")
  func swappedRules() {
    var lab = laboratory()
    let commits = lab.kernel.commits
    lab.reload { $0.rules.swapAt(0, 1) }
    #expect(lab.kernel.commits == commits)
    lab.announce(0, ["203.0.113.1"], 42)
    #expect(lab.kernel.table("bypass") == ["192.0.2.1/32", "203.0.113.1/32"])
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "198.51.100.0/24"])
  }

  @Test("A look at the sets that a reload overtakes is not believed")
  func overtakenReading() {
    var lab = laboratory()
    lab.holdsReadings = true
    lab.foreignChange = "somebody flushed"
    lab.kernel.sets = [:]
    lab.advance(.seconds(1))
    #expect(lab.heldReadings.count == 1)
    lab.reload { $0.rules.swapAt(0, 1) }
    lab.releaseReadings()
    #expect(lab.kernel.table("bypass") == ["192.0.2.1/32"])
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "198.51.100.0/24"])
  }

  @Test("A neighbor that is gone is told so, and its routes leave; one that is new is connected to")
  func neighbors() {
    var lab = laboratory(peers: 2)
    lab.announce(1, ["203.0.113.1"], 666)
    lab.reload { configuration in
      configuration.neighbors.remove(at: 0)
      configuration.neighbors.append(Laboratory.configuration(peers: 3).neighbors[2])
    }
    #expect(lab.sent[lab.peer(0)]?.last == .notification(.cease(.peerDeconfigured)))
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "203.0.113.1/32", "198.51.100.0/24"])
    #expect(lab.connecting == [lab.peer(2)])
    // The one that stays is the first of the list now, and still the same.
    lab.announce(1, ["203.0.113.2"], 666)
    #expect(lab.kernel.table("black").contains("203.0.113.2/32"))
    #expect(lab.closed.count == 1)
  }

  @Test("What still comes over the connection of a neighbor that is gone is dropped")
  func lateOctets() {
    var lab = laboratory()
    let connection = lab.connection(0)
    lab.reload { $0.neighbors = [] }
    let before = lab.kernel
    let octets = Message.keepalive.encode(.initial)
    #expect(lab.engine.received(connection, octets.span, at: lab.now) == octets.count)
    lab.engine.handle(.connectionClosed(connection, nil), at: lab.now)
    lab.engine.handle(.sent(connection), at: lab.now)
    lab.settle()
    #expect(lab.kernel.sets == before.sets)
  }

  @Test(
    "A session that is to be another one ends with Other Configuration Change and begins again; its routes stay (RFC 4486)",
    arguments: [0, 1, 2])
  func changedSession(change: Int) {
    var lab = laboratory()
    lab.reload { configuration in
      switch change {
      case 0: configuration.neighbors[0].holdTime = 30
      case 1: configuration.neighbors[0].md5Key = [1, 2, 3]
      default: configuration.neighbors[0].families = [.ipv4]
      }
    }
    #expect(lab.sent[lab.peer(0)]?.last == .notification(.cease(.otherConfigurationChange)))
    #expect(lab.kernel.table("black").count == 2)
    #expect(lab.connecting == [lab.peer(0)])
    lab.up(0)
    lab.endOfRIB(0)
    #expect(lab.kernel.table("black").isEmpty)
  }

  @Test("What does not concern the session leaves it alone", arguments: 0..<6)
  func unchangedSession(change: Int) {
    var lab = laboratory()
    lab.reload { configuration in
      switch change {
      case 0: configuration.neighbors[0].description = "the first"
      case 1: configuration.connectRetry = 7
      case 2: configuration.neighbors[0].maxPrefix = 10
      case 3: configuration.logUpdates = true
      case 4: configuration.neighbors[0].staleTime = 60
      default: configuration.snapshotPath = nil
      }
    }
    #expect(lab.closed.isEmpty)
    #expect(lab.kernel.table("black").count == 2)
  }

  @Test("down in the new file ends a session with its reason, and the next file without it opens it again")
  func down() {
    var lab = laboratory()
    lab.reload { $0.neighbors[0].down = "maintenance" }
    #expect(
      lab.sent[lab.peer(0)]?.last == .notification(.cease(.administrativeShutdown, text: "maintenance")))
    lab.advance(.seconds(600))
    #expect(lab.connecting.isEmpty)
    #expect(lab.kernel.table("black").count == 2)
    lab.reload { $0.neighbors[0].down = nil }
    #expect(lab.connecting == [lab.peer(0)])
  }

  @Test("Guards that change hold at once: lengths, the never list, preference")
  func guards() {
    var lab = laboratory()
    lab.reload { $0.tables[1].ipv4Lengths = LengthRange(32...32) }
    #expect(lab.kernel.table("black") == ["192.0.2.2/32"])
    #expect(lab.table("black")?.refused == 1)
    lab.reload { $0.tables[1].ipv4Lengths = LengthRange(0...32) }
    #expect(lab.table("black")?.refused == 0)
    lab.reload { $0.never = [Prefix("198.51.100.128/25")].compactMap { $0 } }
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "198.51.100.0/25"])
    lab.reload { $0.never = [] }
    #expect(lab.kernel.table("black") == ["192.0.2.2/32", "198.51.100.0/24"])
    lab.announce(0, ["192.0.2.1"], 666)
    lab.reload { $0.rules.append($0.rules[0]) }
    #expect(lab.kernel.table("bypass").isEmpty)
  }

  @Test("A shorter stale-time concerns what is stale already")
  func staleTime() {
    var lab = laboratory()
    lab.close(0)
    lab.advance(.seconds(600))
    lab.reload { $0.neighbors[0].staleTime = 700 }
    lab.advance(.seconds(99))
    #expect(lab.kernel.table("black").count == 2)
    lab.advance(.seconds(2))
    #expect(lab.kernel.table("black").isEmpty)
  }

  @Test("An export file that is new is written, and one that stays is not")
  func exports() {
    var lab = laboratory()
    let file = { ExportFile(table: "black", path: $0, format: .plain, allowEmpty: false) }
    lab.reload { $0.exports = [file("/a")] }
    lab.advance(.seconds(2))
    #expect(lab.exports.map(\.file.path) == ["/a"])
    lab.reload { $0.exports = [file("/b"), file("/a")] }
    lab.advance(.seconds(2))
    #expect(lab.exports.map(\.file.path) == ["/a", "/b"])
  }

  @Test(
    "After any sequence of reloads and routes the sets equal those of an engine that has known the last configuration only",
    arguments: 0..<150)
  func sequences(seed: Int) {
    var random = RandomSource(seed: UInt64(seed))
    var configuration = Self.configuration(&random)
    var lab = Laboratory(configuration)
    var routes: [IPAddress: [Prefix: [UInt16]]] = [:]
    lab.bringUp()
    for _ in 0..<60 {
      let peer = configuration.neighbors.indices.randomElement(using: &random) ?? 0
      let address = configuration.neighbors[peer].address
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let prefix = Self.prefix(&random)
        let communities: [UInt16] = [[1], [2], [3], [1, 2]].randomElement(using: &random) ?? []
        lab.announce(to: address, prefix, communities)
        routes[address, default: [:]][prefix] = communities
      case 5, 6:
        guard let prefix = routes[address]?.keys.sorted().first else { continue }
        lab.withdraw(from: address, prefix)
        routes[address]?[prefix] = nil
      case 7:
        lab.holdsCommits.toggle()
        if !lab.holdsCommits { lab.releaseCommits() }
      default:
        configuration = Self.configuration(&random)
        lab.reload { $0 = configuration }
        lab.bringUp()
        routes = routes.filter { known in configuration.neighbors.contains { $0.address == known.key } }
      }
    }
    lab.holdsCommits = false
    lab.releaseCommits()
    lab.advance(.seconds(80))
    var fresh = Laboratory(configuration)
    fresh.bringUp()
    for (address, prefixes) in routes {
      for (prefix, communities) in prefixes { fresh.announce(to: address, prefix, communities) }
    }
    fresh.advance(.seconds(80))
    for name in ["a", "b", "c"] {
      #expect(lab.kernel.table(name) == fresh.kernel.table(name), "seed \(seed), table \(name)")
    }
    let numbers = { (lab: inout Laboratory) in
      lab.replies(.showTables).compactMap { reply -> [UInt64]? in
        guard case .table(let report) = reply else { return nil }
        return [report.prefixes, report.wanted, report.inKernel ?? 0, report.refused, report.held]
      }
    }
    #expect(numbers(&lab) == numbers(&fresh), "seed \(seed)")
  }

  /// Other neighbors, rules, tables and guards each time.
  private static func configuration(_ random: inout RandomSource) -> Configuration {
    Laboratory.configuration(peers: 4) { configuration in
      configuration.neighbors.shuffle(using: &random)
      configuration.neighbors.removeLast(Int.random(in: 0...2, using: &random))
      for index in configuration.neighbors.indices {
        configuration.neighbors[index].allowsMartians = Int.random(in: 0..<4, using: &random) > 0
      }
      let names = ["a", "b", "c"].shuffled(using: &random)
      configuration.rules = (0..<Int.random(in: 1...3, using: &random)).map { number in
        var rule = configuration.rules[0]
        let value = UInt32.random(in: 1...3, using: &random)
        rule.conditions = [.community(CommunityPattern(.number(65066), .number(value)))]
        if Bool.random(using: &random) {
          rule.conditions.append(.prefixLength(LengthRange(24...31)))
        }
        rule.sets = [.pftable(names[number])]
        return rule
      }
      configuration.tables = names.map { name in
        var options = TableOptions(name: name)
        options.role = Bool.random(using: &random) ? .black : .bypass
        options.ipv4Lengths = LengthRange(UInt8.random(in: 0...30, using: &random)...32)
        // What is held depends on the past, which the last configuration does not know.
        options.shrinkLimit = 100
        return options
      }
      configuration.never = Bool.random(using: &random) ? [Prefix("0.0.0.8/30")].compactMap { $0 } : []
      configuration.preferredRole = [nil, .bypass, .black].randomElement(using: &random) ?? nil
    }
  }

  private static func prefix(_ random: inout RandomSource) -> Prefix {
    let address = IPv4Address(UInt32.random(in: 0..<32, using: &random))
    let length = Bool.random(using: &random) ? 32 : UInt8.random(in: 27...32, using: &random)
    return Prefix(.v4(address), length: length) ?? Prefix(host: .v4(address))
  }
}

extension Laboratory {
  /// Goes over to a changed configuration.
  mutating func reload(_ change: (inout Configuration) -> Void) {
    var configuration = engine.configuration
    change(&configuration)
    engine.reload(configuration, at: now)
    settle()
  }

  /// Brings up the session of each neighbor that waits for one, with a complete table.
  mutating func bringUp() {
    for peer in connecting.sorted(by: { $0.number < $1.number }) {
      up(peer.number)
      endOfRIB(peer.number)
    }
  }

  private func number(of address: IPAddress) -> Int {
    connections.values.first { engine.neighbor(of: $0)?.address == address }?.peer.number ?? -1
  }

  mutating func announce(to address: IPAddress, _ prefix: Prefix, _ communities: [UInt16]) {
    announce(number(of: address), PrefixList([prefix]), communities)
  }

  mutating func withdraw(from address: IPAddress, _ prefix: Prefix) {
    receive(number(of: address), .update(UpdateMessage(withdrawn: PrefixList([prefix]))))
  }
}
