import Foundation
import Glibc
import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("The monitor")
  struct MonitorTests {
    typealias SetChange = RulesetChange.SetChange

    /// What nft(8) is given, and what the monitor must tell of it.
    struct Case: CustomTestStringConvertible {
      let testDescription: String
      let commands: String
      var table: RulesetChange.Fate?
      var sets: [String: SetChange] = [:]

      init(_ name: String, _ commands: String, _ table: RulesetChange.Fate? = nil, _ sets: [Kind: SetChange] = [:]) {
        testDescription = name
        self.commands = commands
        self.table = table
        for (kind, change) in sets { self.sets[kind.rawValue] = change }
      }
    }

    private static func all(_ change: SetChange) -> [Kind: SetChange] {
      Dictionary(uniqueKeysWithValues: Kind.allCases.map { ($0, change) })
    }

    private static let declarations = """
      table inet watched {
        set black { type ipv4_addr; }
        set black_net { type ipv4_addr; flags interval; }
        set black6 { type ipv6_addr; }
        set black6_net { type ipv6_addr; flags interval; }
      }
      """

    /// A table with twenty elements in each kind of set, and a monitor that listens since then.
    private func withMonitor(
      receiveCapacity: Int32 = 8 << 20,
      _ body: (inout NetfilterConnection, inout RulesetMonitor, NFTable) throws -> Void
    ) throws {
      try withTable("watched") { connection, table in
        try connection.commit(to: table) { transaction in
          try transaction.createTable()
          for kind in Kind.allCases {
            try transaction.create(kind.declaration)
            try transaction.add(try kind.samples(20), to: kind.declaration)
          }
        }
        var monitor = try RulesetMonitor(table: table, receiveCapacity: receiveCapacity)
        #expect(try monitor.read() == RulesetObservation())
        try body(&connection, &monitor, table)
      }
    }

    /// The only change that there was.
    private func onlyChange(_ monitor: inout RulesetMonitor) throws -> RulesetChange {
      let observation = try monitor.read()
      #expect(!observation.isLost && !observation.hasMore && observation.changes.count == 1)
      return try #require(observation.changes.first)
    }

    @Test(
      "What another program commits is told as one change, with who it was and what it touched",
      arguments: [
        Case("add to hosts", "add element inet watched black { 192.0.2.1, 192.0.2.2 }", nil, [.hosts: .init(added: 2)]),
        Case("add a network", "add element inet watched black_net { 192.0.2.0/24 }", nil, [.networks: .init(added: 1)]),
        Case(
          "add a range, and one that is there",
          "add element inet watched black6_net { 2001:db9::3-2001:db9::8 };add element inet watched black { 10.0.0.0 }",
          nil, [.networks6: .init(added: 1)]),
        Case("delete", "delete element inet watched black { 10.0.0.0, 10.0.0.3 }", nil, [.hosts: .init(removed: 2)]),
        Case(
          "delete and add again",
          "delete element inet watched black { 10.0.0.0 }; add element inet watched black { 10.0.0.0 }", nil,
          [.hosts: .init(added: 1, removed: 1)]),
        Case(
          "flush two sets", "flush set inet watched black_net; flush set inet watched black6", nil,
          [.networks: .init(removed: 20), .hosts6: .init(removed: 20)]),
        Case("delete a set", "delete set inet watched black6_net", nil, [.networks6: .init(fate: .deleted)]),
        Case(
          "delete a set and declare it again",
          """
          delete set inet watched black
          add set inet watched black { type ipv4_addr; }
          add element inet watched black { 192.0.2.1 }
          """, nil, [.hosts: .init(fate: .replaced, added: 1)]),
        Case("delete the table", "delete table inet watched", .deleted, all(.init(fate: .deleted))),
        Case("flush the ruleset", "flush ruleset", .deleted, all(.init(fate: .deleted))),
        Case("declare the same again", declarations, nil, all(.init(fate: .declared))),
        Case("reload", "flush ruleset\n" + declarations, .replaced, all(.init(fate: .replaced))),
        Case("make the table dormant", "add table inet watched { flags dormant; }", .declared),
        Case("another table", "table inet other { set black { type ipv4_addr; elements = { 192.0.2.1 }; }; }"),
        Case("the same name in another family", "table ip watched { set black { type ipv4_addr; }; }"),
        Case("a chain", "table inet watched { chain input { ip saddr @black drop; }; }"),
      ])
    func foreignCommits(example: Case) throws {
      try withMonitor { connection, monitor, table in
        let before = try connection.generation()
        try NFT.run(example.commands)
        let change = try onlyChange(&monitor)
        #expect(change.table == example.table)
        #expect(change.sets == example.sets)
        #expect(!change.isTruncated)
        #expect(change.touchesTable == (example.table != nil || !example.sets.isEmpty))
        #expect(change.generation == before &+ 1)
        #expect(try connection.generation() == change.generation)
        #expect(change.isLater(than: before) && !change.isLater(than: change.generation))
        #expect(change.portID != connection.portID)
        #expect(change.processName == "nft")
        _ = try? NFT.run("delete table inet other")
        _ = try? NFT.run("delete table ip watched")
      }
    }

    @Test(
      "What changes nothing is not told and makes no generation",
      arguments: [
        "add element inet watched black { 10.0.0.0 }", "add table inet watched", "flush table inet watched",
        "delete element inet watched black { 192.0.2.99 }",
        "add element inet watched black { 192.0.2.1 }; delete set inet watched white",
        "flush set inet watched black_net",
      ])
    func nothing(commands: String) throws {
      try withMonitor { connection, monitor, table in
        try NFT.run("flush set inet watched black_net")
        _ = try monitor.read()
        let before = try connection.generation()
        _ = try? NFT.run(commands)
        #expect(try monitor.read() == RulesetObservation())
        #expect(try connection.generation() == before)
      }
    }

    @Test("The process is the one that committed, by its number and name")
    func process() throws {
      try withMonitor { connection, monitor, table in
        let printed = try ShellCommand("echo $$; exec nft 'add element inet watched black { 192.0.2.1 }'").wait()
        let number = UInt32(String(decoding: printed, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        let change = try onlyChange(&monitor)
        #expect(change.processName == "nft")
        // The kernel counts in the first PID namespace, whose inode has this number (linux/proc_ns.h).
        let namespace = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
        let isFirst = namespace == "pid:[4026531836]"
        #expect(isFirst ? change.processID == number : change.processID != nil)
        let text = "generation \(change.generation) by nft[\(change.processID ?? 0)]: set black 1 added"
        #expect(change.description == text)
        try connection.commit(to: table) { try $0.add(try prefixes("192.0.2.2"), to: Kind.hosts.declaration) }
        let own = try onlyChange(&monitor)
        let thread = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        #expect(!isFirst || own.processID.map(String.init) == thread.split(separator: "/").last.map(String.init))
      }
    }

    @Test("Commits of our own are told by the socket, and each makes the generation after the one that it expected")
    func ownCommits() throws {
      try withMonitor { connection, monitor, table in
        let set = Kind.hosts.declaration
        let start = try connection.generation()
        for step in 1...5 as ClosedRange<UInt32> {
          var transaction = Transaction(table: table, expectedGeneration: start &+ 2 &* (step &- 1))
          try transaction.add([IPv4Prefix(host: IPv4Address(0xC000_0200 &+ step))], to: set)
          try connection.commit(transaction.finish())
          try NFT.run("add element inet watched black_net { 192.0.\(step).0/24 }")
        }
        let changes = try monitor.read().changes
        #expect(changes.map(\.generation) == (1...10).map { start &+ $0 })
        #expect(changes.map { $0.portID == connection.portID } == (1...10).map { $0 % 2 == 1 })
        #expect(changes.allSatisfy { $0.sets.count == 1 })
      }
    }

    @Test("Of our own commits too, those that change nothing make no generation, but to declare a set again does")
    func ownCommitsWithoutChange() throws {
      try withMonitor { connection, monitor, table in
        let before = try connection.generation()
        try connection.commit(to: table) { try $0.add(try Kind.networks.samples(20), to: Kind.networks.declaration) }
        try connection.commit(to: table) { try $0.createTable() }
        var transaction = Transaction(table: table)
        try transaction.remove(try prefixes("192.0.2.99"), from: Kind.hosts.declaration)
        _ = try failure(of: transaction.finish(), &connection)
        #expect(try monitor.read() == RulesetObservation())
        #expect(try connection.generation() == before)
        try connection.commit(to: table) { try $0.create(Kind.hosts.declaration) }
        #expect(try onlyChange(&monitor).sets == ["black": .init(fate: .declared)])
        #expect(try connection.generation() == before &+ 1)
      }
    }

    @Test("Elements that time out go in silence")
    func expiry() throws {
      try withMonitor { connection, monitor, table in
        try NFT.run("add set inet watched brief { type ipv4_addr; flags timeout; }")
        try NFT.run("add element inet watched brief { 192.0.2.1 timeout 200ms }")
        let sets = try monitor.read().changes.map(\.sets)
        #expect(sets == [["brief": .init(fate: .declared)], ["brief": .init(added: 1)]])
        let before = try connection.generation()
        var rounds = 0
        while try NFT.set("brief", in: table).count > 0, rounds < 100 {
          usleep(50_000)
          rounds += 1
        }
        #expect(try NFT.set("brief", in: table).count == 0)
        #expect(try monitor.read() == RulesetObservation())
        #expect(try connection.generation() == before)
      }
    }

    @Test("A commit of many elements is a count, and is read in steps of bounded size")
    func steps() throws {
      let elements = try Kind.networks.samples(20_000, seed: 2)
      try withMonitor { connection, monitor, table in
        try NFT.run("flush set inet watched black_net")
        _ = try monitor.read()
        let list = elements.texts.joined(separator: ", ")
        try NFT.run("add element inet watched black_net { \(list) }")
        var changes: [RulesetChange] = []
        var readings = 0
        var hasMore = true
        while hasMore {
          let observation = try monitor.read(atMost: 10)
          changes += observation.changes
          hasMore = observation.hasMore
          #expect(!observation.isLost)
          #expect(changes.isEmpty || !hasMore)
          readings += 1
        }
        #expect(readings > 10)
        #expect(changes.map(\.sets) == [["black_net": .init(added: 20_000)]])
      }
    }

    @Test("Of a commit that touches more sets than are told apart, that it did is told")
    func manySets() throws {
      try withMonitor { connection, monitor, table in
        try NFT.run((1...300).map { "add set inet watched s\($0) { type ipv4_addr; }" }.joined(separator: "\n"))
        let change = try onlyChange(&monitor)
        #expect(change.isTruncated && change.touchesTable && change.sets.count == 256)
        #expect(change.description.hasSuffix(", more sets"))
        try NFT.run("table inet watched { chain input { ip saddr { 192.0.2.1, 192.0.2.2 } drop; }; }")
        #expect(try onlyChange(&monitor).sets == ["__set0": .init(fate: .declared, added: 2)])
      }
    }

    @Test("Events that do not fit into the receive buffer are told as lost, and those after them are whole again")
    func loss() throws {
      let hosts = try Kind.hosts.samples(20_000, seed: 3).ipv4
      let list = hosts.map(\.address.description).joined(separator: ", ")
      try withMonitor(receiveCapacity: 32 << 10) { connection, monitor, table in
        for round in 1...3 {
          try NFT.run("add element inet watched black6 { 2001:db9::\(round) }")
          try NFT.run("flush set inet watched black; add element inet watched black { \(list) }")
          try NFT.run("add element inet watched black6 { 2001:db9::1:\(round) }")
          #expect(try monitor.read() == RulesetObservation(isLost: true))
          let generation = try connection.generation()
          try NFT.run("add element inet watched black_net { 192.0.\(round).0/24 }")
          let change = try onlyChange(&monitor)
          #expect(change.sets == ["black_net": .init(added: 1)] && change.generation == generation &+ 1)
        }
        // One datagram at a time: the loss is told when all that was before it is out of the way.
        try NFT.run("flush set inet watched black; add element inet watched black { \(list) }")
        #expect(try monitor.read(atMost: 1) == RulesetObservation(hasMore: true))
        #expect(try monitor.read() == RulesetObservation(isLost: true))
      }
    }

    @Test("A monitor that is suspended hears nothing and forgets, and the generation tells that there was something")
    func suspension() throws {
      try withMonitor { connection, monitor, table in
        try NFT.run("add element inet watched black { 192.0.2.1 }")
        try monitor.suspend()
        #expect(try monitor.read() == RulesetObservation())
        let before = try connection.generation()
        try NFT.run("add element inet watched black { 192.0.2.2 }")
        #expect(try monitor.read() == RulesetObservation())
        try monitor.suspend()
        try monitor.resume()
        try monitor.resume()
        #expect(try monitor.read() == RulesetObservation())
        #expect(try connection.generation() == before &+ 1)
        try NFT.run("add element inet watched black { 192.0.2.3 }")
        let change = try onlyChange(&monitor)
        #expect(change.sets == ["black": .init(added: 1)] && change.isLater(than: before &+ 1))
      }
    }

    @Test("A commit is told when its generation is settled, and not yet when it is shown")
    func settledGeneration() throws {
      try withMonitor { connection, monitor, table in
        let before = try connection.generation()
        #expect(try connection.settledGeneration(naming: table) == before)
        #expect(try connection.settledGeneration(naming: table) == before)
        #expect(try monitor.read() == RulesetObservation())
        for round in 1...3 {
          try connection.commit(to: table) { try $0.add(try Kind.hosts.samples(60_000), to: Kind.hosts.declaration) }
          _ = try monitor.read(atMost: 1 << 16)
          let before = try connection.generation()
          let flush = try ShellCommand("nft flush set inet watched black 2>&1")
          while try connection.generation() == before {}
          let settled = try connection.settledGeneration(naming: table)
          #expect(settled == before &+ 1)
          let observation = try monitor.read(atMost: 1 << 16)
          try flush.wait()
          #expect(observation.changes.map(\.generation) == [settled], "round \(round)")
          #expect(!observation.isLost)
        }
      }
    }
  }
}
