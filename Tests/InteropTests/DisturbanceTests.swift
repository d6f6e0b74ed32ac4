import Foundation
import Testing

extension InteropTier {
  @Suite("What happens to the tables from outside") struct Disturbance {
    /// What the tables hold in these tests.
    private static var feed: Feed {
      var feed = Feed(black: Feed.hosts(0..<20_000), bypass: Feed.hosts(30_000..<31_000))
      feed.add(["45.51.100.0/24", "2a00:db8::25/128", "2a00:db8:bad::/48"], .black)
      return feed
    }

    /// A daemon whose tables equal a server's.
    private static func inStep(_ laboratory: Laboratory) throws -> (Feed, FeedServer, NftbgpdUnderTest) {
      let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
      let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
      try nftbgpd.waitForLog("table complete with 21003 prefixes")
      try Kernel.wait(for: Feed.sets(feed), laboratory)
      return (feed, server, nftbgpd)
    }

    @Test(
      "Whatever another program does to the sets is undone within a second and told with its name, and nothing else is",
      arguments: [
        ("flush ruleset", "table deleted"),
        ("delete table inet nftbgpd", "table deleted"),
        ("flush set inet nftbgpd bgp_spamd", "set bgp_spamd 20000 removed"),
        ("delete set inet nftbgpd bgp_spamd_net", "set bgp_spamd_net deleted"),
        ("add element inet nftbgpd bgp_spamd { 8.8.8.8 }", "set bgp_spamd 1 added"),
        ("delete element inet nftbgpd bgp_spamd_net { 45.51.100.0/24 }", "set bgp_spamd_net 1 removed"),
        ("add element inet nftbgpd bgp_spamd6_net { 2a00:db8:1::-2a00:db8:1::77 }", "set bgp_spamd6_net 1 added"),
      ])
    func repair(command: String, words: String) throws {
      try Laboratory.run { laboratory in
        let (feed, _, nftbgpd) = try Self.inStep(laboratory)
        try Kernel.command(command, laboratory)
        let start = ContinuousClock.now
        // The log line first: until then the sets may still look right.
        try nftbgpd.waitForLog("; repairing")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        print("interop: '\(command)' undone and seen to be after \(ContinuousClock.now - start)")
        #expect(nftbgpd.log.contains("by nft["))
        #expect(nftbgpd.log.contains(words))
        #expect(nftbgpd.lines(with: "; repairing") == 1)
      }
    }

    @Test("A ruleset that declares the sets once more, and changes of other tables, disturb nothing")
    func harmless() throws {
      try Laboratory.run { laboratory in
        let (feed, _, nftbgpd) = try Self.inStep(laboratory)
        let ruleset = """
          table inet nftbgpd {
            set bgp_spamd { type ipv4_addr; }
            set bgp_spamd_net { type ipv4_addr; flags interval; }
            chain input { type filter hook input priority filter; ip saddr @bgp_spamd counter drop; }
          }
          table inet other {
            set somebody { type ipv4_addr; elements = { 45.0.2.1 }; }
          }

          """
        let file = try laboratory.write(ruleset, to: "ruleset.nft")
        for _ in 0..<3 { #expect(try laboratory.run("nft", ["-f", file]).status == 0) }
        try Kernel.command("delete table inet other", laboratory)
        // What comes after it is seen and repaired, so the above has been seen and found harmless.
        try Kernel.command("delete element inet nftbgpd bgp_spamd_net { 45.51.100.0/24 }", laboratory)
        try nftbgpd.waitForLog("; repairing")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        #expect(nftbgpd.lines(with: "; repairing") == 1)
      }
    }

    @Test("A reload of a ruleset that begins with flush ruleset and declares the sets brings everything back")
    func reload() throws {
      try Laboratory.run { laboratory in
        let (feed, _, _) = try Self.inStep(laboratory)
        let ruleset = """
          flush ruleset
          table inet nftbgpd {
            set bgp_spamd { type ipv4_addr; }
            set bgp_spamd_net { type ipv4_addr; flags interval; }
            chain input { type filter hook input priority filter; ip saddr @bgp_spamd counter drop; }
          }

          """
        let file = try laboratory.write(ruleset, to: "ruleset.nft")
        #expect(try laboratory.run("nft", ["-f", file]).status == 0)
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        #expect(try laboratory.run("nft", ["list", "chain", "inet", "nftbgpd", "input"]).output.contains("@bgp_spamd"))
      }
    }

    @Test("After SIGKILL and a reboot, restore fills the sets from the snapshot before any server is heard")
    func reboot() throws {
      try Laboratory.run { laboratory in
        let (feed, server, nftbgpd) = try Self.inStep(laboratory)
        // Ten seconds after the first change the tables are saved.
        try laboratory.wait("a snapshot is written") {
          FileManager.default.fileExists(atPath: laboratory.path("snapshot"))
        }
        try nftbgpd.kill()
        try server.freeze()
        try Kernel.command("flush ruleset", laboratory)
        let restored = try NftbgpdUnderTest.restore(laboratory)
        #expect(restored.status == 0, "\(restored.errors)")
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))

        // The daemon goes on from there, and the feed has the last word.
        let after = try NftbgpdUnderTest(laboratory, neighbors: [server.address], log: "nftbgpd-after.log")
        try after.waitForLog("restored from the snapshot")
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        try server.send("withdraw 45.51.100.0/24")
        try server.thaw()
        var left = feed
        left.remove("45.51.100.0/24")
        try Kernel.wait(for: Feed.sets(left), laboratory, seconds: 30)
      }
    }

    @Test("A snapshot that is not what was written is refused with a message, and the daemon starts without it")
    func brokenSnapshot() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try nftbgpd.waitForLog("table complete with 1 prefixes")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        try nftbgpd.terminate()
        let path = laboratory.path("snapshot")
        var octets = try #require(FileManager.default.contents(atPath: path))
        octets[octets.count / 2] ^= 1
        #expect(FileManager.default.createFile(atPath: path, contents: octets))
        let restored = try NftbgpdUnderTest.restore(laboratory)
        #expect(restored.status == 1)
        #expect(restored.errors.contains("the checksum or the contents are wrong"))
        let after = try NftbgpdUnderTest(laboratory, neighbors: [server.address], log: "nftbgpd-after.log")
        try after.waitForLog("snapshot refused: \(path): the checksum or the contents are wrong")
        try after.waitForLog("table complete with 1 prefixes")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
      }
    }
  }
}
