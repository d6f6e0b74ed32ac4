import Foundation
import Testing

extension InteropTier {
  @Suite("What protects a session") struct TransportSecurity {
    private static let key = "tcp md5sig password \"mekmitasdigoat\""

    /// A configuration with these neighbours, and what stands in the block of each.
    private static func configuration(_ neighbors: [(String, [String])], listen: [String] = []) -> String {
      let blocks = neighbors.map { address, options in
        "neighbor \(address) {\n  remote-as 65066\n\(options.map { "  \($0)\n" }.joined())}\n"
      }
      return """
        AS 65500
        router-id 127.0.0.1
        connect-retry 1
        \(listen.map { "listen on \($0)\n" }.joined())
        \(blocks.joined())
        allow from any
        match from any community 65066:42 set pftable "bgp_spamd_bypass"
        match from any community 65066:666 set pftable "bgp_spamd"

        """
    }

    private static func state(_ nftbgpd: NftbgpdUnderTest, _ address: String) throws -> String {
      let text = try nftbgpd.control("show", "neighbor", address).output
      let line = text.split(separator: "\n").first { $0.contains("BGP state = ") }
      return line?.split(separator: "=").last.map { $0.split { $0 == " " || $0 == "," }.first.map(String.init) ?? "" }
        ?? ""
    }

    // MARK: TCP MD5 signatures

    @Test("With the same key, sessions with OpenBGPD, BIRD and the feed server come up, over IPv6 too")
    func sameKey() throws {
      try Laboratory.run { laboratory in
        let ipv6 = try IPv6Loopback(laboratory)
        defer { ipv6.remove() }
        let feeds = (1...4).map { Feed(black: ["45.0.\($0).1/32"]) }
        let bgpd = try OpenBGPD(
          laboratory, address: "127.0.0.2", feeds[0], options: ["multihop 64", "passive", Self.key])
        _ = try BIRD(laboratory, feeds[1], options: "password \"mekmitasdigoat\";")
        _ = try FeedServer(laboratory, address: "127.0.0.3", feeds[2], ["--md5", "mekmitasdigoat"])
        _ = try FeedServer(laboratory, address: ipv6.far, feeds[3], ["--md5", "mekmitasdigoat"])
        try bgpd.waitUntilReady()
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          Self.configuration(
            ["127.0.0.2", BIRD.address, "127.0.0.3", ipv6.far].map { ($0, ["multihop 64", Self.key]) }))
        try Kernel.wait(for: Feed.sets(feeds[0], feeds[1], feeds[2], feeds[3]), laboratory)
        #expect(try bgpd.neighbor().contains("Established"))
        #expect(nftbgpd.lines(with: "no SYN-ACK") == 0)
      }
    }

    @Test("With another key, or with one on one side only, no session comes up, and it is said what to check")
    func otherKeys() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32"])
        let bgpd = try OpenBGPD(
          laboratory, address: "127.0.0.2", feed, options: ["multihop 64", "passive", Self.key])
        _ = try BIRD(laboratory, feed, options: "password \"mekmitasdigoat\";")
        _ = try FeedServer(laboratory, address: "127.0.0.3", feed)
        try bgpd.waitUntilReady()
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          Self.configuration([
            ("127.0.0.2", ["multihop 64", "tcp md5sig password wrong"]), (BIRD.address, ["multihop 64"]),
            ("127.0.0.3", ["multihop 64", Self.key]),
          ]))
        let words = [
          "127.0.0.2": "check the MD5 key on both sides, the address and the firewall",
          BIRD.address: "check the address, the firewall and whether it wants an MD5 key",
          "127.0.0.3": "check the MD5 key on both sides, the address and the firewall",
        ]
        for (address, words) in words {
          try laboratory.wait("three attempts to \(address)") {
            nftbgpd.log.split(separator: "\n").count {
              $0.contains("neighbor \(address): state change Connect -> Active") && $0.contains("no SYN-ACK")
            } >= 3
          }
          let shown = try nftbgpd.control("show", "neighbor", address).output
          #expect(shown.contains("Last attempt to connect: connection timed out: no SYN-ACK; \(words)"), "\(shown)")
        }
        #expect(nftbgpd.lines(with: "OpenSent") == 0)
        #expect(try Kernel.sets(laboratory) == Feed.sets(Feed()))
      }
    }

    @Test("A listener holds each neighbor to its own key, takes one without, and no key of another")
    func listener() throws {
      try Laboratory.run { laboratory in
        let feeds = (1...3).map { Feed(black: ["45.0.\($0).1/32"]) }
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          Self.configuration(
            [
              ("127.0.0.2", ["multihop 64", "passive", "tcp md5sig password first"]),
              (BIRD.address, ["multihop 64", "passive", "tcp md5sig key 7365636f6e64"]),
              ("127.0.0.3", ["multihop 64", "passive"]),
            ], listen: ["127.0.0.1 port 1790", "127.0.0.1"]))
        try nftbgpd.waitForLog("Idle -> Active", times: 3)
        let quick = "connect delay time 1; connect retry time 1; error wait time 1,1;"
        let thief = try BIRD(laboratory, feeds[1], options: quick + "password \"first\";", isPassive: false)
        let first = try OpenBGPD(
          laboratory, address: "127.0.0.2", feeds[0],
          options: ["multihop 64", "local-address 127.0.0.2", "port 1790", "tcp md5sig password first"])
        let third = try OpenBGPD(
          laboratory, address: "127.0.0.3", feeds[2], options: ["multihop 64", "local-address 127.0.0.3"])
        try first.waitUntilReady()
        try third.waitUntilReady()
        try Kernel.wait(for: Feed.sets(feeds[0], feeds[2]), laboratory)
        usleep(2_500_000)
        #expect(try Self.state(nftbgpd, BIRD.address) == "Active")
        #expect(try thief.control("show", "protocols", "clients").contains("Connect"))
        try thief.kill()
        _ = try BIRD(laboratory, feeds[1], options: quick + "password \"second\";", isPassive: false)
        try Kernel.wait(for: Feed.sets(feeds[0], feeds[1], feeds[2]), laboratory)
        #expect(try Self.state(nftbgpd, BIRD.address) == "Established")
      }
    }

    @Test("An IPv6 neighbor connects to an IPv6 listener with its key")
    func ipv6Listener() throws {
      try Laboratory.run { laboratory in
        let ipv6 = try IPv6Loopback(laboratory)
        defer { ipv6.remove() }
        let feed = Feed(black: ["2a00:db8::25/128"])
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          Self.configuration([(ipv6.far, ["multihop 64", "passive", Self.key])], listen: [ipv6.near, "127.0.0.1"]))
        try nftbgpd.waitForLog("Idle -> Active")
        let bgpd = try OpenBGPD(
          laboratory, address: ipv6.far, feed, client: ipv6.near,
          options: ["multihop 64", "local-address \(ipv6.far)", Self.key])
        try bgpd.waitUntilReady()
        try Kernel.wait(for: Feed.sets(feed), laboratory)
      }
    }

    // MARK: ttl-security

    @Test("ttl-security on both sides, by whichever side connects, over both families", arguments: [true, false])
    func ttlSecurity(weConnect: Bool) throws {
      try Laboratory.run { laboratory in
        let ipv6 = try IPv6Loopback(laboratory)
        defer { ipv6.remove() }
        let feeds = [Feed(black: ["45.0.2.1/32"]), Feed(black: ["45.0.3.1/32"])]
        let role = weConnect ? [] : ["passive"]
        let options = { (address: String) in [weConnect ? "passive" : "local-address \(address)", "ttl-security yes"] }
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          Self.configuration(
            [
              ("127.0.0.2", role + ["ttl-security yes"]),
              (ipv6.far, role + ["ttl-security yes", "multihop 3", "local-address \(ipv6.near)"]),
            ],
            listen: [ipv6.near, "127.0.0.1"]))
        try nftbgpd.waitForLog("startup")
        try laboratory.wait("nftbgpd is listening") { FileManager.default.fileExists(atPath: nftbgpd.socket) }
        _ = try OpenBGPD(laboratory, address: "127.0.0.2", feeds[0], options: options("127.0.0.2"))
        _ = try OpenBGPD(
          laboratory, address: ipv6.far, feeds[1], client: ipv6.near,
          options: options(ipv6.far) + ["multihop 3"])
        try Kernel.wait(for: Feed.sets(feeds[0], feeds[1]), laboratory, seconds: 40)
      }
    }

    @Test("A neighbor that comes from farther away than it may is not heard, whoever connects")
    func tooFar() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32"])
        // These send with TTL 64: as if from 191 routers away.
        _ = try OpenBGPD(laboratory, address: "127.0.0.2", feed, options: ["multihop 64", "passive"])
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          Self.configuration(
            [("127.0.0.2", ["ttl-security yes", "multihop 2"]), ("127.0.0.3", ["ttl-security yes", "passive"])],
            listen: ["127.0.0.1"]))
        try nftbgpd.waitForLog("127.0.0.3: state change Idle -> Active")
        let active = try OpenBGPD(
          laboratory, address: "127.0.0.3", feed, options: ["multihop 64", "local-address 127.0.0.3"])
        try active.waitUntilReady()
        // bgpd's listener answers with TTL 255 before it knows whom; what it says afterwards is not heard.
        try nftbgpd.waitForLog("127.0.0.2: state change Connect -> OpenSent")
        usleep(3_000_000)
        #expect(nftbgpd.lines(with: "OpenSent") == 1)
        #expect(nftbgpd.lines(with: "OpenConfirm") == 0)
        #expect(try Self.state(nftbgpd, "127.0.0.3") == "Active")
        #expect(try Kernel.sets(laboratory) == Feed.sets(Feed()))
      }
    }

    // MARK: Connection collision

    /// How many connections to port 179 there are: both ends of each are here.
    private static func connections(_ laboratory: Laboratory) throws -> Int {
      let arguments = ["-Htn", "state", "established", "( sport = :179 or dport = :179 )"]
      let lines = try laboratory.run("ss", arguments).output.split(separator: "\n").count
      return lines / 2
    }

    /// Runs commands at the same time.
    private static func together(_ laboratory: Laboratory, _ commands: [String]...) throws {
      let words = commands.map { $0.map { "'\($0)'" }.joined(separator: " ") + " & " }.joined()
      try laboratory.run("sh", ["-c", words + "wait"])
    }

    @Test("OpenBGPD and nftbgpd that connect to each other end with one session, twenty times")
    func collisionWithOpenBGPD() throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32"])
        let bgpd = try OpenBGPD(
          laboratory, address: "127.0.0.2", feed, options: ["multihop 64", "local-address 127.0.0.2"])
        try bgpd.waitUntilReady()
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, Self.configuration([("127.0.0.2", ["multihop 64"])], listen: ["127.0.0.1"]))
        for round in 1...20 {
          try laboratory.wait("one session in round \(round)") {
            try Self.state(nftbgpd, "127.0.0.2") == "Established" && bgpd.neighbor().contains("= Established")
          }
          #expect(try Self.connections(laboratory) == 1)
          try Self.together(laboratory, bgpd.command("down"), nftbgpd.command("neighbor", "127.0.0.2", "down"))
          try laboratory.wait("no connection after round \(round)") { try Self.connections(laboratory) == 0 }
          try Self.together(laboratory, bgpd.command("up"), nftbgpd.command("neighbor", "127.0.0.2", "up"))
        }
        try Kernel.wait(for: Feed.sets(feed), laboratory)
      }
    }

    @Test(
      "Of two connections with BIRD that meet in OpenConfirm, that of the higher identifier becomes the session",
      arguments: [("127.0.0.1", "src 127.0.0.1:179"), ("127.0.0.9", "dst \(BIRD.address):179")])
    func collisionWithBIRD(identifier: String, ourEnd: String) throws {
      try Laboratory.run { laboratory in
        let feed = Feed(black: ["45.0.2.1/32"])
        let server = try BIRD(
          laboratory, feed,
          options: "connect delay time 1; connect retry time 1; error wait time 1,1; error forget time 1;",
          isPassive: false)
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          Self.configuration([(BIRD.address, ["multihop 64"])], listen: ["127.0.0.1"])
            .replacing("router-id 127.0.0.1", with: "router-id \(identifier)"))
        let obstacle = Obstacle(laboratory)
        defer { obstacle.remove() }
        for round in 1...4 {
          try laboratory.wait("one session in round \(round)", seconds: 30) {
            try Self.state(nftbgpd, BIRD.address) == "Established"
              && server.control("show", "protocols", "clients").contains("Established")
          }
          try Self.together(laboratory, server.command("disable"), nftbgpd.command("neighbor", BIRD.address, "down"))
          try laboratory.wait("no connection after round \(round)") { try Self.connections(laboratory) == 0 }
          // Connections open, but nothing gets through them.
          try obstacle.put("tcp flags & psh == psh")
          try Self.together(laboratory, server.command("enable"), nftbgpd.command("neighbor", BIRD.address, "up"))
          try laboratory.wait("two connections in round \(round)") { try Self.connections(laboratory) == 2 }
          // Now BIRD's OPENs do. It has not seen ours, so no KEEPALIVE follows before both are here.
          try obstacle.put("tcp flags & psh == psh ip saddr 127.0.0.1")
          try laboratory.wait("one of them is closed in round \(round)") { try Self.connections(laboratory) == 1 }
          #expect(try Self.state(nftbgpd, BIRD.address) == "OpenConfirm")
          let kept = try laboratory.run("ss", ["-Htn", "state", "established", ourEnd]).output
          #expect(kept.split(separator: "\n").count == 1)
          obstacle.remove()
        }
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        try laboratory.wait("one session at last") { try Self.state(nftbgpd, BIRD.address) == "Established" }
        #expect(nftbgpd.lines(with: "Cease, collision resolution") >= 4)
      }
    }
  }
}

/// A firewall between the two ends of BGP connections.
private struct Obstacle {
  private let laboratory: Laboratory

  init(_ laboratory: Laboratory) {
    self.laboratory = laboratory
  }

  /// From now on, packets like these are dropped, and no others.
  func put(_ condition: String) throws {
    let rules = ["sport", "dport"].map { "    tcp \($0) 179 \(condition) drop\n" }.joined()
    let ruleset = """
      table inet obstacle
      delete table inet obstacle
      table inet obstacle {
        chain input {
          type filter hook input priority 0;
      \(rules)
        }
      }

      """
    let outcome = try laboratory.run("nft", ["-f", try laboratory.write(ruleset, to: "obstacle.nft")])
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  func remove() {
    _ = try? laboratory.run("nft", ["delete", "table", "inet", "obstacle"])
  }
}

/// Two addresses of IPv6 on the loopback interface, which has only one by itself.
private struct IPv6Loopback {
  let near = "2a00:45::1"
  let far = "2a00:45::2"
  private let laboratory: Laboratory

  init(_ laboratory: Laboratory) throws {
    self.laboratory = laboratory
    for address in [near, far] {
      let added = try laboratory.run("ip", ["address", "add", "\(address)/128", "dev", "lo", "nodad"])
      try #require(added.status == 0, "\(added.errors)")
    }
  }

  func remove() {
    for address in [near, far] { _ = try? laboratory.run("ip", ["address", "del", "\(address)/128", "dev", "lo"]) }
  }
}
