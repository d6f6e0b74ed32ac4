import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("Sets")
  struct SetTests {
    @Test("A new table with all four kinds of set is what nft(8) would have made", arguments: NFTable.Family.allCases)
    func creation(family: NFTable.Family) throws {
      try withTable("creation", family: family) { connection, table in
        #expect(try connection.declarations(in: table) == nil)
        let sized = SetDeclaration(name: "sized", family: .ipv4, isInterval: false, size: 4096)
        let all = Kind.allCases.map(\.declaration) + [sized]
        try connection.commit(to: table) { transaction in
          try transaction.createTable()
          for set in all { try transaction.create(set) }
        }
        #expect(Set(try #require(try connection.declarations(in: table))) == Set(all))
        for set in all {
          let seen = try NFT.set(set.name, in: table)
          #expect(seen.type == (set.family == .ipv4 ? "ipv4_addr" : "ipv6_addr"))
          #expect(seen.flags == (set.isInterval ? ["interval"] : []))
          #expect(seen.size == set.size.map(Int.init))
          #expect(seen.count == 0)
        }
      }
    }

    @Test("An operator's file that declares the same sets loads before and after ours")
    func redeclaration() throws {
      let file = """
        table inet redeclaration {
          set black { type ipv4_addr; }
          set black_net { type ipv4_addr; flags interval; }
          set black6 { type ipv6_addr; }
          set black6_net { type ipv6_addr; flags interval; }
          set sized { type ipv4_addr; size 4096; }
        }
        """
      try withTable("redeclaration") { connection, table in
        let sized = SetDeclaration(name: "sized", family: .ipv4, isInterval: false, size: 4096)
        let all = Kind.allCases.map(\.declaration) + [sized]
        for round in 1...2 {
          if round == 2 { try NFT.run(file) }
          try connection.commit(to: table) { transaction in
            try transaction.createTable()
            for set in all { try transaction.create(set) }
            try transaction.add(try prefixes("192.0.2.0/24"), to: Kind.networks.declaration)
          }
          try NFT.run(file)
          #expect(try NFT.set("black_net", in: table).elements == ["192.0.2.0/24"])
          #expect(Set(try #require(try connection.declarations(in: table))) == Set(all))
          try NFT.run("delete table inet redeclaration")
        }
      }
    }

    @Test("What nft(8) lists is a file that nft(8) loads")
    func listing() throws {
      try withTable("listing") { connection, table in
        try connection.commit(to: table) { transaction in
          try transaction.createTable()
          for kind in Kind.allCases {
            try transaction.create(kind.declaration)
            try transaction.add(try kind.samples(50), to: kind.declaration)
          }
        }
        let file = try NFT.text("list table inet listing")
        try NFT.run("delete table inet listing")
        try NFT.run(file)
        for kind in Kind.allCases {
          var wanted = try kind.samples(50)
          wanted.sort()
          #expect(try connection.contents(of: kind.declaration, in: table) == SetContents(prefixes: wanted))
        }
      }
    }

    @Test("What an operator declared is read back as he wrote it")
    func operatorsDeclarations() throws {
      try withTable("operator") { connection, table in
        try NFT.run(
          """
          table inet operator {
            set plain { type ipv4_addr; }
            set networks { type ipv6_addr; flags interval; auto-merge; comment "merged by nft"; }
            set small { type ipv4_addr; flags interval; size 12; }
            set expiring { type ipv4_addr; flags timeout; timeout 90s; }
            set learned { type ipv4_addr; flags dynamic,timeout; size 65535; }
            set counted { type ipv4_addr; flags interval; counter; }
            set ports { type inet_service; }
            set pairs { type ipv4_addr . inet_service; }
            set written { typeof ip saddr; flags constant; elements = { 192.0.2.1 }; }
            map names { type ipv4_addr : mark; }
          }
          """)
        let declared = Dictionary(
          uniqueKeysWithValues: try #require(try connection.declarations(in: table)).map { ($0.name, $0) })
        #expect(declared.count == 10)
        #expect(declared["plain"] == SetDeclaration(name: "plain", family: .ipv4, isInterval: false))
        let networks = try #require(declared["networks"])
        #expect(networks.family == .ipv6 && networks.isInterval && networks.isAutoMerge && networks.otherFlags == [])
        #expect(declared["small"] == SetDeclaration(name: "small", family: .ipv4, isInterval: true, size: 12))
        let expiring = try #require(declared["expiring"])
        #expect(expiring.otherFlags == .timeout && expiring.timeout == 90_000)
        #expect(declared["learned"]?.otherFlags == [.dynamic, .timeout] && declared["learned"]?.size == 65535)
        #expect(declared["counted"]?.isInterval == true && declared["counted"]?.otherFlags == .statements)
        #expect(declared["ports"]?.key == .other(type: 13, length: 2) && declared["ports"]?.family == nil)
        #expect(declared["pairs"]?.key == .other(type: 7 << 6 | 13, length: 8) && declared["pairs"]?.family == nil)
        #expect(declared["written"]?.otherFlags == .constant && declared["written"]?.family == .ipv4)
        #expect(declared["names"]?.otherFlags == .map && declared["names"]?.family == .ipv4)
        #expect(
          declared.values.map(\.description).sorted() == [
            "map names { type ipv4_addr; }",
            "set counted { type ipv4_addr; flags interval; }",
            "set expiring { type ipv4_addr; flags timeout; timeout 90000ms; }",
            "set learned { type ipv4_addr; flags timeout,dynamic; size 65535; }",
            "set networks { type ipv6_addr; flags interval; auto-merge; }",
            "set pairs { type ipv4_addr . inet_service; }",
            "set plain { type ipv4_addr; }",
            "set ports { type inet_service; }",
            "set small { type ipv4_addr; flags interval; size 12; }",
            "set written { type ipv4_addr; flags constant; size 1; }",
          ])
      }
    }

    @Test("A table without sets has none, which is not the same as no table")
    func emptyTable() throws {
      try withTable("empty") { connection, table in
        try connection.commit(to: table) { try $0.createTable() }
        #expect(try connection.declarations(in: table) == [])
        #expect(try connection.declarations(in: NFTable(name: "none")) == nil)
        #expect(try connection.declarations(in: NFTable(family: .ipv4, name: "empty")) == nil)
      }
    }

    @Test("A set of another type with our name is told from ours and is not replaced")
    func foreignSet() throws {
      try withTable("foreign") { connection, table in
        try NFT.run("table inet foreign { set black { type inet_service; }; }")
        let found = try #require(try connection.declarations(in: table)?.first)
        #expect(found.key == .other(type: 13, length: 2))
        #expect(throws: NetfilterError.self) { try connection.contents(of: found, in: table) }
        var transaction = Transaction(table: table)
        try transaction.create(Kind.hosts.declaration)
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.cause == .exists)
        #expect(error.description == "create set black of table inet foreign: File exists")
        #expect(throws: NetfilterError.self) {
          var transaction = Transaction(table: table)
          try transaction.add(try prefixes("192.0.2.1"), to: found)
        }
      }
    }

    @Test("Every commit of any program makes a new generation, and what changes nothing does not")
    func generation() throws {
      try withTable("generation") { connection, table in
        let start = try connection.generation()
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(Kind.hosts.declaration)
        }
        let ours = try connection.generation()
        #expect(ours != start)
        try NFT.run("add element inet generation black { 192.0.2.1 }")
        let theirs = try connection.generation()
        #expect(theirs != ours)
        _ = try connection.contents(of: Kind.hosts.declaration, in: table)
        try connection.commit(Transaction(table: table).finish())
        #expect(try connection.generation() == theirs)
      }
    }
  }
}
