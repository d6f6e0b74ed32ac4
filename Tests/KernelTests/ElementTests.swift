import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("Elements")
  struct ElementTests {
    @Test("Prefixes come and go in each kind of set", arguments: Kind.allCases)
    func addAndRemove(kind: Kind) throws {
      let set = kind.declaration
      let all = try kind.samples(100)
      var gone = all
      gone.ipv4.removeFirst(all.ipv4.count / 2)
      gone.ipv6.removeFirst(all.ipv6.count / 2)
      try withTable("coming") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(all, to: set)
        }
        #expect(try NFT.set(set.name, in: table).elements == all.texts)
        try connection.commit(to: table) { try $0.remove(gone, from: set) }
        #expect(try NFT.set(set.name, in: table).elements == all.texts.subtracting(gone.texts))
        try connection.commit(to: table) {
          $0.flush(set)
          try $0.add(gone, to: set)
        }
        #expect(try NFT.set(set.name, in: table).elements == gone.texts)
        try connection.commit(to: table) { $0.flush(set) }
        #expect(try NFT.set(set.name, in: table).count == 0)
        #expect(try connection.contents(of: set, in: table) == SetContents())
      }
    }

    @Test(
      "The edges of the address space survive the way to the kernel and back",
      arguments: [
        ["0.0.0.0/0"],
        ["::/0"],
        ["0.0.0.0/1"],
        ["128.0.0.0/1"],
        ["0.0.0.0/1", "128.0.0.0/1"],
        ["0.0.0.0", "255.255.255.255"],
        ["255.255.255.254", "255.255.255.255"],
        ["0.0.0.0/32", "0.0.0.1/32", "0.0.0.2/31", "255.0.0.0/8"],
        ["192.0.2.0/25", "192.0.2.128/26", "192.0.2.192/26", "192.0.3.0/24"],
        ["8000::/1", "::/128", "::1/128"],
        ["::/1", "8000::/1"],
        ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
        ["2001:db8::/64", "2001:db8:0:1::/64", "2001:db8:0:2::/127", "2001:db8:0:2::2/128"],
      ])
    func edges(texts: [String]) throws {
      var wanted = PrefixList(try texts.map { try #require(Prefix($0)) })
      wanted.sort()
      let kind: Kind = wanted.ipv6.isEmpty ? .networks : .networks6
      let set = kind.declaration
      try withTable("edges") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(wanted, to: set)
        }
        #expect(try NFT.set(set.name, in: table).elements == wanted.texts)
        #expect(try connection.contents(of: set, in: table) == SetContents(prefixes: wanted))
        #expect(try connection.contains(wanted.all, in: set, of: table).allSatisfy { $0 })
        let ends = wanted.all.flatMap { [AddressRange($0).first, AddressRange($0).last] }
        #expect(try connection.matches(ends, in: set, of: table).allSatisfy { $0 })
        for prefix in wanted.all {
          try connection.commit(to: table) { try $0.remove(PrefixList([prefix]), from: set) }
          let left = PrefixList(wanted.all.filter { $0 > prefix })
          #expect(try NFT.set(set.name, in: table).elements == left.texts)
        }
      }
    }

    @Test("The edges of the address space are addresses like others in a set of hosts")
    func hostEdges() throws {
      try withTable("edges") { connection, table in
        let texts = try prefixes(
          "0.0.0.0", "255.255.255.255", "127.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
        try connection.commit(to: table) {
          try $0.createTable()
          for kind in [Kind.hosts, .hosts6] { try $0.create(kind.declaration) }
          try $0.add(texts.ipv4, to: Kind.hosts.declaration)
          try $0.add(texts.ipv6, to: Kind.hosts6.declaration)
        }
        #expect(try NFT.set("black", in: table).elements == PrefixList(ipv4: texts.ipv4).texts)
        #expect(try NFT.set("black6", in: table).elements == PrefixList(ipv6: texts.ipv6).texts)
        #expect(try connection.contents(of: Kind.hosts.declaration, in: table).prefixes.ipv4 == texts.ipv4.sorted())
      }
    }

    @Test("70,000 elements go in one transaction and come back as they were", arguments: Kind.allCases)
    func manyElements(kind: Kind) throws {
      let set = kind.declaration
      var all = try kind.samples(70_000)
      try withTable("many") { connection, table in
        var transaction = Transaction(table: table)
        try transaction.createTable()
        try transaction.create(set)
        try transaction.add(all, to: set)
        #expect(transaction.elementCount == 70_000)
        #expect(transaction.octetCount > 1_000_000)
        try connection.commit(transaction.finish())
        let contents = try connection.contents(of: set, in: table)
        all.sort()
        #expect(contents == SetContents(prefixes: all))
        let seen = try NFT.set(set.name, in: table)
        #expect(seen.count == 70_000)
        #expect(seen.elements == all.texts)
        #expect(try connection.contains(all.all, in: set, of: table).allSatisfy { $0 })
        try connection.commit(to: table) { try $0.remove(all, from: set) }
        #expect(try NFT.set(set.name, in: table).count == 0)
      }
    }

    @Test("A dump is whole although the kernel moves the set to a larger hash table meanwhile")
    func dumpDuringRehash() throws {
      let set = Kind.hosts.declaration
      let all = try Kind.hosts.samples(200_000)
      var wanted = all
      wanted.sort()
      try withTable("growing") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(all, to: set)
        }
        for _ in 0..<3 {
          #expect(try connection.contents(of: set, in: table).prefixes == wanted)
        }
      }
    }

    @Test("Ranges that nft(8) made and that are no prefix are shown as they are, and can be removed")
    func irregularRanges() throws {
      try withTable("ranges") { connection, table in
        try NFT.run(
          """
          table inet ranges {
            set black_net {
              type ipv4_addr; flags interval; auto-merge;
              elements = { 192.0.2.3-192.0.2.9, 198.51.100.0/24, 203.0.113.0/25, 203.0.113.128/26, 255.255.255.0-255.255.255.255 }
            }
            set black6_net {
              type ipv6_addr; flags interval;
              elements = { 2001:db8::1-2001:db8::4, 2001:db8:1::/48, ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff }
            }
          }
          """)
        let black = try #require(try connection.declarations(in: table)?.first { $0.name == "black_net" })
        let contents = try connection.contents(of: black, in: table)
        #expect(contents.prefixes == (try prefixes("198.51.100.0/24", "255.255.255.0/24")))
        #expect(contents.irregular.map(\.description) == ["192.0.2.3-192.0.2.9", "203.0.113.0-203.0.113.191"])
        let contents6 = try connection.contents(of: Kind.networks6.declaration, in: table)
        #expect(contents6.prefixes == (try prefixes("2001:db8:1::/48", "ffff::/16")))
        #expect(contents6.irregular.map(\.description) == ["2001:db8::1-2001:db8::4"])
        try connection.commit(to: table) {
          try $0.remove(contents.irregular, from: black)
          try $0.remove(contents6.irregular, from: Kind.networks6.declaration)
        }
        #expect(try NFT.set("black_net", in: table).elements == contents.prefixes.texts)
        #expect(try NFT.set("black6_net", in: table).elements == contents6.prefixes.texts)
      }
    }

    @Test("A catch-all element is not lost in the dump")
    func catchAll() throws {
      try withTable("star") { connection, table in
        try NFT.run(
          "table inet star { set black_net { type ipv4_addr; flags interval; elements = { *, 192.0.2.0/24 }; }; }")
        let contents = try connection.contents(of: Kind.networks.declaration, in: table)
        #expect(contents == SetContents(prefixes: try prefixes("192.0.2.0/24"), hasCatchAll: true))
      }
    }

    @Test("A look-up knows the very prefix from a part of it and from what covers it")
    func exactLookUp() throws {
      try withTable("lookup") { connection, table in
        let held = try prefixes("10.0.0.0/8", "11.0.0.0/8", "192.0.2.1", "224.0.0.0/3")
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(Kind.networks.declaration)
          try $0.create(Kind.hosts.declaration)
          try $0.add(held, to: Kind.networks.declaration)
          try $0.add(try prefixes("192.0.2.1", "192.0.2.3"), to: Kind.hosts.declaration)
        }
        let asked: [(String, Bool)] = [
          ("10.0.0.0/8", true), ("10.0.0.0/7", false), ("10.0.0.0/9", false), ("10.128.0.0/9", false),
          ("11.0.0.0/8", true), ("9.0.0.0/8", false), ("192.0.2.1/32", true), ("192.0.2.0/31", false),
          ("224.0.0.0/3", true), ("224.0.0.0/4", false), ("0.0.0.0/0", false), ("255.255.255.255/32", false),
          ("2001:db8::/32", false),
        ]
        let questions = try asked.map { try #require(Prefix($0.0)) }
        #expect(
          try connection.contains(questions, in: Kind.networks.declaration, of: table) == asked.map(\.1))
        let hosts = try prefixes("192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.0/30").all
        #expect(
          try connection.contains(hosts, in: Kind.hosts.declaration, of: table) == [false, true, false, true, false])
        let addresses = try ["10.1.2.3", "9.255.255.255", "12.0.0.0", "192.0.2.1", "::1", "255.255.255.255"].map {
          try #require(IPAddress($0))
        }
        #expect(
          try connection.matches(addresses, in: Kind.networks.declaration, of: table)
            == [true, false, false, true, false, true])
      }
    }

    @Test("A dump is of one generation while another program keeps changing the set")
    func consistentDump() throws {
      let set = Kind.hosts.declaration
      try withTable("moving") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(try Kind.hosts.samples(20_000), to: set)
          try $0.add(try prefixes("192.0.2.1"), to: set)
        }
        let other = try ShellCommand(
          """
          for i in $(seq 25); do
            nft 'delete element inet moving black { 192.0.2.1 }; add element inet moving black { 203.0.113.1 }'; sleep 0.02
            nft 'delete element inet moving black { 203.0.113.1 }; add element inet moving black { 192.0.2.1 }'; sleep 0.02
          done
          """)
        var generations: Set<UInt32> = []
        let flips = try prefixes("192.0.2.1", "203.0.113.1").ipv4
        for _ in 0..<40 {
          generations.insert(try connection.generation())
          let contents: SetContents
          do throws(NetfilterError) {
            contents = try connection.contents(of: set, in: table)
          } catch {
            #expect(error.cause == .stale)
            continue
          }
          #expect(contents.count == 20_001)
          #expect(contents.prefixes.ipv4.count { flips.contains($0) } == 1)
        }
        try other.wait()
        #expect(generations.count > 3)
      }
    }

    @Test("More look-ups than one datagram takes are answered in order", arguments: Kind.allCases)
    func manyLookUps(kind: Kind) throws {
      let set = kind.declaration
      let all = try kind.samples(2000)
      let held = PrefixList(all.all.enumerated().filter { $0.offset % 3 == 0 }.map(\.element))
      try withTable("lookups") { connection, table in
        try connection.commit(to: table) {
          try $0.createTable()
          try $0.create(set)
          try $0.add(held, to: set)
        }
        let answers = try connection.contains(all.all, in: set, of: table)
        #expect(answers == (0..<2000).map { $0 % 3 == 0 })
      }
    }
  }
}
