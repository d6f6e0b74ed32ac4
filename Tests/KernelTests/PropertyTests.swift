import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("Properties")
  struct PropertyTests {
    @Test(
      "After any sequence of transactions the sets hold what a model of them holds", arguments: [1, 2, 3] as [UInt64])
    func randomTransactions(seed: UInt64) throws {
      var random = RandomSource(seed: seed)
      try withTable("chance") { connection, table in
        try connection.commit(to: table) { transaction in
          try transaction.createTable()
          for kind in Kind.allCases { try transaction.create(kind.declaration) }
        }
        // The pool of a kind has no overlaps, so that every subset of it is a set that the kernel takes.
        let pools = try Dictionary(
          uniqueKeysWithValues: Kind.allCases.map { ($0, PrefixList(try pool($0, &random)).all.sorted()) })
        var model = Dictionary(uniqueKeysWithValues: Kind.allCases.map { ($0, Set<Prefix>()) })
        for round in 1...60 {
          var wanted = model
          var transaction = Transaction(table: table, expectedGeneration: try connection.generation())
          for kind in Kind.allCases {
            let held = model[kind] ?? []
            let pool = pools[kind] ?? []
            var removed = held.sorted().filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
            var added = pool.filter { !held.contains($0) && Int.random(in: 0..<4, using: &random) == 0 }
            removed.shuffle(using: &random)
            added.shuffle(using: &random)
            try transaction.remove(PrefixList(removed), from: kind.declaration)
            try transaction.add(PrefixList(added), to: kind.declaration, isExclusive: true)
            wanted[kind] = held.subtracting(removed).union(added)
          }
          if round % 5 == 0 {
            // A last message that fails: nothing of the transaction may remain.
            try transaction.remove(try prefixes("100.64.0.1"), from: Kind.hosts.declaration)
            #expect(try failure(of: transaction.finish(), &connection).cause == .notFound)
          } else {
            try connection.commit(transaction.finish())
            model = wanted
          }
          for kind in Kind.allCases {
            let held = (model[kind] ?? []).sorted()
            #expect(try connection.contents(of: kind.declaration, in: table).prefixes == PrefixList(held))
            #expect(
              try connection.contains(pools[kind] ?? [], in: kind.declaration, of: table)
                == (pools[kind] ?? []).map { held.contains($0) })
            if round % 6 == 0 {
              let seen = try NFT.set(kind.rawValue, in: table)
              #expect(seen.elements == Set(held.map(\.description)) && seen.count == held.count)
            }
          }
        }
      }
    }

    /// Up to 100 prefixes that do not overlap, many of them adjacent, with the two ends of the address space.
    private func pool(_ kind: Kind, _ random: inout RandomSource) throws -> [Prefix] {
      let family = try #require(kind.declaration.family)
      var prefixes: [Prefix] = []
      // Leaves of a tree that is split at random are disjoint and cover everything.
      var open = [try #require(Prefix(family == .ipv4 ? "0.0.0.0/0" : "::/0"))]
      while let prefix = open.popLast() {
        let isDeep = prefix.length == family.bits || open.count + prefixes.count >= 100
        if isDeep || prefix.length > 3 && Int.random(in: 0..<16, using: &random) == 0 {
          prefixes.append(kind.declaration.isInterval ? prefix : Prefix(host: prefix.address))
        } else {
          open.append(contentsOf: try halves(of: prefix).shuffled(using: &random))
        }
      }
      return prefixes
    }

    private func halves(of prefix: Prefix) throws -> [Prefix] {
      let range = AddressRange(prefix)
      return [
        try #require(Prefix(range.first, length: prefix.length + 1)),
        try #require(Prefix(range.last, length: prefix.length + 1)),
      ]
    }
  }
}
