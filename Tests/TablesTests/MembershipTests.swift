import Primitives
import Tables
import Testing

@Suite("Table membership")
struct MembershipTests {
  private static let black = TableSet(TableID(index: 0))
  private static let bypass = TableSet(TableID(index: 1))

  @Test("Of two peers, the first in and the last out change the table")
  func referenceCount() throws {
    let prefix = try #require(Prefix("192.0.2.1"))
    var membership = Membership(tableCount: 2)
    membership.move(prefix, from: .empty, to: Self.black)
    membership.move(prefix, from: .empty, to: Self.black)
    let first = membership.takeChanges()
    #expect(first[TableID(index: 0)] == TableDelta(added: PrefixList([prefix])))
    membership.move(prefix, from: Self.black, to: .empty)
    let second = membership.takeChanges()
    #expect(second.isEmpty)
    #expect(membership.contains(prefix, in: TableID(index: 0)))
    membership.move(prefix, from: Self.black, to: .empty)
    let third = membership.takeChanges()
    #expect(third[TableID(index: 0)] == TableDelta(removed: PrefixList([prefix])))
  }

  @Test("Tables with the same prefixes have the same hash, however these came in, and another one after any change")
  func hash() throws {
    let table = TableID(index: 0)
    var random = RandomSource(seed: 6)
    var prefixes = (0..<500).compactMap { Prefix("10.\($0 % 4).\($0 / 4).0/\(24 + $0 % 9)") }
    prefixes += (0..<500).compactMap { Prefix("2001:db8:\($0 % 9)::\($0)/\(48 + $0 % 81)") }
    prefixes = Array(Set(prefixes))
    let hashes = { (order: [Prefix]) in
      var membership = Membership(tableCount: 1)
      for prefix in order { membership.move(prefix, from: .empty, to: Self.black) }
      return AddressFamily.allCases.map { membership.hash(table, $0) }
    }
    let whole = hashes(prefixes)
    for _ in 0..<5 { #expect(hashes(prefixes.shuffled(using: &random)) == whole) }
    // Who was asked for twice, or has come and gone, leaves no trace.
    var membership = Membership(tableCount: 1)
    for prefix in prefixes + prefixes { membership.move(prefix, from: .empty, to: Self.black) }
    let passing = try #require(Prefix("192.0.2.1"))
    membership.move(passing, from: .empty, to: Self.black)
    membership.move(passing, from: Self.black, to: .empty)
    #expect(AddressFamily.allCases.map { membership.hash(table, $0) } == whole)
    // Each table that lacks one prefix is unlike all others.
    let others = prefixes.map { missing in hashes(prefixes.filter { $0 != missing }) }
    #expect(Set(others + [whole]).count == prefixes.count + 1)
  }

  @Test("The hash of a table is the same in every release, and another one for each family and length")
  func hashIsFixed() {
    let hash = { (texts: [String]) in
      var membership = Membership(tableCount: 1)
      for text in texts { Prefix(text).map { membership.move($0, from: .empty, to: Self.black) } }
      return AddressFamily.allCases.map { String(membership.hash(TableID(index: 0), $0), radix: 16) }
    }
    #expect(hash([]) == ["0", "0"])
    #expect(hash(["192.0.2.1", "198.51.100.0/24", "2001:db8::25"]) == ["b611e9591ccdbfae", "a6dba7d4261fa2cc"])
    let all = Set(["0.0.0.0/0", "0.0.0.0/1", "0.0.0.0/32", "::/0", "::/1", "::/32", "::/128"].flatMap { hash([$0]) })
    #expect(all.count == 8)
  }

  @Test("A move from one table to another is one change of each")
  func move() throws {
    let prefix = try #require(Prefix("192.0.2.1"))
    var membership = Membership(tableCount: 2)
    membership.move(prefix, from: .empty, to: Self.black)
    _ = membership.takeChanges()
    membership.move(prefix, from: Self.black, to: Self.bypass)
    let changes = membership.takeChanges()
    #expect(
      changes == [
        TableID(index: 0): TableDelta(removed: PrefixList([prefix])),
        TableID(index: 1): TableDelta(added: PrefixList([prefix])),
      ])
  }

  @Test("Changes are net: what came and went, or went and came back, is not in them")
  func net() throws {
    let one = try #require(Prefix("192.0.2.1"))
    let two = try #require(Prefix("2001:db8::1"))
    var membership = Membership(tableCount: 1)
    membership.move(two, from: .empty, to: Self.black)
    _ = membership.takeChanges()
    for _ in 0..<3 {
      membership.move(one, from: .empty, to: Self.black)
      membership.move(one, from: Self.black, to: .empty)
      membership.move(two, from: Self.black, to: .empty)
      membership.move(two, from: .empty, to: Self.black)
    }
    #expect(membership.hasChanges)
    let changes = membership.takeChanges()
    #expect(changes.isEmpty)
  }

  @Test("After any sequence of moves the net changes turn the old table into the new one")
  func randomSequences() {
    var random = RandomSource(seed: 9)
    var membership = Membership(tableCount: 1)
    var references: [Prefix: Int] = [:]
    var table: Set<Prefix> = []
    for _ in 0..<300 {
      for _ in 0..<Int.random(in: 0..<40, using: &random) {
        let prefix = Prefix.v4(IPv4Prefix(host: IPv4Address(UInt32.random(in: 0..<20, using: &random))))
        if Bool.random(using: &random) {
          membership.move(prefix, from: .empty, to: Self.black)
          references[prefix, default: 0] += 1
        } else if references[prefix, default: 0] > 0 {
          membership.move(prefix, from: Self.black, to: .empty)
          references[prefix, default: 0] -= 1
        }
      }
      for delta in membership.takeChanges().values {
        #expect(table.isDisjoint(with: delta.added.all))
        #expect(table.isSuperset(of: delta.removed.all))
        table.subtract(delta.removed.all)
        table.formUnion(delta.added.all)
      }
      #expect(table == Set(references.filter { $0.value > 0 }.keys))
      #expect(Set(membership.prefixes(of: TableID(index: 0)).all) == table)
    }
  }
}
