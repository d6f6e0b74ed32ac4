import Foundation
import Testing

extension InteropTier {
  @Suite("At size") struct Size {
    /// 36,000 black and 6,000 bypass hosts on each server, most of them on both.
    private static let feeds: (first: Feed, second: Feed) = {
      var first = Feed(black: Feed.hosts(0..<36_000), bypass: Feed.hosts(50_000..<56_000))
      var second = Feed(black: Feed.hosts(4_000..<40_000), bypass: Feed.hosts(51_000..<57_000))
      let shared = ["45.51.100.0/24", "45.51.100.7/32", "2a00:db8::25/128", "2a00:db8:bad::/48"]
      first.add(shared, .black)
      second.add(shared, .black)
      first.add(["45.0.113.0/28", "2a00:db8::42/128", "2a00:db8:42::/64"], .bypass)
      second.add(["45.0.2.4/32"], .both)
      // The servers disagree: it is in both tables.
      first.add(["45.0.2.5/32"], .bypass)
      second.add(["45.0.2.5/32"], .black)
      return (first, second)
    }()

    @Test("The published configuration, unchanged, makes the sets equal to what two OpenBGPD servers announce")
    func publishedConfiguration() throws {
      try Laboratory.run { laboratory in
        let servers = [
          try OpenBGPD(laboratory, address: "127.0.0.2", Self.feeds.first),
          try OpenBGPD(laboratory, address: "127.0.0.3", Self.feeds.second),
        ]
        for server in servers { try server.waitUntilReady() }
        let clock = ContinuousClock()
        let start = clock.now
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, NftbgpdUnderTest.published, NftbgpdUnderTest.publishedNames, export: laboratory.path("black"))
        try Kernel.wait(for: Feed.sets(Self.feeds.first, Self.feeds.second), laboratory, seconds: 60)
        print("interop: two servers with 42,000 hosts each: the sets are equal after \(clock.now - start)")
        try nftbgpd.waitForLog("table complete with", times: 2)
        try Kernel.wait(for: Feed.sets(Self.feeds.first, Self.feeds.second), laboratory)
        try expectPublishedScript(laboratory, nftbgpd)
      }
    }

    /// The script that has been published for bgp-spamd, by a real shell and a real sed, with our program's name in it.
    private func expectPublishedScript(_ laboratory: Laboratory, _ nftbgpd: NftbgpdUnderTest) throws {
      let program = "'\(Laboratory.product("nftbgpctl"))' -s '\(nftbgpd.socket)'"
      let script =
        program + #" show rib community 65066:666 | sed -e '1,4d' -e 's/\/.*$//' -e 's/[ \*\>]*//'"#
      let outcome = try laboratory.run("sh", ["-c", script])
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
      // Networks lose their length to it, IPv6 is listed too, and what both servers announce is there twice.
      let black = { (feed: Feed) in feed.routes.filter { $0.value != .bypass }.map(\.key) }
      let lines = outcome.output.split(separator: "\n").map(String.init)
      let expected = (black(Self.feeds.first) + black(Self.feeds.second)).map { String($0.prefix { $0 != "/" }) }
      let found = Set(lines)
      let wanted = Set(expected)
      #expect(found.subtracting(wanted).sorted().prefix(5) == [])
      #expect(wanted.subtracting(found).sorted().prefix(5) == [])
      #expect(lines.count == expected.count)
    }

    @Test("Two servers with the same 50,000 hosts fill one set")
    func memory() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: Feed.hosts(0..<50_000))
        let servers = [
          try FeedServer(laboratory, address: "127.0.0.2", feed),
          try FeedServer(laboratory, address: "127.0.0.3", feed),
        ]
        let clock = ContinuousClock()
        let start = clock.now
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: servers.map(\.address))
        try nftbgpd.waitForLog("table complete with 50000 prefixes", times: 2, seconds: 60)
        try Kernel.wait(for: Feed.sets(feed), laboratory, seconds: 60)
        let memory = try nftbgpd.residentMemory()
        print(
          "interop: twice the same 50,000 hosts: equal after \(clock.now - start), nftbgpd has \(memory / 1024) MiB")
      }
    }
  }
}
