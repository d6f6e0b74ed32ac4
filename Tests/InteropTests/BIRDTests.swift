import Testing

extension InteropTier {
  @Suite("BIRD 2") struct BIRDServer {
    @Test("Both families over one session, withdrawals, a sudden death, and a return with less")
    func life() throws {
      try Laboratory.run { laboratory in
        var feed = Feed(
          black: ["45.0.2.1/32", "45.0.2.3/32", "45.51.100.0/24", "2a00:db8::25/128", "2a00:db8:bad::/48"],
          bypass: ["45.0.2.2/32", "2a00:db8::42/128"])
        feed.add(["45.0.2.4/32"], .both)
        let server = try BIRD(laboratory, feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [BIRD.address])
        try nftbgpd.waitForLog("table complete with 8 prefixes (End-of-RIB)")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        #expect(try server.control("show", "protocols", "clients").contains("Established"))

        for prefix in ["45.0.2.3/32", "2a00:db8::42/128"] { feed.remove(prefix) }
        try server.reconfigure(feed)
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        #expect(nftbgpd.lines(with: "-> Established") == 1)

        try server.kill()
        try nftbgpd.waitForLog("keeping its 6 prefixes")
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))

        let monitor = try RulesetMonitor(laboratory)
        feed.remove("45.0.2.1/32")
        try server.start(feed)
        try nftbgpd.waitForLog("table complete with 5 prefixes (End-of-RIB)")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        #expect(try monitor.transactions() == [["delete element inet nftbgpd bgp_spamd { 45.0.2.1 }"]])
      }
    }
  }
}
