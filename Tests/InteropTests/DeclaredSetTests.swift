import Testing

extension InteropTier {
  @Suite("Sets of the operator") struct DeclaredSets {
    @Test("A set that is declared with flags interval takes hosts and networks, none within another")
    func interval() throws {
      try Laboratory.run { laboratory in
        try Kernel.command(
          "add table \(Kernel.table); add set \(Kernel.table) bgp_spamd { type ipv4_addr; flags interval; }", laboratory
        )
        let inside = ["45.51.100.7/32", "45.51.100.128/25"]
        let feed = Feed(
          black: ["45.0.2.1/32", "45.0.2.2/32", "45.51.100.0/24", "2a00:db8::25/128"] + inside,
          bypass: ["45.0.2.3/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try nftbgpd.waitForLog("table complete with 7 prefixes")
        var expected = Feed.sets(Feed(black: ["2a00:db8::25/128"], bypass: ["45.0.2.3/32"]))
        expected["bgp_spamd_net"] = nil
        expected["bgp_spamd"] = ["45.0.2.1", "45.0.2.2", "45.51.100.0/24"]
        try Kernel.wait(for: expected, laboratory)

        // What was within the network has to be there without it.
        try server.send("withdraw 45.51.100.0/24")
        expected["bgp_spamd"] = ["45.0.2.1", "45.0.2.2", "45.51.100.7", "45.51.100.128/25"]
        try Kernel.wait(for: expected, laboratory)
        try server.send("announce 45.51.100.0/24 65066:666")
        expected["bgp_spamd"] = ["45.0.2.1", "45.0.2.2", "45.51.100.0/24"]
        try Kernel.wait(for: expected, laboratory)
      }
    }

    @Test(
      "After a restart an interval set is as the feed says, whether or not somebody has changed it while the daemon was down",
      arguments: ["", "delete element inet nftbgpd bgp_spamd { 45.0.2.1 }", "add table inet nobody", "flush ruleset"])
    func restart(meanwhile: String) throws {
      try Laboratory.run { laboratory in
        defer { _ = try? laboratory.run("nft", ["delete table inet nobody"]) }
        let declaration =
          "add table \(Kernel.table); add set \(Kernel.table) bgp_spamd { type ipv4_addr; flags interval; }"
        try Kernel.command(declaration, laboratory)
        let feed = Feed(black: Feed.hosts(0..<3000) + ["45.0.2.1/32", "45.51.100.0/24", "2a00:db8::/48"])
        _ = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let before = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"], log: "nftbgpd-before.log")
        try before.waitForLog("table complete with 3003 prefixes")
        var expected = Feed.sets(feed)
        let networks = expected.removeValue(forKey: "bgp_spamd_net") ?? []
        expected["bgp_spamd"]?.formUnion(networks)
        try Kernel.wait(for: expected, laboratory)
        try before.terminate()
        if !meanwhile.isEmpty { try Kernel.command(meanwhile, laboratory) }
        if meanwhile == "flush ruleset" { try Kernel.command(declaration, laboratory) }
        let monitor = try RulesetMonitor(laboratory)
        let after = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"], log: "nftbgpd-after.log")
        try after.waitForLog("table complete with 3003 prefixes")
        try Kernel.wait(for: expected, laboratory)
        if meanwhile.isEmpty || meanwhile.contains("nobody") { #expect(try monitor.transactions() == []) }
        // What it believes of the set is true: a lone change fits.
        try Kernel.command("delete element \(Kernel.table) bgp_spamd { 45.51.100.0/24 }", laboratory)
        try Kernel.wait(for: expected, laboratory)
      }
    }

    @Test(
      "A set that cannot be used ends the daemon with the declaration to use, and that one works",
      arguments: [
        ("bgp_spamd", "type inet_service", "type ipv4_addr"),
        ("bgp_spamd", "type ipv6_addr", "type ipv4_addr"),
        ("bgp_spamd", "type ipv4_addr; flags timeout", "type ipv4_addr"),
        ("bgp_spamd", "type ipv4_addr; flags interval, timeout", "type ipv4_addr; flags interval"),
        ("bgp_spamd_net", "type ipv4_addr", "type ipv4_addr; flags interval"),
        ("bgp_spamd6", "type ipv4_addr", "type ipv6_addr"),
      ])
    func unusable(_ name: String, _ wrong: String, _ right: String) throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32", "2a00:db8::25/128"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        try Kernel.command(
          "add table \(Kernel.table); add set \(Kernel.table) \(name) { \(wrong); }", laboratory)
        let refused = try NftbgpdUnderTest(laboratory, neighbors: [server.address], log: "nftbgpd-refused.log")
        #expect(try refused.wait() == 1)
        let declaration = "set \(name) { \(right); }"
        let message = try #require(refused.log.split(separator: "\n").last)
        #expect(
          message.hasSuffix("in table \(Kernel.table) cannot hold what the feed says; declare it as: \(declaration)"))
        #expect(try Kernel.sets(laboratory) == [name: []], "nothing else was created")

        try Kernel.command("delete table \(Kernel.table); table \(Kernel.table) {\n\(declaration)\n}\n", laboratory)
        let accepted = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try accepted.waitForLog("table complete with 2 prefixes")
        try laboratory.wait("the set is filled") {
          try Kernel.elements(of: "bgp_spamd", laboratory) == ["45.0.2.1"]
            && Kernel.elements(of: "bgp_spamd6", laboratory) == ["2a00:db8::25"]
        }
      }
    }
  }
}
