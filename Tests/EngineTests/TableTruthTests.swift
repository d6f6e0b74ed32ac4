import BGPWire
import ConfigFile
import Control
import Engine
import Primitives
import Tables
import TestSupport
import Testing

@Suite("Table truth")
struct TableTruthTests {
  /// What the peers last said and what the guards make of it, worked out for single addresses: no cover, no split, no count.
  private struct Model {
    /// What is open in one sequence and guarded in another.
    struct Guards {
      var lengths: ClosedRange<UInt8>
      var never: [Prefix]
      var preferred: TableRole?
    }

    var routes: [[Prefix: Set<UInt16>]]
    let guards: Guards
    let neighbors: [Prefix]

    /// The members of a table, before anything is carved out.
    func members(_ community: UInt16) -> Set<Prefix> {
      var table: Set<Prefix> = []
      for peer in routes {
        // The last matching rule wins: 666 over 42.
        for (prefix, communities) in peer
        where communities.contains(community) && (community == 666 || !communities.contains(666)) {
          if prefix.family == .ipv6 || guards.lengths.contains(prefix.length) { table.insert(prefix) }
        }
      }
      return table
    }

    /// Whether the kernel is to match an address in a table.
    func holds(_ address: Prefix, _ community: UInt16) -> Bool {
      let isMember = { (community: UInt16) in members(community).contains { $0.contains(address) } }
      guard isMember(community) else { return false }
      let isProtected = (guards.never + neighbors).contains { $0.contains(address) }
      switch (community, guards.preferred) {
      case (666, .bypass): return !isProtected && !isMember(42)
      case (666, _): return !isProtected
      case (_, .black): return isProtected || !isMember(666)
      default: return true
      }
    }
  }

  @Test(
    "After any sequence of announce, change, withdraw, flap and failed commit the sets equal a rebuild from scratch",
    arguments: 0..<200)
  func sequences(seed: Int) {
    var random = RandomSource(seed: UInt64(seed))
    let peers = 2 + seed % 3
    var kernel = KernelModel()
    if seed % 4 == 0 { kernel.intervalTables = ["black"] }
    let guards = Model.Guards(
      lengths: seed % 5 == 0 ? 8...32 : 0...32,
      never: seed % 3 == 0 ? ["0.0.0.8/30", "0.0.0.17", "::3"].compactMap { Prefix($0) } : [],
      preferred: [nil, .bypass, .black][seed % 7 % 3])
    let configuration = Laboratory.configuration(peers: peers) {
      for index in $0.tables.indices { $0.tables[index].ipv4Lengths = LengthRange(guards.lengths) }
      $0.never = guards.never
      $0.preferredRole = guards.preferred
    }
    var lab = Laboratory(configuration, kernel: kernel)
    var model = Model(
      routes: Array(repeating: [:], count: peers), guards: guards,
      neighbors: configuration.neighbors.map { Prefix(host: $0.address) })
    for index in 0..<peers {
      lab.up(index)
      lab.endOfRIB(index)
    }
    for _ in 0..<150 {
      let peer = Int.random(in: 0..<peers, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<10:
        let list = Self.prefixes(&random)
        let communities = [[666], [42], [42, 666], [1], []][Int.random(in: 0..<5, using: &random)] as [UInt16]
        lab.announce(peer, PrefixList(list), communities)
        for prefix in list { model.routes[peer][prefix] = Set(communities) }
      case 10..<17:
        let list =
          Bool.random(using: &random) ? Self.prefixes(&random) : Array(model.routes[peer].keys.sorted().prefix(3))
        lab.receive(peer, .update(UpdateMessage(withdrawn: PrefixList(list))))
        for prefix in list { model.routes[peer][prefix] = nil }
      case 17:
        lab.close(peer)
        lab.up(peer)
        let kept = model.routes[peer].sorted { $0.key < $1.key }.filter { _ in Bool.random(using: &random) }
        for (prefix, communities) in kept { lab.announce(peer, PrefixList([prefix]), communities.sorted()) }
        lab.endOfRIB(peer)
        model.routes[peer] = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
      case 18:
        lab.holdsCommits.toggle()
        if !lab.holdsCommits { lab.releaseCommits() }
      default:
        lab.commitFailure = lab.commitFailure == nil ? "injected" : nil
      }
    }
    lab.holdsCommits = false
    lab.commitFailure = nil
    lab.releaseCommits()
    lab.advance(.seconds(80))  // longer than the longest wait after a failed commit
    // Wherever membership can change: at both ends of every prefix, and beside them.
    var seen = Set(model.routes.flatMap(\.keys) + guards.never + model.neighbors)
    for table in lab.kernel.sets.values { seen.formUnion(table) }
    let points = Set(seen.flatMap(Self.edges))
    for (name, community) in [("black", 666), ("bypass", 42)] as [(String, UInt16)] {
      let elements = lab.kernel.table(name).compactMap { Prefix($0) }
      let wrong = points.filter { point in
        elements.contains { $0.contains(point) } != model.holds(point, community)
      }
      #expect(
        wrong.isEmpty, "seed \(seed), table \(name)\n\(lab.log.suffix(12).joined(separator: "\n"))")
      let wanted = Int(lab.tables(name).reduce(0) { $0 + $1.wanted })
      #expect(wanted == elements.count, "seed \(seed), table \(name)")
    }
  }

  /// The first and the last address of a prefix and those next to them.
  private static func edges(_ prefix: Prefix) -> [Prefix] {
    switch prefix {
    case .v4(let prefix):
      let first = prefix.address.value
      let last = prefix.lastAddress.value
      return [first, last, first &- 1, last &+ 1].map { Prefix(host: .v4(IPv4Address($0))) }
    case .v6(let prefix):
      let first = prefix.address
      let last = prefix.lastAddress
      return [
        first, last, IPv6Address(high: first.high, low: first.low &- 1),
        IPv6Address(high: last.high, low: last.low &+ 1),
      ].map { Prefix(host: .v6($0)) }
    }
  }

  private static func prefixes(_ random: inout RandomSource) -> [Prefix] {
    (0..<Int.random(in: 1...4, using: &random)).compactMap { _ in
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        Prefix(
          .v4(IPv4Address(UInt32.random(in: 0..<16, using: &random))), length: UInt8.random(in: 27...32, using: &random)
        )
      case 1:
        Prefix(
          .v6(IPv6Address(high: 0, low: UInt64.random(in: 0..<8, using: &random))),
          length: UInt8.random(in: 124...128, using: &random))
      case 2:
        Prefix(
          .v4(IPv4Address(.max - UInt32.random(in: 0..<4, using: &random))),
          length: UInt8.random(in: 0...32, using: &random))
      default: Prefix(host: .v4(IPv4Address(UInt32.random(in: 0..<32, using: &random))))
      }
    }
  }
}
