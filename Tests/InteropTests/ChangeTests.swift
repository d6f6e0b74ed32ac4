import Foundation
import Testing

extension InteropTier {
  @Suite("Changes") struct Changes {
    @Test("A prefix that one OpenBGPD withdraws stays while the other announces it, and then goes from everywhere")
    func withdrawal() throws {
      try Laboratory.run { laboratory in
        var feed = Feed(black: ["45.0.2.8/32", "45.0.2.9/32", "45.51.100.0/24", "2a00:db8::9/128"])
        let export = laboratory.path("black")
        let first = try OpenBGPD(laboratory, address: "127.0.0.2", feed)
        let second = try OpenBGPD(laboratory, address: "127.0.0.3", feed)
        try first.waitUntilReady()
        try second.waitUntilReady()
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2", "127.0.0.3"], export: export)
        try nftbgpd.waitForLog("table complete with 4 prefixes", times: 2)
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        try ExportedList.wait(for: ["45.0.2.8", "45.0.2.9", "45.51.100.0/24"], in: export, laboratory)

        for prefix in ["45.0.2.9/32", "2a00:db8::9/128"] {
          try first.withdraw(prefix)
          try laboratory.wait("\(prefix) is gone from the first server") {
            try nftbgpd.routes("neighbor", "127.0.0.2").allSatisfy { $0 != Feed.element(prefix) }
          }
        }
        #expect(try Kernel.sets(laboratory) == Feed.sets(feed))
        #expect(try nftbgpd.routes() == ["45.0.2.8", "45.0.2.9", "45.51.100.0/24", "2a00:db8::9"])
        #expect(try ExportedList(export).entries.contains("45.0.2.9"))

        for prefix in ["45.0.2.9/32", "2a00:db8::9/128"] {
          try second.withdraw(prefix)
          feed.remove(prefix)
        }
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        #expect(try nftbgpd.routes() == ["45.0.2.8", "45.51.100.0/24"])
        try ExportedList.wait(for: ["45.0.2.8", "45.51.100.0/24"], in: export, laboratory)
      }
    }

    @Test("A prefix whose community changes moves to the other table in one transaction")
    func move() throws {
      try Laboratory.run { laboratory in
        let moving = ["45.0.2.1/32", "45.51.100.0/24", "2a00:db8::1/128"]
        var feed = Feed(black: moving + ["45.0.2.2/32"])
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address])
        try nftbgpd.waitForLog("table complete with 4 prefixes")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        let monitor = try RulesetMonitor(laboratory)
        for prefix in moving {
          try server.send("announce \(prefix) 65066:42")
          feed.add([prefix], .bypass)
          try Kernel.wait(for: Feed.sets(feed), laboratory)
        }
        let transactions = try monitor.transactions()
        #expect(
          transactions.map(Set.init) == [
            [
              "delete element inet nftbgpd bgp_spamd { 45.0.2.1 }",
              "add element inet nftbgpd bgp_spamd_bypass { 45.0.2.1 }",
            ],
            [
              "delete element inet nftbgpd bgp_spamd_net { 45.51.100.0/24 }",
              "add element inet nftbgpd bgp_spamd_bypass_net { 45.51.100.0/24 }",
            ],
            [
              "delete element inet nftbgpd bgp_spamd6 { 2a00:db8::1 }",
              "add element inet nftbgpd bgp_spamd_bypass6 { 2a00:db8::1 }",
            ],
          ])
      }
    }
  }
}
