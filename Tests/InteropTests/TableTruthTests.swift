import Foundation
import Primitives
import Testing

/// How long the tables are tried, from the environment:
///
/// - `NFTBGPD_TRUTH_SECONDS`: for how long sequences are begun, and for no fewer than twenty of them; 60 by default
/// - `NFTBGPD_TRUTH_SEQUENCES`: this many, however long it takes
/// - `NFTBGPD_TRUTH_SEED`: the one of this seed, to see a failure again
enum TruthExtent {
  case seconds(Int)
  case sequences(Int)
  case seed(Int)

  static let chosen: TruthExtent = {
    let number = { (name: String) in ProcessInfo.processInfo.environment["NFTBGPD_TRUTH_\(name)"].flatMap { Int($0) } }
    if let seed = number("SEED") { return .seed(seed) }
    if let count = number("SEQUENCES") { return .sequences(count) }
    return .seconds(number("SECONDS") ?? 60)
  }()

  /// After which it hangs: with every sequence three times as slow as they are.
  var minutes: Int {
    switch self {
    case .seconds(let seconds): max(3, seconds / 60 + 3)
    case .sequences(let count): max(3, count / 12)
    case .seed: 3
    }
  }

  var firstSeed: Int {
    if case .seed(let seed) = self { return seed }
    return 0
  }

  /// After how many failures there is nothing more to be learnt.
  var tolerance: Int {
    switch self {
    case .seconds, .seed: 1
    case .sequences: 5
    }
  }

  /// The seeds of sequences with a set that becomes full, which take several seconds each.
  var fullSeeds: Range<Int> {
    switch self {
    case .seconds(let seconds): 0..<max(2, seconds / 30)
    case .sequences(let count): 0..<max(2, count / 40)
    case .seed(let seed): seed..<seed + 1
    }
  }

  func goesOn(after sequences: Int, since start: ContinuousClock.Instant) -> Bool {
    switch self {
    case .seconds(let seconds): sequences < 20 || ContinuousClock.now - start < .seconds(seconds)
    case .sequences(let count): sequences < count
    case .seed: sequences < 1
    }
  }
}

extension InteropTier {
  @Suite("Table truth") struct TableTruth {
    @Test("After any sequence of changes, losses, restarts and disturbances the sets equal a model built from scratch")
    func sequences() throws {
      let start = ContinuousClock.now
      let extent = TruthExtent.chosen
      var total = TruthTally()
      var failed = 0
      var sequences = 0
      while extent.goesOn(after: sequences, since: start), failed < extent.tolerance {
        // A daemon and its servers serve many sequences, and new ones take over from time to time.
        try Laboratory.run { laboratory in
          let bench = try TruthBench(laboratory)
          defer { total += bench.tally }
          for _ in 0..<50 where extent.goesOn(after: sequences, since: start) {
            defer { sequences += 1 }
            do {
              try bench.run(TruthPlan(seed: extent.firstSeed + sequences))
            } catch {
              failed += 1
              Issue.record("\(error)")
              return
            }
          }
        }
        print("interop: the tables were true after \(total.description) in \(ContinuousClock.now - start)")
      }
    }

    @Test(
      "A set that is full keeps what it has, holds up no other, and is true again when there is room",
      arguments: TruthExtent.chosen.fullSeeds)
    func full(seed: Int) throws {
      var random = RandomSource(seed: UInt64(seed))
      let (isIPv6, size) = (Bool.random(using: &random), Int.random(in: 3...12, using: &random))
      let name = isIPv6 ? "bgp_spamd6" : "bgp_spamd"
      let hosts = (1...40).map { isIPv6 ? "2a00:1000:1::\(String($0, radix: 16))/128" : "45.0.0.\($0)/32" }
      try Laboratory.run { laboratory in
        let type = isIPv6 ? "ipv6_addr" : "ipv4_addr"
        try Kernel.command(
          "add table \(Kernel.table); add set \(Kernel.table) \(name) { type \(type); size \(size); }", laboratory)
        var feed = Feed(black: Array(hosts.shuffled(using: &random).prefix(size - 1)) + ["45.0.1.0/24"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, NftbgpdUnderTest.configuration(neighbors: [server.address]) + NftbgpdUnderTest.shrinking)
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        for round in 1...2 {
          var old = try Kernel.elements(of: name, laboratory)
          // Some leave, and more come than there is room for.
          for host in feed.routes.keys.filter({ hosts.contains($0) }).sorted() where random.next() % 3 == 0 {
            feed.remove(host)
            old.remove(Feed.element(host))
            try server.send("withdraw \(host)")
          }
          let listed = feed.routes.keys.count { hosts.contains($0) }
          let others = hosts.filter { feed.routes[$0] == nil }.shuffled(using: &random)
          for host in others.prefix(size - listed + Int.random(in: 1...10, using: &random)) {
            feed.add([host], .black)
            try server.send("announce \(host) 65066:666")
          }
          feed.add(["45.0.2.\(round)/32"], .bypass)
          try server.send("announce 45.0.2.\(round)/32 65066:42")
          var expected = Feed.sets(feed)
          let wanted = expected.removeValue(forKey: name) ?? []
          try laboratory.wait("seed \(seed): all but \(name) are true, and that keeps what it has", seconds: 70) {
            var found = try Kernel.sets(laboratory)
            let full = found.removeValue(forKey: name) ?? []
            #expect(full.count <= size)
            return found == expected && full.isSubset(of: wanted) && full.isSuperset(of: old)
          }
          try nftbgpd.waitForLog("set \(name): it is full")

          var surplus = wanted.count - Int.random(in: 1...size, using: &random)
          for host in hosts.shuffled(using: &random) where surplus > 0 && feed.routes[host] != nil {
            feed.remove(host)
            try server.send("withdraw \(host)")
            surplus -= 1
          }
          try Kernel.wait(for: Feed.sets(feed), laboratory, seconds: 70)
        }
      }
    }
  }
}
