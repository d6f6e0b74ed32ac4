import Foundation
import Primitives
import Testing

extension InteropTier {
  /// A load of many elements goes in several transactions, and nobody listens for those of other programs meanwhile.
  @Suite("In the middle of a load") struct Load {
    private enum Disturbance: CaseIterable {
      case flushRuleset, deleteTable, deleteSet, flushSet, add, remove, kill, failSend, failReceive
    }

    @Test(
      "What happens in the middle of a load or of a withdrawal of everything is found and repaired afterwards",
      arguments: Array(0..<max(5, TruthExtent.chosen.fullSeeds.count)))
    func middle(seed: Int) throws {
      var random = RandomSource(seed: UInt64(seed))
      let hosts = Nested.hosts(0..<30_000)
      var feed = Feed(black: hosts, bypass: Nested.hosts(40_000..<45_000))
      feed.add((0..<2000).map { "45.\($0 / 250).\($0 % 250).0/\(24 + $0 % 8)" }, .black)
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        var nftbgpd = try NftbgpdUnderTest(laboratory, Nested.configuration(server))
        try nftbgpd.waitForLog("-> Established")
        let disturb = {
          usleep(UInt32.random(in: 0...200_000, using: &random))
          let host = Feed.element(hosts[Int.random(in: 0..<hosts.count, using: &random)])
          guard let disturbance = Disturbance.allCases.randomElement(using: &random) else { return }
          switch disturbance {
          case .flushRuleset: try laboratory.run("nft", ["flush ruleset"])
          case .deleteTable: try laboratory.run("nft", ["delete table \(Kernel.table)"])
          case .deleteSet: try laboratory.run("nft", ["delete set \(Kernel.table) bgp_spamd"])
          case .flushSet: try laboratory.run("nft", ["flush set \(Kernel.table) bgp_spamd"])
          case .add: try laboratory.run("nft", ["add element \(Kernel.table) bgp_spamd { 47.1.2.3 }"])
          case .remove: try laboratory.run("nft", ["delete element \(Kernel.table) bgp_spamd { \(host) }"])
          case .kill:
            try nftbgpd.kill()
            nftbgpd = try NftbgpdUnderTest(laboratory, Nested.configuration(server))
          case .failSend, .failReceive:
            let call = disturbance == .failSend ? "sendto" : "recvmsg"
            let strace = try nftbgpd.injectFaults("\(call):error=ENOBUFS:when=1+3", into: "strace.out")
            usleep(300_000)
            strace.end()
          }
        }
        for _ in 0..<2 { try disturb() }
        try Kernel.wait(for: Feed.sets(feed), laboratory, seconds: 60)

        try server.send("withdraw all")
        let gone = "47.0.0.\(1 + seed % 200)/32"
        try server.send("announce \(gone) 65066:666")
        try disturb()
        try Kernel.wait(for: Feed.sets(Feed(black: [gone])), laboratory, seconds: 60)
      }
    }
  }
}
