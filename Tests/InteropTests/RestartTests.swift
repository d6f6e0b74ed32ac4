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
        try Watcher.loadRuleset(laboratory)
        let bgpd = try OpenBGPD(laboratory, address: "127.0.0.2", first)
        let feedServer = try FeedServer(laboratory, address: "127.0.0.3", second)
        try bgpd.waitUntilReady()
        let neighbors = [bgpd.address, feedServer.address]
        let before = try NftbgpdUnderTest(laboratory, neighbors: neighbors, log: "nftbgpd-before.log")
        try before.waitForLog("table complete with", times: 2)
        try Kernel.wait(for: Feed.sets(first, second), laboratory)

        // A host of both servers and one of the second alone.
        let watched = (Feed.hosts(11_999..<12_000) + Feed.hosts(14_999..<15_000)).map(Feed.element)
        try Watcher.watch("a restart with a server that is late", watched) {
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
          try after.waitForLog("table complete with 13002 prefixes")
          // Nobody has withdrawn what is not known yet.
          #expect(try Kernel.sets(laboratory) == old)
          try feedServer.thaw()
          try after.waitForLog("table complete with 4000 prefixes")
          try Kernel.wait(for: Feed.sets(first, second), laboratory)
          // Nothing else was ever taken out, not even for a moment.
          #expect(
            try monitor.transactions() == [["delete element inet nftbgpd bgp_spamd { \(Feed.element(gone)) }"]])
        }
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
