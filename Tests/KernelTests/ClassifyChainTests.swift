import Foundation
import Glibc
import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("The classify chain")
  struct ClassifyChainTests {
    /// A mark with another value in each order of its octets.
    private static let hostMark: UInt32 = 0x0100_0002
    private static let networkMark: UInt32 = 0x8000_0000

    /// The sets that a table of this family can classify by, the hosts with the one mark and the networks with the
    /// other.
    private static func chain(_ family: NFTable.Family) -> ClassifyChain {
      let kinds: [Kind] =
        switch family {
        case .inet: Kind.allCases
        case .ipv4: [.hosts, .networks]
        case .ipv6: [.hosts6, .networks6]
        }
      return ClassifyChain(
        name: "classify",
        entries: kinds.map { kind in
          .init(set: kind.declaration, mark: kind.declaration.isInterval ? networkMark : hostMark)
        })
    }

    /// An owned table with these sets, empty, and the chain.
    private func withChain(
      family: NFTable.Family = .inet, _ body: (inout NetfilterConnection, NFTable, ClassifyChain) throws -> Void
    ) throws {
      let table = NFTable(family: family, name: "classified")
      defer { _ = try? NFT.run("delete table \(table)") }
      var connection = try NetfilterConnection()
      let chain = Self.chain(family)
      try connection.commit(to: table) { transaction in
        try transaction.createOwnedTable()
        for entry in chain.entries { try transaction.create(entry.set) }
        try transaction.install(chain)
      }
      try body(&connection, table, chain)
      _ = consume connection
    }

    /// The lines of rules in a chain as nft(8) shows it.
    private func rules(of chain: String, _ table: NFTable) throws -> [String] {
      try NFT.text("list chain \(table) \(chain)").split(separator: "\n").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      .filter { $0.contains("saddr") }
    }

    /// The chain and its rules in nft(8)'s JSON, without handles and the name of the table.
    private func witness(_ table: NFTable) throws -> NSArray {
      let object = try JSONSerialization.jsonObject(with: try NFT.run("list chain \(table) classify", json: true))
      let entries = (object as? [String: Any])?["nftables"] as? [[String: Any]] ?? []
      return entries.compactMap { entry in
        (entry["chain"] ?? entry["rule"]).flatMap { $0 as? [String: Any] }?
          .filter { $0.key != "handle" && $0.key != "table" }
      } as NSArray
    }

    @Test("The chain and its rules are what nft(8) would have made", arguments: NFTable.Family.allCases)
    func witness(family: NFTable.Family) throws {
      try withChain(family: family) { connection, table, chain in
        let sets = chain.entries.map { "\($0.set)" }.joined(separator: "\n")
        let rules = chain.entries.map { entry in
          "\(entry.set.family == .ipv4 ? "ip" : "ip6") saddr @\(entry.set.name) counter "
            + "meta mark set meta mark or \(entry.mark)"
        }
        try NFT.run(
          """
          table \(family) wanted {
            \(sets)
            chain classify {
              type filter hook prerouting priority mangle; policy accept;
              \(rules.joined(separator: "\n"))
            }
          }
          """)
        let wanted = try witness(NFTable(family: family, name: "wanted"))
        try NFT.run("delete table \(family) wanted")
        #expect(wanted.count == 1 + chain.entries.count)
        #expect(try witness(table) == wanted)
      }
    }

    @Test("nft(8) shows each rule as one can read it")
    func text() throws {
      try withChain { connection, table, _ in
        #expect(
          try rules(of: "classify", table) == [
            "ip saddr @black counter packets 0 bytes 0 meta mark set meta mark | 0x01000002",
            "ip saddr @black_net counter packets 0 bytes 0 meta mark set meta mark | 0x80000000",
            "ip6 saddr @black6 counter packets 0 bytes 0 meta mark set meta mark | 0x01000002",
            "ip6 saddr @black6_net counter packets 0 bytes 0 meta mark set meta mark | 0x80000000",
          ])
        let text = try NFT.text("list chain \(table) classify")
        #expect(text.contains("type filter hook prerouting priority mangle; policy accept;"))
      }
    }

    @Test("To install it again replaces the rules, all in one generation")
    func replacement() throws {
      try withChain { connection, table, chain in
        var other = chain
        other.entries.reverse()
        other.entries.removeLast()
        other.entries[0].mark = 0x40
        for wanted in [other, chain, ClassifyChain(name: chain.name), chain] {
          let generation = try connection.generation()
          try connection.commit(to: table) { try $0.install(wanted) }
          #expect(try connection.generation() == generation &+ 1)
          let names = try rules(of: "classify", table).map { $0.split(separator: " ")[2].dropFirst() }
          #expect(names.map(String.init) == wanted.entries.map(\.set.name))
        }
        try connection.commit(to: table) { try $0.install(other) }
        #expect(try rules(of: "classify", table).first?.hasSuffix("| 0x00000040") == true)
      }
    }

    @Test("A set that is not there is named, and the rules of before stay")
    func missingSet() throws {
      try withChain { connection, table, chain in
        let before = try rules(of: "classify", table)
        var wanted = chain
        let white = SetDeclaration(name: "white", family: .ipv4, isInterval: true)
        wanted.entries.insert(.init(set: white, mark: 4), at: 1)
        var transaction = Transaction(table: table)
        try transaction.install(wanted)
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.cause == .notFound)
        #expect(
          error.description
            == "classify by set white in chain classify of table inet classified: No such file or directory")
        #expect(try rules(of: "classify", table) == before)
        try connection.commit(to: table) {
          try $0.create(white)
          try $0.install(wanted)
        }
        #expect(try rules(of: "classify", table).count == before.count + 1)
      }
    }

    @Test(
      "A chain of that name with another hook stays, and the refusal says why",
      arguments: [
        "", "type filter hook input priority mangle;", "type filter hook prerouting priority raw;",
        "type nat hook prerouting priority mangle;",
      ])
    func otherHook(declaration: String) throws {
      try withTable("hooked") { connection, table in
        try NFT.run("table inet hooked { chain classify { \(declaration) }; }")
        let before = try NFT.text("list table inet hooked")
        var transaction = Transaction(table: table)
        try transaction.install(ClassifyChain(name: "classify"))
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.operation == .install(chain: "classify", table))
        #expect(error.explanation == "there is a chain of that name that has another type, hook or priority")
        #expect(try NFT.text("list table inet hooked") == before)
      }
    }

    @Test("A chain of the right hook is ours from then on, with nothing left of what it held or did")
    func takeover() throws {
      try withTable("hooked") { connection, table in
        try NFT.run(
          """
          table inet hooked {
            set black { type ipv4_addr; }
            chain classify { type filter hook prerouting priority -150; policy drop; ip saddr 192.0.2.1 accept; }
          }
          """)
        let chain = ClassifyChain(name: "classify", entries: [.init(set: Kind.hosts.declaration, mark: 1)])
        try connection.commit(to: table) { try $0.install(chain) }
        let text = try NFT.text("list chain inet hooked classify")
        #expect(text.contains("policy accept") && !text.contains("192.0.2.1"))
        #expect(try rules(of: "classify", table).count == 1)
      }
    }

    @Test("A set whose elements no packet of the table is compared with is refused before the kernel sees it")
    func unsuitable() throws {
      try withTable("operator") { connection, table in
        try NFT.run("table inet operator { set ports { type inet_service; }; }")
        let ports = try #require(try connection.declarations(in: table)?.first)
        for (family, set) in [
          (.inet, ports), (.ipv4, Kind.hosts6.declaration), (.ipv6, Kind.networks.declaration),
        ] as [(NFTable.Family, SetDeclaration)] {
          var transaction = Transaction(table: NFTable(family: family, name: "unsuitable"))
          do throws(NetfilterError) {
            try transaction.install(ClassifyChain(name: "classify", entries: [.init(set: set, mark: 1)]))
            Issue.record("a rule for set \(set) in a table of family \(family)")
          } catch {
            #expect(error.cause == .unsuitable)
            #expect(error.description.hasSuffix("has a source address of type \(set.key))"))
          }
          #expect(transaction.isEmpty && transaction.elementCount == 0)
        }
      }
    }
  }
}
