import Foundation
import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("Owned tables")
  struct OwnedTableTests {
    private let set = Kind.hosts.declaration

    /// Runs `body` with the name of a table that does not exist yet, which is gone afterwards.
    private func withName(
      _ name: String, family: NFTable.Family = .inet, _ body: (NFTable) throws -> Void
    ) throws {
      let table = NFTable(family: family, name: name)
      do {
        try body(table)
      } catch {
        _ = try? NFT.run("delete table \(table)")
        throw error
      }
      _ = try? NFT.run("delete table \(table)")
      #expect(throws: Unexpected.self, "the table is still owned") { try NFT.run("list table \(table)") }
    }

    /// Runs `body` with a connection that ends with it.
    private func connected<Answer>(_ body: (inout NetfilterConnection) throws -> Answer) throws -> Answer {
      var connection = try NetfilterConnection()
      return try body(&connection)
    }

    /// Owns the table and makes sure of two sets with twenty elements each.
    private func own(_ table: NFTable, _ connection: inout NetfilterConnection) throws {
      try connection.commit(to: table) { transaction in
        try transaction.createOwnedTable()
        for kind in [Kind.hosts, .networks6] {
          try transaction.create(kind.declaration)
          try transaction.add(try kind.samples(20), to: kind.declaration)
        }
      }
    }

    private func leaveOrphan(_ table: NFTable) throws {
      try connected { try own(table, &$0) }
    }

    /// Whether both sets hold what `own` put into them, and nothing else.
    private func isIntact(_ table: NFTable) throws -> Bool {
      try [Kind.hosts, .networks6].allSatisfy { kind in
        try NFT.set(kind.rawValue, in: table).elements == (try kind.samples(20)).texts
      }
    }

    private func exists(_ table: NFTable) throws -> Bool {
      try NFT.text("list tables").split(separator: "\n").contains("table \(table)")
    }

    /// What nft(8) complained of.
    private func refusal(of commands: String) -> String? {
      do {
        try NFT.run(commands)
      } catch {
        return "\(error)".split(separator: "\n").first.map(String.init)
      }
      return nil
    }

    private func error(
      _ table: NFTable, _ connection: inout NetfilterConnection, _ fill: (inout Transaction) throws -> Void
    ) throws -> NetfilterError {
      var transaction = Transaction(table: table)
      try fill(&transaction)
      return try failure(of: transaction.finish(), &connection)
    }

    @Test("What others want to change in it is refused, and they can list it", arguments: NFTable.Family.allCases)
    func protection(family: NFTable.Family) throws {
      try withName("owned", family: family) { table in
        try connected { connection in
          #expect(try connection.declaration(of: table) == nil)
          try own(table, &connection)
          let declaration = TableDeclaration(isOwned: true, isPersistent: true, owner: connection.portID)
          #expect(try connection.declaration(of: table) == declaration)
          let generation = try connection.generation()
          for command in [
            "delete table", "flush table", "add table", "add element @ black { 192.0.2.1 }",
            "delete element @ black { 10.0.0.0 }", "flush set @ black", "delete set @ black6_net",
            "add set @ white { type ipv4_addr; }", "add chain @ input { type filter hook input priority 0; }",
          ] {
            let commands = command.contains("@") ? command.replacing("@", with: "\(table)") : "\(command) \(table)"
            #expect(refusal(of: commands)?.hasSuffix(" Operation not permitted") == true, "\(commands)")
          }
          #expect(try isIntact(table))
          #expect(try connection.generation() == generation)
          try connection.commit(to: table) {
            try $0.add(try prefixes("192.0.2.1"), to: set)
            try $0.remove(try Kind.hosts.samples(20), from: set)
          }
          #expect(try NFT.set("black", in: table).elements == ["192.0.2.1/32"])
        }
      }
    }

    @Test("'flush ruleset' of another program passes it over, and nothing else")
    func flushRuleset() throws {
      try withName("owned") { table in
        try connected { connection in
          try own(table, &connection)
          try NFT.run("table inet plain { set black { type ipv4_addr; }; }")
          try NFT.run("flush ruleset")
          #expect(try !exists(NFTable(name: "plain")))
          #expect(try isIntact(table))
          try NFT.run("flush ruleset; table inet plain { set black { type ipv4_addr; }; }")
          #expect(try isIntact(table))
          try NFT.run("delete table inet plain")
        }
      }
    }

    @Test("It outlives the connection, and the next one adopts it with all that is in it")
    func adoption() throws {
      try withName("owned") { table in
        let chain = ClassifyChain(name: "classify", entries: [.init(set: set, mark: 1)])
        let generation = try connected { connection in
          try own(table, &connection)
          try connection.commit(to: table) { try $0.install(chain) }
          return try connection.generation()
        }
        #expect(try isIntact(table))
        #expect(try NFT.text("list chain inet owned classify").contains("ip saddr @black"))
        try connected { connection in
          #expect(try connection.generation() == generation)
          #expect(try connection.declaration(of: table) == TableDeclaration(isOwned: false, isPersistent: true))
          try connection.commit(to: table) { try $0.createOwnedTable() }
          let declaration = TableDeclaration(isOwned: true, isPersistent: true, owner: connection.portID)
          #expect(try connection.declaration(of: table) == declaration)
          #expect(try connection.generation() == generation &+ 1)
          try NFT.run("flush ruleset")
          #expect(try isIntact(table))
          #expect(try NFT.text("list chain inet owned classify").contains("ip saddr @black"))
          #expect(try connection.contents(of: set, in: table).count == 20)
        }
      }
    }

    @Test("To own it twice changes nothing")
    func repetition() throws {
      try withName("owned") { table in
        try connected { connection in
          try own(table, &connection)
          let generation = try connection.generation()
          try connection.commit(to: table) { try $0.createOwnedTable() }
          #expect(try connection.generation() == generation)
          #expect(try isIntact(table))
        }
      }
    }

    @Test("An orphan is anybody's", arguments: ["flush ruleset", "delete table inet owned"])
    func removalOfOrphan(command: String) throws {
      try withName("owned") { table in
        try leaveOrphan(table)
        #expect(try isIntact(table))
        try NFT.run(command)
        #expect(try !exists(table))
        try connected { connection in
          #expect(try connection.declaration(of: table) == nil)
          try own(table, &connection)
          #expect(try isIntact(table))
        }
      }
    }

    @Test("Elements of an orphan can be changed by others, and a connection that does not own it changes them too")
    func changesOfOrphan() throws {
      try withName("owned") { table in
        try leaveOrphan(table)
        try NFT.run("add element inet owned black { 192.0.2.1 }")
        try connected { connection in
          try connection.commit(to: table) { try $0.add(try prefixes("192.0.2.2"), to: set) }
          try NFT.run("add element inet owned black { 192.0.2.3 }")
          #expect(try connection.declaration(of: table)?.isOwned == false)
          try connection.commit(to: table) { try $0.createOwnedTable() }
          #expect(refusal(of: "add element inet owned black { 192.0.2.4 }") != nil)
          #expect(try connection.contents(of: set, in: table).count == 23)
        }
      }
    }

    @Test("An orphan is not declared again as an ordinary table, by nobody, and ours says why")
    func ordinaryDeclarationOfOrphan() throws {
      try withName("owned") { table in
        try leaveOrphan(table)
        for commands in ["add table inet owned", "table inet owned { set black { type ipv4_addr; }; }"] {
          #expect(refusal(of: commands)?.hasSuffix(" Operation not supported") == true)
        }
        try connected { connection in
          let refused = try error(table, &connection) { try $0.createTable() }
          #expect(
            refused.description
              == "create table inet owned: Operation not supported (the table is of the owned kind: "
              + "remove it with 'nft delete table inet owned')")
        }
        #expect(try isIntact(table))
      }
    }

    @Test("What a running process owns is refused with the name of the table and the port of the owner")
    func otherOwner() throws {
      try withName("owned") { table in
        try connected { owner in
          try own(table, &owner)
          let reason = "Operation not permitted (another process owns the table: netlink port \(owner.portID))"
          try connected { other in
            #expect(other.portID != owner.portID)
            let adoption = try error(table, &other) { try $0.createOwnedTable() }
            #expect(adoption.cause == .notPermitted && adoption.operation == .createOwnedTable(table))
            #expect(adoption.description == "own table inet owned: \(reason)")
            let refused = [
              try error(table, &other) { try $0.createTable() },
              try error(table, &other) { try $0.add(try prefixes("192.0.2.1"), to: set) },
              try error(table, &other) { try $0.install(ClassifyChain(name: "classify")) },
            ]
            let requests = [
              "create table inet owned", "add elements to set black of table inet owned",
              "install chain classify of table inet owned",
            ]
            #expect(refused.map(\.description) == requests.map { "\($0): \(reason)" })
            #expect(try other.declaration(of: table)?.owner == owner.portID)
            #expect(try other.contents(of: set, in: table).count == 20)
          }
          #expect(try isIntact(table))
          try owner.commit(to: table) { try $0.add(try prefixes("192.0.2.1"), to: set) }
        }
      }
    }

    @Test("An ordinary table stays what it is, and the refusal says what to do")
    func ordinaryTable() throws {
      try withName("owned") { table in
        try NFT.run("table inet owned { set black { type ipv4_addr; }; chain input { ip saddr @black drop; }; }")
        let before = try NFT.text("list table inet owned")
        try connected { connection in
          #expect(try connection.declaration(of: table) == TableDeclaration(isOwned: false, isPersistent: false))
          let refused = try error(table, &connection) {
            try $0.createOwnedTable()
            try $0.add(try prefixes("192.0.2.1"), to: set)
          }
          #expect(refused.operation == .createOwnedTable(table))
          #expect(
            refused.description
              == "own table inet owned: Operation not supported (there is a table of that name that is not of "
              + "the owned and persistent kind (Linux 6.9): remove it with 'nft delete table inet owned')")
          #expect(try NFT.text("list table inet owned") == before)
          try NFT.run("delete table inet owned")
          try own(table, &connection)
          #expect(try isIntact(table))
        }
      }
    }

    @Test("A transaction that fails adopts nothing and creates nothing")
    func failedAdoption() throws {
      try withName("owned") { table in
        let remove: (inout Transaction) throws -> Void = { transaction in
          try transaction.createOwnedTable()
          try transaction.remove(try prefixes("192.0.2.77"), from: Kind.hosts.declaration)
        }
        try connected { connection in
          #expect(try error(table, &connection, remove).cause == .notFound)
          #expect(try connection.declaration(of: table) == nil)
          try leaveOrphan(table)
          #expect(try error(table, &connection, remove).element?.description == "192.0.2.77/32")
          #expect(try connection.declaration(of: table) == TableDeclaration(isOwned: false, isPersistent: true))
          try connected { other in
            try other.commit(to: table) { try $0.createOwnedTable() }
            #expect(try other.declaration(of: table)?.owner == other.portID)
          }
        }
        #expect(try isIntact(table))
      }
    }

    @Test("The monitor tells of what the owner commits and of an adoption, and not that the owner ended")
    func monitor() throws {
      try withName("owned") { table in
        var monitor = try RulesetMonitor(table: table)
        try connected { connection in
          try own(table, &connection)
          let created = try #require(try monitor.read().changes.first)
          #expect(created.table == .declared && created.portID == connection.portID)
          #expect(created.sets["black"] == .init(fate: .declared, added: 20))
          #expect(refusal(of: "add element inet owned black { 192.0.2.1 }") != nil)
          try NFT.run("flush ruleset")
          #expect(try monitor.read().changes.allSatisfy { !$0.touchesTable })
          try connection.commit(to: table) { try $0.add(try prefixes("192.0.2.1"), to: set) }
          #expect(try monitor.read().changes.map(\.sets) == [["black": .init(added: 1)]])
        }
        #expect(try monitor.read() == RulesetObservation())
        try NFT.run("delete element inet owned black { 192.0.2.1 }")
        #expect(try monitor.read().changes.map(\.sets) == [["black": .init(removed: 1)]])
        try connected { connection in
          try connection.commit(to: table) { try $0.createOwnedTable() }
          let adopted = try #require(try monitor.read().changes.first)
          #expect(adopted.table == .declared && adopted.sets.isEmpty && adopted.portID == connection.portID)
        }
        try NFT.run("flush ruleset")
        #expect(try monitor.read().changes.map(\.table) == [.deleted])
      }
    }
  }
}
