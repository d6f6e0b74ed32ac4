import Foundation
import Testing

extension InteropTier {
  @Suite("Guards") struct Guards {
    /// The rows of `show tables` by name and family.
    private static func tables(_ nftbgpd: NftbgpdUnderTest) throws -> [String: [String: Any]] {
      let outcome = try nftbgpd.control("-j", "show", "tables")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      var rows: [String: [String: Any]] = [:]
      for row in object?["tables"] as? [[String: Any]] ?? [] {
        rows["\(row["table"] ?? "") \(row["family"] ?? "")"] = row
      }
      return rows
    }

    private static func figure(_ key: String, _ row: String, _ nftbgpd: NftbgpdUnderTest) throws -> Int? {
      try tables(nftbgpd)[row]?[key] as? Int
    }

    @Test("The default route and the host's own address in black, the default route in bypass: none reach the kernel")
    func poison() throws {
      try Laboratory.run { laboratory in
        let own = "45.77.0.1"
        #expect(try laboratory.run("ip", ["address", "add", "\(own)/32", "dev", "lo"]).status == 0)
        defer { _ = try? laboratory.run("ip", ["address", "del", "\(own)/32", "dev", "lo"]) }
        let harmless = Feed(black: ["45.0.2.1/32"], bypass: ["45.0.2.2/32"])
        var black = harmless
        black.add(["0.0.0.0/0", "\(own)/32"], .black)
        let first = try FeedServer(laboratory, address: "127.0.0.2", black)
        let second = try FeedServer(laboratory, address: "127.0.0.3", Feed(black: [], bypass: ["0.0.0.0/0"]))
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [first.address, second.address])
        try nftbgpd.waitForLog("table complete with 4 prefixes")
        try nftbgpd.waitForLog("table complete with 1 prefixes")
        try Kernel.wait(for: Feed.sets(harmless), laboratory)
        let counters = try ["bgp_spamd IPv4", "bgp_spamd_bypass IPv4"].map {
          try Self.figure("refused", $0, nftbgpd) ?? 0
        }
        #expect(counters == [2, 1])
        let refused = try nftbgpd.control("show", "refused").output
        #expect(refused.contains("shorter than /8") && refused.contains("shorter than /24"))
        #expect(refused.contains("protected: address of this host"))
        #expect(nftbgpd.lines(with: "0.0.0.0/0 is kept out of bgp_spamd: shorter than /8") == 1)
        #expect(try nftbgpd.control("why", own).output.contains("NOT LISTED: protected (address of this host)"))
        #expect(
          try nftbgpd.control("why", "45.0.2.1").output.contains("LISTED by 45.0.2.1/32, and the kernel holds it"))

        // The address is the host's no more: then the feed decides.
        #expect(try laboratory.run("ip", ["address", "del", "\(own)/32", "dev", "lo"]).status == 0)
        try laboratory.wait("the address is listed") { try Kernel.has(own, in: "bgp_spamd", laboratory) }
      }
    }

    @Test("A feed that comes back with five percent of its entries removes nothing until that is accepted")
    func shrinking() throws {
      try Laboratory.run { laboratory in
        let all = Feed(black: Feed.hosts(0..<2000), bypass: ["45.0.2.2/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", all)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try nftbgpd.waitForLog("table complete with 2001 prefixes")
        try Kernel.wait(for: Feed.sets(all), laboratory)
        try server.send("stop")
        try nftbgpd.waitForLog("keeping its 2001 prefixes")

        let rest = Feed(black: Feed.hosts(0..<100), bypass: ["45.0.2.2/32"])
        let back = try FeedServer(laboratory, address: "127.0.0.2", rest)
        try nftbgpd.waitForLog("table complete with 101 prefixes", seconds: 30)
        try nftbgpd.waitForLog("table bgp_spamd: 1900 prefixes are gone from the feed at once: held")
        #expect(try Kernel.sets(laboratory) == Feed.sets(all))
        #expect(try Self.figure("held", "bgp_spamd IPv4", nftbgpd) == 1900)
        #expect(try Self.figure("fresh", "bgp_spamd IPv4", nftbgpd) == 100)
        let lost = Feed.element(Feed.hosts(1500..<1501)[0])
        let why = try nftbgpd.control("why", lost).output
        #expect(why.contains("held") && why.contains("the kernel holds it"), "\(why)")

        // Held over a restart as well: the feed still lacks them.
        try nftbgpd.terminate()
        let after = try NftbgpdUnderTest(laboratory, neighbors: [back.address], log: "nftbgpd-after.log")
        try after.waitForLog("1900 prefixes are gone from the feed at once: held")
        #expect(try Kernel.sets(laboratory) == Feed.sets(all))
        #expect(try after.control("table", "bgp_spamd", "accept").status == 0)
        try Kernel.wait(for: Feed.sets(rest), laboratory)
        #expect(try Self.figure("held", "bgp_spamd IPv4", after) == 0)
      }
    }

    @Test("A set that is full keeps what it holds, says so, and takes the rest when there is room")
    func fullSet() throws {
      try Laboratory.run { laboratory in
        try Kernel.command(
          "add table \(Kernel.table); add set \(Kernel.table) bgp_spamd { type ipv4_addr; size 100; }", laboratory)
        let old = Feed.hosts(0..<80)
        let server = try FeedServer(laboratory, address: "127.0.0.2", Feed(black: old))
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try nftbgpd.waitForLog("table complete with 80 prefixes")
        try Kernel.wait(for: Feed.sets(Feed(black: old)), laboratory)
        for host in Feed.hosts(80..<150) { try server.send("announce \(host) 65066:666") }
        try server.send("announce 45.0.2.2/32 65066:42")
        try laboratory.wait("the rest waits") {
          try nftbgpd.control("show", "tables").output.contains("50 elements wait, it is full")
        }
        let held = try Kernel.elements(of: "bgp_spamd", laboratory)
        #expect(held.count == 100 && held.isSuperset(of: old.map(Feed.element)))
        // One set that is full holds up no other one.
        try laboratory.wait("the other table goes on") {
          try Kernel.elements(of: "bgp_spamd_bypass", laboratory) == ["45.0.2.2"]
        }
        for host in old { try server.send("withdraw \(host)") }
        try Kernel.wait(for: Feed.sets(Feed(black: Feed.hosts(80..<150), bypass: ["45.0.2.2/32"])), laboratory)
        try laboratory.wait("all is well") { try !nftbgpd.control("show", "tables").output.contains("error") }
      }
    }

    @Test("max-prefix takes no more, and neither the session nor what is in the tables suffers")
    func maxPrefix() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: Feed.hosts(0..<50))
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let configuration = NftbgpdUnderTest.configuration(neighbors: ["\(server.address) { max-prefix 50 }"])
        let nftbgpd = try NftbgpdUnderTest(laboratory, configuration)
        try nftbgpd.waitForLog("table complete with 50 prefixes")
        try server.send("announce 45.0.2.1/32 65066:666")
        try nftbgpd.waitForLog("prefix limit reached (50)")
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        try server.send("withdraw \(Feed.hosts(7..<8)[0])")
        try server.send("announce 45.0.2.3/32 65066:666")
        var now = feed
        now.remove(Feed.hosts(7..<8)[0])
        now.add(["45.0.2.3/32"], .black)
        try Kernel.wait(for: Feed.sets(now), laboratory)
        #expect(nftbgpd.lines(with: "-> Established") == 1)
        #expect(try nftbgpd.control("show", "neighbor").output.contains("Prefixes over max-prefix: 1"))
        // Asked again, it sends what was left out, for which there is no room.
        #expect(try nftbgpd.control("neighbor", server.address, "refresh").status == 0)
        try laboratory.wait("it is asked") {
          try nftbgpd.control("show", "neighbor").output.contains("Prefixes over max-prefix: 2")
        }
        #expect(try Kernel.sets(laboratory) == Feed.sets(now))
      }
    }

    @Test(
      "neighbor down keeps the tables or flushes them, up and clear bring the session back, a restricted socket refuses"
    )
    func neighborCommands() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: Feed.hosts(0..<500), bypass: ["45.0.2.2/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let restricted = laboratory.path("restricted.sock")
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          NftbgpdUnderTest.configuration(neighbors: [server.address]) + "socket \"\(restricted)\" restricted\n")
        try nftbgpd.waitForLog("table complete with 501 prefixes")
        #expect(try nftbgpd.control("neighbor", server.address, "clear").output == "request processed\n")
        try nftbgpd.waitForLog("table complete with 501 prefixes", times: 2, seconds: 60)
        #expect(try nftbgpd.control("neighbor", "group", "feed", "down", "maintenance").status == 0)
        try nftbgpd.waitForLog("keeping its 501 prefixes", times: 2)
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        let refused = try laboratory.run(
          Laboratory.product("nftbgpctl"), ["-s", restricted, "neighbor", server.address, "down", "flush"])
        #expect(refused.status == 1 && refused.errors.contains("restricted"))
        #expect(try nftbgpd.control("neighbor", server.address, "down", "flush").status == 0)
        try Kernel.wait(for: Feed.sets(Feed()), laboratory)
        #expect(try nftbgpd.control("neighbor", server.address, "up").status == 0)
        try nftbgpd.waitForLog("table complete with 501 prefixes", times: 3, seconds: 60)
        try Kernel.wait(for: Feed.sets(feed), laboratory)
      }
    }

    @Test("BIRD is asked for long-lived graceful restart, and its time is how long its routes stay")
    func longLivedGracefulRestart() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32", "45.0.2.3/32"], bypass: ["45.0.2.2/32"])
        let server = try BIRD(
          laboratory, feed,
          options:
            "graceful restart on; graceful restart time 1; long lived graceful restart on; long lived stale time 2;")
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [BIRD.address])
        try nftbgpd.waitForLog("table complete with 3 prefixes (End-of-RIB)")
        #expect(try server.control("show", "protocols", "all", "clients").contains("Long-lived graceful restart"))
        try server.kill()
        try nftbgpd.waitForLog("keeping its 3 prefixes for up to 3 s")
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        try nftbgpd.waitForLog("stale-time is over: removing 3 prefixes")
        try Kernel.wait(for: Feed.sets(Feed()), laboratory)
      }
    }

    @Test("An owned table is passed over by flush ruleset, survives SIGKILL, and is taken over again")
    func ownedTable() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: Feed.hosts(0..<300), bypass: ["45.0.2.2/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let configuration =
          NftbgpdUnderTest.configuration(neighbors: [server.address]) + """
            nft table inet nftbgpd owner
            table "bgp_spamd" { mark 0x2000000 }

            """
        let nftbgpd = try NftbgpdUnderTest(laboratory, configuration)
        try nftbgpd.waitForLog("table complete with 301 prefixes")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        try Kernel.command("flush ruleset", laboratory)
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        #expect(try laboratory.run("nft", ["flush set \(Kernel.table) bgp_spamd"]).status != 0)
        let chain = try laboratory.run("nft", ["list", "chain", "inet", "nftbgpd", "classify"]).output
        #expect(chain.contains("ip saddr @bgp_spamd counter"), "\(chain)")
        #expect(chain.contains("ip6 saddr @bgp_spamd6_net counter"))
        #expect(nftbgpd.lines(with: "; repairing") == 0)
        try nftbgpd.kill()
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        let after = try NftbgpdUnderTest(laboratory, configuration, log: "nftbgpd-after.log")
        try after.waitForLog("table complete with 301 prefixes")
        try Kernel.command("flush ruleset", laboratory)
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        try server.send("withdraw 45.0.2.2/32")
        try Kernel.wait(for: Feed.sets(Feed(black: Feed.hosts(0..<300))), laboratory)
        try after.terminate()
      }
    }
  }
}
