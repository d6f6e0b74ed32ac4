import Foundation
import Testing

extension InteropTier {
  @Suite("Another configuration while it runs") struct Reload {
    private static let feed = Feed(
      black: ["45.0.1.1/32", "45.0.2.0/24", "2a00:db8::25/128"], bypass: ["45.0.3.1/32"])

    /// A daemon whose tables equal those of a server.
    private static func run(_ body: (Laboratory, NftbgpdUnderTest) throws -> Void) throws {
      try Laboratory.run { laboratory in
        _ = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"])
        try nftbgpd.waitForLog("table complete with")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        try body(laboratory, nftbgpd)
      }
    }

    private static let configuration = NftbgpdUnderTest.configuration(neighbors: ["127.0.0.2"])

    @Test("nftbgpctl reload and SIGHUP take up new rules, and the session does not notice")
    func rules() throws {
      try Self.run { laboratory, nftbgpd in
        try nftbgpd.rewrite(Self.configuration.replacing("65066:666", with: "65066:667"))
        let outcome = try nftbgpd.control("reload")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "reload request sent.\nrequest processed\n")
        try Kernel.wait(for: Feed.sets(Feed(black: [], bypass: ["45.0.3.1/32"])), laboratory)
        try nftbgpd.rewrite(Self.configuration)
        try nftbgpd.hangUp()
        try Kernel.wait(for: Feed.sets(Self.feed), laboratory)
        #expect(nftbgpd.lines(with: "configuration reloaded") == 2)
        #expect(nftbgpd.lines(with: "state change Established") == 0)
        #expect(nftbgpd.lines(with: "state change") == nftbgpd.lines(with: "-> Established") + 3)
      }
    }

    @Test("A file with a mistake changes nothing; who asked is told where it is, and so is the log")
    func mistake() throws {
      try Self.run { laboratory, nftbgpd in
        try nftbgpd.rewrite(Self.configuration + "frobnicate\n")
        let line = Self.configuration.split(separator: "\n", omittingEmptySubsequences: false).count
        let outcome = try nftbgpd.control("reload")
        #expect(outcome.status == 1)
        let place = "\(laboratory.path("nftbgpd.conf")):\(line):1: "
        #expect(outcome.errors.contains(place), "\(outcome.errors)")
        #expect(nftbgpd.lines(with: place) == 1)
        try nftbgpd.hangUp()
        try nftbgpd.waitForLog("configuration not reloaded", times: 2)
        #expect(try Kernel.sets(laboratory) == Feed.sets(Self.feed))
        #expect(nftbgpd.lines(with: "state change Established") == 0)
      }
    }

    @Test("A listener that cannot be opened changes nothing")
    func uselessListener() throws {
      try Self.run { laboratory, nftbgpd in
        try nftbgpd.rewrite("listen on 192.0.2.99\n" + Self.configuration.replacing("65066:666", with: "65066:667"))
        let outcome = try nftbgpd.control("reload")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("192.0.2.99"), "\(outcome.errors)")
        #expect(try Kernel.sets(laboratory) == Feed.sets(Self.feed))
      }
    }

    @Test("A table whose set is declared so that it cannot be used changes nothing")
    func uselessSet() throws {
      try Self.run { laboratory, nftbgpd in
        try Kernel.command("add set \(Kernel.table) black6 { type ipv4_addr; }", laboratory)
        try nftbgpd.rewrite(Self.configuration.replacing("\"bgp_spamd\"", with: "\"black\""))
        let outcome = try nftbgpd.control("reload")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("black6") && outcome.errors.contains("type ipv6_addr"), "\(outcome.errors)")
        try Kernel.command("delete set \(Kernel.table) black6", laboratory)
        #expect(try Kernel.sets(laboratory) == Feed.sets(Self.feed))
        // It is watched as before.
        try Kernel.command("delete element \(Kernel.table) bgp_spamd { 45.0.1.1 }", laboratory)
        try Kernel.wait(for: Feed.sets(Self.feed), laboratory)
      }
    }

    @Test("A listener may become one for all addresses, and that one for one")
    func widerListener() throws {
      try Self.run { laboratory, nftbgpd in
        let listening = { try laboratory.run("ss", ["-Hltn", "sport = :1791"]).output }
        for statement in ["listen on", "metrics listen on"] {
          for address in ["127.0.0.1", "0.0.0.0", "127.0.0.1"] {
            try nftbgpd.rewrite("\(statement) \(address) port 1791\n" + Self.configuration)
            let outcome = try nftbgpd.control("reload")
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try listening().contains("\(address):1791"))
            #expect(try listening().split(separator: "\n").count == 1)
          }
        }
      }
    }

    @Test("A table that is renamed leaves its old sets empty, and a new nft table gets what the old one loses")
    func tables() throws {
      try Self.run { laboratory, nftbgpd in
        let renamed = Self.configuration.replacing("\"bgp_spamd\"", with: "\"black\"")
        try nftbgpd.rewrite(renamed)
        #expect(try nftbgpd.control("reload").status == 0)
        let sets = Feed.sets(Self.feed)
        var expected = sets
        for (name, elements) in sets where name.hasPrefix("bgp_spamd") && !name.hasPrefix("bgp_spamd_bypass") {
          expected[name] = []
          expected[name.replacing("bgp_spamd", with: "black")] = elements
        }
        try Kernel.wait(for: expected, laboratory)
        defer { _ = try? laboratory.run("nft", ["delete table inet elsewhere"]) }
        try nftbgpd.rewrite("nft table inet elsewhere\n" + renamed)
        #expect(try nftbgpd.control("reload").status == 0)
        try Kernel.wait(for: expected.mapValues { _ in [] }, laboratory)
        try laboratory.wait("the other table is filled") {
          try laboratory.run("nft", ["get element inet elsewhere black { 45.0.1.1 }"]).status == 0
            && laboratory.run("nft", ["get element inet elsewhere bgp_spamd_bypass { 45.0.3.1 }"]).status == 0
        }
        #expect(nftbgpd.lines(with: "state change Established") == 0)
        // It is watched as the first one was.
        try Kernel.command("delete element inet elsewhere black { 45.0.1.1 }", laboratory)
        try laboratory.wait("the daemon has repaired that") {
          try laboratory.run("nft", ["get element inet elsewhere black { 45.0.1.1 }"]).status == 0
        }
      }
    }

    @Test("Neighbors come and go; one that goes takes its routes with it")
    func neighbors() throws {
      try Self.run { laboratory, nftbgpd in
        let other = Feed(black: ["45.0.9.9/32"])
        _ = try FeedServer(laboratory, address: "127.0.0.3", other)
        try nftbgpd.rewrite(NftbgpdUnderTest.configuration(neighbors: ["127.0.0.3", "127.0.0.2"]))
        #expect(try nftbgpd.control("reload").status == 0)
        try Kernel.wait(for: Feed.sets(Self.feed, other), laboratory)
        #expect(nftbgpd.lines(with: "state change Established") == 0)
        try nftbgpd.rewrite(NftbgpdUnderTest.configuration(neighbors: ["127.0.0.3"]))
        #expect(try nftbgpd.control("reload").status == 0)
        try Kernel.wait(for: Feed.sets(other), laboratory)
        #expect(nftbgpd.lines(with: "sending notification: Cease, peer unconfigured") == 1, "\(nftbgpd.log)")
      }
    }

    @Test("A listener heeds the keys of the new file: that of a neighbor that has changed, and none where it is gone")
    func keys() throws {
      try Laboratory.run { laboratory in
        let configuration = { (options: String) in
          """
          AS 65500
          router-id 127.0.0.1
          listen on 127.0.0.1
          neighbor \(BIRD.address) {
            remote-as 65066
            multihop 64
            passive
            \(options)
          }
          allow from any
          match from any community 65066:42 set pftable "bgp_spamd_bypass"
          match from any community 65066:666 set pftable "bgp_spamd"

          """
        }
        let quick = "connect delay time 1; connect retry time 1; error wait time 1,1;"
        let nftbgpd = try NftbgpdUnderTest(laboratory, configuration("tcp md5sig password first"))
        try nftbgpd.waitForLog("Idle -> Active")
        var times = 0
        for (ours, theirs) in [("first", "first"), ("second", "second"), (nil, nil), ("third", "third")] {
          times += 1
          if times > 1 {
            try nftbgpd.rewrite(configuration(ours.map { "tcp md5sig password \($0)" } ?? ""))
            #expect(try nftbgpd.control("reload").status == 0)
          }
          let bird = try BIRD(
            laboratory, Self.feed, options: quick + (theirs.map { "password \"\($0)\";" } ?? ""), isPassive: false)
          try nftbgpd.waitForLog("-> Established", times: times)
          try bird.kill()
          try nftbgpd.waitForLog("state change Established -> ", times: times)
        }
      }
    }

    @Test("Control sockets come and go")
    func sockets() throws {
      try Self.run { laboratory, nftbgpd in
        let second = laboratory.path("restricted.sock")
        try nftbgpd.rewrite("socket \"\(second)\" restricted\n" + Self.configuration)
        #expect(try nftbgpd.control("reload").status == 0)
        let ask = { try laboratory.run(Laboratory.product("nftbgpctl"), ["-s", second, "show", "tables"]) }
        try laboratory.wait("the restricted socket answers") { try ask().status == 0 }
        #expect(
          try laboratory.run(Laboratory.product("nftbgpctl"), ["-s", second, "reload"]).errors.contains("restricted"))
        try nftbgpd.rewrite(Self.configuration)
        #expect(try nftbgpd.control("reload").status == 0)
        try laboratory.wait("the restricted socket is gone") { !FileManager.default.fileExists(atPath: second) }
        #expect(try ask().status == 69)
      }
    }

    @Test("With 200,000 entries, a rule that moves 1,000 of them is seen by no packet from another one")
    func underLoad() throws {
      try Laboratory.run { laboratory in
        let (host, moved) = ("45.0.9.9", Feed.hosts(300_000..<301_000))
        var feed = Feed(black: Feed.hosts(0..<200_000) + ["\(host)/32"])
        feed.add(moved, .neither)
        try Watcher.loadRuleset(laboratory)
        _ = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"])
        try nftbgpd.waitForLog("table complete with", seconds: 120)
        try laboratory.wait("all are in the kernel", seconds: 60) {
          // As members, fresh ones, wanted, and acknowledged.
          try nftbgpd.control("show", "tables").output.split(separator: "\n").contains {
            $0.split(separator: " ").count { $0 == "200001" } >= 4
          }
        }
        let rule = "match from any community 65066:1 set pftable \"bgp_spamd\"\n"
        try Watcher.watch("reload with 200,000 entries", [host], .black) {
          for _ in 0..<3 {
            try nftbgpd.rewrite(Self.configuration + rule)
            #expect(try nftbgpd.control("reload").status == 0)
            try laboratory.wait("1,000 more are in the set") {
              try Kernel.has(moved[999].replacing("/32", with: ""), in: "bgp_spamd", laboratory)
            }
            try nftbgpd.rewrite(Self.configuration)
            #expect(try nftbgpd.control("reload").status == 0)
            try laboratory.wait("they have left again") {
              try !Kernel.has(moved[999].replacing("/32", with: ""), in: "bgp_spamd", laboratory)
            }
          }
        }
        #expect(nftbgpd.lines(with: "state change Established") == 0)
      }
    }
  }
}
