import Primitives
import Tables
import Testing

@Suite("What a table must not hold")
struct ExclusionTests {
  private static func v4(_ texts: String...) -> [IPv4Prefix] {
    texts.compactMap { if case .v4(let prefix) = Prefix($0) { prefix } else { nil } }
  }

  private static func v6(_ texts: String...) -> [IPv6Prefix] {
    texts.compactMap { if case .v6(let prefix) = Prefix($0) { prefix } else { nil } }
  }

  @Test("A prefix is split around what is excluded, and dropped when all of it is")
  func splitting() {
    let exclusion = Exclusion(Self.v4("45.0.0.1", "45.0.0.0/31", "45.0.2.0/24"))
    #expect(exclusion.networks == Self.v4("45.0.0.0/31", "45.0.2.0/24"))
    #expect(
      exclusion.subtracted(from: Self.v4("45.0.0.0/29", "45.0.1.0/24", "45.0.2.0/25", "45.0.2.200", "46.0.0.0/8"))
        == Self.v4("45.0.0.2/31", "45.0.0.4/30", "45.0.1.0/24", "46.0.0.0/8"))
  }

  @Test("The whole address space loses its first and its last address")
  func edges() {
    let v4 = Exclusion(Self.v4("0.0.0.0", "255.255.255.255")).subtracted(from: Self.v4("0.0.0.0/0"))
    #expect(v4.count == 62)
    #expect(v4.first == Self.v4("0.0.0.1").first && v4.last == Self.v4("255.255.255.254").first)
    let v6 = Exclusion(Self.v6("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).subtracted(from: Self.v6("::/0"))
    #expect(v6.count == 254)
    #expect(Exclusion(Self.v4("0.0.0.0/0")).subtracted(from: Self.v4("1.0.0.0/8", "9.9.9.9")).isEmpty)
  }

  @Test("Any subtraction holds exactly the addresses that it should, in disjoint sorted prefixes")
  func random() {
    var random = RandomSource(seed: 7)
    let draw = { (count: Int) in
      (0..<count).compactMap { _ in
        IPv4Prefix(
          IPv4Address(UInt32.random(in: 0..<64, using: &random)), length: UInt8.random(in: 26...32, using: &random))
      }
    }
    for _ in 0..<500 {
      let members = draw(6)
      let excluded = draw(4)
      let result = Exclusion(excluded).subtracted(from: members.sorted().cover())
      #expect(result == result.sorted() && result.cover() == result)
      for value in 0..<64 as Range<UInt32> {
        let address = IPv4Prefix(host: IPv4Address(value))
        let wanted = members.contains { $0.contains(address) } && !excluded.contains { $0.contains(address) }
        #expect(result.contains { $0.contains(address) } == wanted)
      }
      // Changed one address at a time, it is the same as made anew.
      var changed = Exclusion(excluded)
      let added = draw(3).map { IPv4Prefix(host: $0.address) }
      let removed = excluded.filter(\.isHost)
      changed.change(adding: added, removing: removed)
      #expect(changed == Exclusion(excluded.filter { !$0.isHost } + added))
      for key in draw(5) {
        let overlaps = excluded.contains { $0.contains(key) || key.contains($0) }
        #expect((Exclusion(excluded).overlapping(key) != nil) == overlaps)
      }
    }
  }

  @Test("Overlaps of two lists are all pairs of which one covers the other")
  func overlaps() {
    var random = RandomSource(seed: 8)
    let draw = { (count: Int) in
      Set(
        (0..<count).compactMap { _ in
          IPv4Prefix(
            IPv4Address(UInt32.random(in: 0..<64, using: &random)), length: UInt8.random(in: 26...32, using: &random))
        }
      ).sorted()
    }
    for _ in 0..<300 {
      let left = draw(8)
      let right = draw(8)
      let pairs = left.overlaps(with: right).map { [$0, $1] }
      let wanted = left.flatMap { one in right.filter { one.contains($0) || $0.contains(one) }.map { [one, $0] } }
      #expect(pairs.count == wanted.count && Set(pairs) == Set(wanted))
    }
  }

  @Test(
    "Private, reserved and documentation addresses are no place that mail comes from",
    arguments: [
      ("0.0.0.0/0", nil), ("10.0.0.0/8", "10.0.0.0/8"), ("10.255.255.255", "10.0.0.0/8"), ("11.0.0.0/8", nil),
      ("100.64.0.1", "100.64.0.0/10"), ("100.128.0.1", nil), ("172.31.0.0/16", "172.16.0.0/12"), ("172.32.0.1", nil),
      ("192.0.1.1", nil), ("192.0.2.1", "192.0.2.0/24"), ("192.168.1.0/24", "192.168.0.0/16"), ("198.20.0.0/16", nil),
      ("203.0.113.9", "203.0.113.0/24"), ("223.255.255.255", nil), ("224.0.0.1", "224.0.0.0/4"),
      ("255.255.255.255", "240.0.0.0/4"), ("2a00::1", nil), ("2001:db8:1::/48", "2001:db8::/32"),
      ("fe80::1", "8000::/1"),
      ("::1", "::/3"), ("2000::/3", nil),
    ])
  func reserved(prefix: String, block: String?) throws {
    #expect(ReservedAddresses.block(containing: try #require(Prefix(prefix))) == block.flatMap { Prefix($0) })
  }

  @Test("A table's role is told by its name, and its windows by its role")
  func roles() throws {
    for name in ["bgp_spamd_bypass", "bgp-spamd-bypass", "spamd-white", "NoSpamd", "allowlist"] {
      #expect(TableRole(guessedFrom: name) == .bypass, "\(name)")
    }
    for name in ["bgp_spamd", "black", "bogons"] { #expect(TableRole(guessedFrom: name) == .black, "\(name)") }
    let refusal = { (role: TableRole, prefix: String) in
      Prefix(prefix).flatMap {
        TablePolicy(role: role).refusal(of: $0, namesLengths: false, allowsReserved: false)?.description
      }
    }
    #expect(refusal(.black, "45.0.0.0/8") == nil)
    #expect(refusal(.black, "44.0.0.0/7") == "shorter than /8")
    #expect(refusal(.bypass, "45.0.0.0/24") == nil)
    #expect(refusal(.bypass, "45.0.0.0/23") == "shorter than /24")
    #expect(refusal(.black, "2a00::/15") == "shorter than /16")
    #expect(refusal(.bypass, "2a00::/47") == "shorter than /48")
    #expect(refusal(.bypass, "10.0.0.1") == "private or reserved: 10.0.0.0/8")
  }
}

@Suite("The shrink guard")
struct ShrinkGuardTests {
  private static func hosts(_ numbers: Range<UInt32>) -> [Prefix] {
    numbers.map { Prefix(host: .v4(IPv4Address(0x2D00_0000 + $0))) }
  }

  private static func policy(_ limit: UInt8, hold: Int = 86400) -> TablePolicy {
    var policy = TablePolicy(role: .black)
    policy.shrinkLimit = limit
    policy.shrinkHold = .seconds(hold)
    return policy
  }

  private static func note(
    _ limit: inout ShrinkGuard, _ prefixes: [Prefix], size: Int, at seconds: Int, back: Set<Prefix> = []
  ) -> Int {
    limit.note(prefixes, size: size, at: .zero + .seconds(seconds)) { back.contains($0) }.count
  }

  @Test("More than the share within the window comes back as a whole; less, fewer or slower does not")
  func window() {
    var limit = ShrinkGuard(Self.policy(10))
    let share = Self.note(&limit, Self.hosts(0..<100), size: 900, at: 0)
    let slow = Self.note(&limit, Self.hosts(100..<101), size: 899, at: 300)
    let much = Self.note(&limit, Self.hosts(101..<201), size: 799, at: 599)
    #expect([share, slow, much] == [0, 0, 101])
    #expect(limit.heldCount == 101)
    var small = ShrinkGuard(Self.policy(10))
    let few = Self.note(&small, Self.hosts(0..<99), size: 1, at: 0)
    var off = ShrinkGuard(Self.policy(100))
    let all = Self.note(&off, Self.hosts(0..<1000), size: 0, at: 0)
    #expect([few, all] == [0, 0])
  }

  @Test("A prefix that comes and goes is one, and those that are back are none")
  func flapping() {
    var limit = ShrinkGuard(Self.policy(50))
    var held = 0
    for second in 0..<200 { held += Self.note(&limit, Self.hosts(7..<8), size: 100, at: second) }
    let back = Self.note(&limit, Self.hosts(0..<150), size: 100, at: 200, back: Set(Self.hosts(0..<140)))
    #expect([held, back] == [0, 0])
  }

  @Test("Each is held for its time, however much follows it")
  func holdTime() {
    var limit = ShrinkGuard(Self.policy(50, hold: 3600))
    _ = Self.note(&limit, Self.hosts(0..<600), size: 400, at: 0)
    for hour in 1..<100 as Range<UInt32> {
      let more = Self.note(&limit, Self.hosts(1000 + hour..<1001 + hour), size: 1000, at: Int(hour) * 30)
      #expect(more == 1)
    }
    #expect(limit.deadline == .zero + .seconds(3600))
    let due = limit.releaseDue(at: .zero + .seconds(3600))
    #expect(due.count == 600 && limit.heldCount == 99)
    let next = limit.deadline
    #expect(next == .zero + .seconds(3660))
  }

  @Test("What is released one by one, or all at once, is held no more")
  func release() {
    var limit = ShrinkGuard(Self.policy(50, hold: 60))
    let held = Self.note(&limit, Self.hosts(0..<100), size: 0, at: 0)
    #expect(held == 100)
    let isReleased = limit.release(Self.hosts(0..<1)[0])
    let isReleasedAgain = limit.release(Self.hosts(0..<1)[0])
    #expect(isReleased && !isReleasedAgain)
    let rest = limit.releaseAll()
    #expect(rest.count == 99)
    #expect(limit.deadline == nil && limit.heldCount == 0)
  }
}
