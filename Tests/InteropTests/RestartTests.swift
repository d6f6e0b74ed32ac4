import Foundation
import Testing

extension InteropTier {
  @Suite("Stop and start") struct Restart {
    @Test("SIGTERM is told to OpenBGPD, the tables stay, and a restart never takes out what is listed")
    func restart() throws {
      try Laboratory.run { laboratory in
        // Some hosts are known from the second server alone.
        var first = Feed(black: Feed.hosts(0..<12_000), bypass: Feed.hosts(20_000..<21_000))
        first.add(["45.51.100.0/24", "2a00:db8::25/128", "2a00:db8:bad::/48"], .black)
        let second = Feed(black: Feed.hosts(11_000..<15_000))
        let bgpd = try OpenBGPD(laboratory, address: "127.0.0.2", first)
        let feedServer = try FeedServer(laboratory, address: "127.0.0.3", second)
        try bgpd.waitUntilReady()
        let neighbors = [bgpd.address, feedServer.address]
        let before = try NftbgpdUnderTest(laboratory, neighbors: neighbors, log: "nftbgpd-before.log")
        try before.waitForLog("table complete with", times: 2)
        try Kernel.wait(for: Feed.sets(first, second), laboratory)

        try before.terminate()
        try laboratory.wait("bgpd has received Cease") {
          bgpd.log.contains("neighbor 127.0.0.1: received notification: Cease, administratively down")
        }
        #expect(try bgpd.neighbor().contains("Last error received: Cease, administratively down"))
        #expect(try Kernel.sets(laboratory) == Feed.sets(first, second))

        // One host leaves while nobody listens, and the second server is slow to speak.
        let gone = Feed.hosts(17..<18)[0]
        let old = Feed.sets(first, second)
        try bgpd.withdraw(gone)
        first.remove(gone)
        try feedServer.freeze()
        let monitor = try RulesetMonitor(laboratory)
        let after = try NftbgpdUnderTest(laboratory, neighbors: neighbors, log: "nftbgpd-after.log")
        var looks = Looks(laboratory)
        try looks.repeated(until: "the first table is complete") {
          after.lines(with: "table complete with 13002 prefixes") == 1
        }
        // Nobody has withdrawn what is not known yet.
        #expect(try Kernel.sets(laboratory) == old)
        try feedServer.thaw()
        try looks.repeated(until: "the second table is complete") {
          after.lines(with: "table complete with 4000 prefixes") == 1
        }
        try Kernel.wait(for: Feed.sets(first, second), laboratory)
        print("interop: \(looks.count) looks at two listed hosts during the restart, \(looks.misses) misses")
        #expect(looks.misses == 0)
        // Nothing else was ever taken out, not even for a moment.
        #expect(
          try monitor.transactions() == [["delete element inet nftbgpd bgp_spamd { \(Feed.element(gone)) }"]])
      }
    }

    /// Looks at a host of both servers and at one of the second alone, as fast as nft(8) answers.
    private struct Looks {
      let laboratory: Laboratory
      let hosts = (Feed.hosts(11_999..<12_000) + Feed.hosts(14_999..<15_000)).map(Feed.element).joined(separator: ", ")
      var count = 0
      var misses = 0

      init(_ laboratory: Laboratory) {
        self.laboratory = laboratory
      }

      mutating func repeated(until what: String, _ condition: () -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(20)
        repeat {
          for _ in 0..<100 {
            count += 1
            misses += try Kernel.has(hosts, in: "bgp_spamd", laboratory) ? 0 : 1
          }
          try #require(ContinuousClock.now < deadline, "not within 20 s: \(what)")
        } while !condition()
      }
    }

    @Test("A second daemon on the same socket gives up and leaves the first alone")
    func second() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let first = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try first.waitForLog("table complete with 1 prefixes")
        let second = try NftbgpdUnderTest(laboratory, neighbors: [server.address], log: "nftbgpd-second.log")
        #expect(try second.wait() == 1)
        #expect(second.log.contains("another nftbgpd is running there"))
        #expect(try first.routes() == ["45.0.2.1"])
        try server.send("withdraw 45.0.2.1")
        try Kernel.wait(for: Feed.sets(), laboratory)
      }
    }

    @Test("A peer that falls silent is dropped after its hold time, its tables stay, and it may come back")
    func holdTimer() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32", "45.51.100.0/24"], bypass: ["45.0.2.2/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed, holdTime: 9)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try nftbgpd.waitForLog("table complete with 3 prefixes")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        let clock = ContinuousClock()
        let start = clock.now
        try server.freeze()
        try nftbgpd.waitForLog("HoldTimer expired")
        let silence = clock.now - start
        print("interop: hold time 9 s, dropped after \(silence)")
        // The last KEEPALIVE came up to a third of the hold time, 3 s, before it froze.
        #expect(silence > .seconds(5) && silence < .seconds(11))
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        #expect(try nftbgpd.control("show", "summary", "terse").output.contains("Established") == false)

        try server.thaw()
        try nftbgpd.waitForLog("table complete with 3 prefixes", times: 2)
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        try server.send("withdraw 45.0.2.1")
        try Kernel.wait(
          for: Feed.sets(Feed(black: ["45.51.100.0/24"], bypass: ["45.0.2.2/32"])), laboratory)
      }
    }
  }
}
