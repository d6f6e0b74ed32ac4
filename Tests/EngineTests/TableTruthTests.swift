import BGPWire
import Engine
import Primitives
import Testing

@Suite("Table truth")
struct TableTruthTests {
  /// What the peers last said, and so what the tables must hold.
  private struct Model {
    var routes: [[Prefix: Set<UInt16>]]

    func table(_ community: UInt16) -> Set<Prefix> {
      var table: Set<Prefix> = []
      for peer in routes {
        // The last matching rule wins: 666 over 42.
        for (prefix, communities) in peer
        where communities.contains(community) && (community == 666 || !communities.contains(666)) {
          table.insert(prefix)
        }
      }
      return table
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
    var lab = Laboratory(Laboratory.configuration(peers: peers), kernel: kernel)
    var model = Model(routes: Array(repeating: [:], count: peers))
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
    for (name, community) in [("black", 666), ("bypass", 42)] as [(String, UInt16)] {
      let wanted = model.table(community)
      let isInterval = lab.kernel.intervalTables.contains(name)
      let intervals = wanted.filter { isInterval || !$0.isHost }
      let cover = intervals.filter { prefix in !intervals.contains { $0 != prefix && $0.contains(prefix) } }
      let expected = cover.union(isInterval ? [] : wanted.filter(\.isHost))
      #expect(
        Set(lab.kernel.table(name)) == Set(expected.map(\.description)),
        "seed \(seed), table \(name)\n\(lab.log.suffix(12).joined(separator: "\n"))")
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
