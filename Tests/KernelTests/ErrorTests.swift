import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("Errors")
  struct ErrorTests {
    /// A table with all four kinds of set and some prefixes in each.
    private func withFilledTable(
      _ name: String, _ body: (inout NetfilterConnection, NFTable) throws -> Void
    ) throws {
      try withTable(name) { connection, table in
        try connection.commit(to: table) { transaction in
          try transaction.createTable()
          for kind in Kind.allCases {
            try transaction.create(kind.declaration)
            try transaction.add(try kind.samples(20), to: kind.declaration)
          }
        }
        try body(&connection, table)
      }
    }

    private func causeOfThrow(_ body: () throws(NetfilterError) -> Void) -> NetfilterError.Cause? {
      do throws(NetfilterError) {
        try body()
      } catch {
        return error.cause
      }
      return nil
    }

    @Test("Removing what is not there names it, and nothing of the transaction is applied", arguments: Kind.allCases)
    func missingElement(kind: Kind) throws {
      let set = kind.declaration
      let missing = try #require(Prefix(set.family == .ipv4 ? "192.0.2.77" : "2001:db8:ffff::77"))
      try withFilledTable("filled") { connection, table in
        let before = try connection.generation()
        var transaction = Transaction(table: table)
        try transaction.add(try prefixes("198.51.100.1"), to: Kind.hosts.declaration)
        try transaction.remove(try kind.samples(20), from: set)
        try transaction.remove(PrefixList([missing]), from: set)
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.cause == .notFound)
        #expect(error.operation == .remove(set: set.name, table))
        #expect(error.element == AddressRange(missing))
        #expect(
          error.description
            == "remove \(missing) from set \(set.name) of table inet filled: No such file or directory")
        #expect(try connection.generation() == before)
        #expect(try NFT.set(set.name, in: table).elements == (try kind.samples(20)).texts)
      }
    }

    @Test("The element that is named is the right one of thousands", arguments: [0, 1, 4094, 4095, 4096, 9998])
    func missingElementAmongMany(place: Int) throws {
      let all = try Kind.hosts.samples(10_000)
      let set = Kind.hosts.declaration
      try withTable("among") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(all.ipv4.enumerated().filter { $0.offset != place }.map(\.element), to: set)
        }
        var transaction = Transaction(table: table)
        try transaction.remove(all, from: set)
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.element?.prefix == .v4(all.ipv4[place]))
      }
    }

    @Test(
      "An interval that overlaps is refused by name",
      arguments: [
        ("10.0.0.0/8", "10.1.0.0/16"), ("10.1.0.0/16", "10.0.0.0/8"), ("10.0.0.0/16", "10.0.0.0/8"),
        ("0.0.0.0/0", "192.0.2.0/24"), ("2001:db8::/32", "2001:db8:1::/48"),
      ])
    func overlap(held: String, added: String) throws {
      let added = try #require(Prefix(added))
      let set = added.family == .ipv4 ? Kind.networks.declaration : Kind.networks6.declaration
      try withTable("overlap") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(try prefixes(held), to: set)
        }
        var transaction = Transaction(table: table)
        try transaction.add(PrefixList([added]), to: set)
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.cause == .exists)
        #expect(error.element == AddressRange(added))
        #expect(
          error.description
            == "add \(added) to set \(set.name) of table inet overlap: File exists "
            + "(it overlaps an interval that is there)")
        #expect(try NFT.set(set.name, in: table).elements == (try prefixes(held)).texts)
      }
    }

    @Test("An exclusive addition also refuses what is there already, and an overlap with the same last address")
    func exclusiveAddition() throws {
      let set = Kind.networks.declaration
      try withTable("exclusive") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(try prefixes("10.0.255.0/24"), to: set, isExclusive: true)
          try $0.add(try prefixes("10.1.0.0/16", "10.0.254.0/24"), to: set, isExclusive: true)
        }
        for text in ["10.0.255.0/24", "10.0.0.0/16"] {
          var transaction = Transaction(table: table)
          try transaction.add(try prefixes(text), to: set, isExclusive: true)
          #expect(try failure(of: transaction.finish(), &connection).cause == .exists)
        }
        try connection.commit(to: table) { try $0.add(try prefixes("10.0.255.0/24"), to: set) }
      }
    }

    @Test("An unknown set and an unknown table are named")
    func unknownNames() throws {
      try withFilledTable("known") { connection, table in
        let unknown = SetDeclaration(name: "white", family: .ipv4, isInterval: false)
        var transaction = Transaction(table: table)
        try transaction.add(try prefixes("192.0.2.1"), to: unknown)
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.cause == .notFound && error.operation == .add(set: "white", table))
        let nowhere = NFTable(name: "nowhere")
        var other = Transaction(table: nowhere)
        try other.create(unknown)
        #expect(
          try failure(of: other.finish(), &connection).description
            == "create set white of table inet nowhere: No such file or directory")
        #expect(
          causeOfThrow { () throws(NetfilterError) in
            _ = try connection.contents(of: unknown, in: table)
          } == .notFound)
        #expect(
          causeOfThrow { () throws(NetfilterError) in
            _ = try connection.contains([Prefix(host: .v4(IPv4Address(1)))], in: unknown, of: table)
          } == .notFound)
      }
    }

    @Test("A full set says so", arguments: [false, true])
    func fullSet(isInterval: Bool) throws {
      let set = SetDeclaration(name: "small", family: .ipv4, isInterval: isInterval, size: 2)
      try withTable("full") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(try prefixes("192.0.2.1", "192.0.2.3"), to: set)
        }
        var transaction = Transaction(table: table)
        try transaction.add(try prefixes("192.0.2.5"), to: set)
        let error = try failure(of: transaction.finish(), &connection)
        #expect(error.cause == .setFull)
        #expect(error.description == "add 192.0.2.5/32 to set small of table inet full: the set is full")
      }
    }

    @Test("An expected generation that has passed is refused, and the present one is not")
    func expectedGeneration() throws {
      let set = Kind.hosts.declaration
      try withFilledTable("expected") { connection, table in
        let seen = try connection.generation()
        try NFT.run("add element inet expected black { 192.0.2.200 }")
        var late = Transaction(table: table, expectedGeneration: seen)
        try late.add(try prefixes("192.0.2.201"), to: set)
        let error = try failure(of: late.finish(), &connection)
        #expect(error.cause == .stale && error.operation == .commit(table))
        #expect(try connection.contains(try prefixes("192.0.2.201").all, in: set, of: table) == [false])
        var again = Transaction(table: table, expectedGeneration: try connection.generation())
        try again.add(try prefixes("192.0.2.201"), to: set)
        try connection.commit(again.finish())
        let both = try prefixes("192.0.2.200", "192.0.2.201").all
        #expect(try connection.contains(both, in: set, of: table) == [true, true])
      }
    }

    @Test("What a set cannot hold is refused before the kernel sees it")
    func unsuitable() throws {
      let table = NFTable(name: "unsuitable")
      let network = try #require(IPv4Prefix(IPv4Address(0xC000_0200), length: 24))
      var transaction = Transaction(table: table)
      do throws(NetfilterError) {
        try transaction.add([IPv4Prefix(host: IPv4Address(1)), network], to: Kind.hosts.declaration)
        Issue.record("a network went into a set of hosts")
      } catch {
        #expect(error.cause == .unsuitable)
        #expect(
          error.description.hasPrefix(
            "add 192.0.2.0/24 to set black of table inet unsuitable: unsuitable (the set holds single addresses only"))
      }
      #expect(throws: NetfilterError.self) {
        try transaction.add([IPv4Prefix(host: IPv4Address(1))], to: Kind.hosts6.declaration)
      }
      #expect(transaction.isEmpty && transaction.elementCount == 0)
    }

    @Test("A name that is too long is refused by the kernel and becomes no other name")
    func longName() throws {
      try withFilledTable("long") { connection, table in
        let name = String(repeating: "b", count: 255)
        let longest = SetDeclaration(name: name, family: .ipv4, isInterval: false)
        try connection.commit(to: table) {
          try $0.create(longest)
          try $0.add(try prefixes("192.0.2.1"), to: longest)
        }
        let over = SetDeclaration(name: String(repeating: "b", count: 70_000), family: .ipv4, isInterval: false)
        var creation = Transaction(table: table)
        try creation.create(over)
        #expect(try failure(of: creation.finish(), &connection).errorNumber != 0)
        var addition = Transaction(table: table)
        try addition.add(try prefixes("192.0.2.2"), to: over)
        #expect(try failure(of: addition.finish(), &connection).errorNumber != 0)
        #expect(try connection.contents(of: longest, in: table).count == 1)
      }
    }

    @Test("After a failure the next request gets its own answer")
    func recovery() throws {
      let set = Kind.networks.declaration
      try withFilledTable("recovery") { connection, table in
        for _ in 0..<20 {
          var transaction = Transaction(table: table)
          // Many messages, each of which fails.
          for number in 0..<300 {
            try transaction.remove([IPv4Prefix(host: IPv4Address(UInt32(number)))], from: set)
          }
          #expect(try failure(of: transaction.finish(), &connection).element?.description == "0.0.0.0/32")
          #expect(try connection.contents(of: set, in: table).count == 20)
          try connection.commit(to: table) { try $0.add(try prefixes("192.0.2.0/24"), to: set) }
          try connection.commit(to: table) { try $0.remove(try prefixes("192.0.2.0/24"), from: set) }
        }
      }
    }
  }
}
