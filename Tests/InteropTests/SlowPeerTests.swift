import Foundation
import Testing

extension InteropTier {
  @Suite("Slow and silent peers") struct SlowPeers {
    @Test("From a peer that sends one octet per segment the full table arrives, with KEEPALIVEs on time")
    func octets() throws {
      let routes = 3000
      try Laboratory.run { laboratory in
        let peer = try ScriptedPeer(laboratory, load: routes, holdTime: 3, "--octets")
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"])
        try nftbgpd.waitForLog("table complete with \(routes) prefixes", seconds: 60)
        try Kernel.wait(for: Feed.sets(Feed(black: Feed.hosts(0..<routes))), laboratory)
        try laboratory.wait("there have been KEEPALIVEs") { try peer.report().keepalives > 3 }
        let hearing = try peer.report()
        print("measured: octet by octet: KEEPALIVEs at most \(max(0, hearing.gap - 1)) s late")
        #expect(hearing.state == "up" && hearing.gap < 3)
        #expect(nftbgpd.lines(with: "-> Established") == 1)
      }
    }

    @Test(
      "A peer that never reads and asks all the time for what would be answered costs no memory, and its session ends")
    func deaf() throws {
      try Laboratory.run { laboratory in
        let peer = try ScriptedPeer(laboratory, load: 10, holdTime: 3, "--deaf")
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"])
        try nftbgpd.waitForLog("table complete with 10 prefixes")
        let before = try nftbgpd.memory("VmRSS")
        // Answers of twice the size to 46 MB of requests.
        try peer.send("ask 2000")
        try nftbgpd.waitForLog("reason: HoldTimer expired", seconds: 30)
        let after = try nftbgpd.memory("VmHWM")
        print("measured: a deaf peer that asks: \(before) MiB before, \(after) MiB at most")
        #expect(after - before < 16)
        try peer.waitFor("lost")
        // Nobody holds that against it.
        try nftbgpd.waitForLog("-> Established", times: 2)
      }
    }

    @Test("A peer that never reads and sends only KEEPALIVEs costs nothing")
    func silent() throws {
      try Laboratory.run { laboratory in
        _ = try ScriptedPeer(laboratory, load: 10, holdTime: 3, "--deaf")
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"])
        try nftbgpd.waitForLog("table complete with 10 prefixes")
        let before = try nftbgpd.memory("VmRSS")
        sleep(5)
        #expect(try nftbgpd.memory("VmRSS") - before < 4)
        #expect(nftbgpd.lines(with: "-> Established") == 1)
      }
    }

    @Test(
      "Connections that never become sessions are few, whoever opens them, and disturb nobody",
      arguments: ["none", "half"])
    func strangers(sends: String) throws {
      try Laboratory.run { laboratory in
        let peer = try ScriptedPeer(laboratory, load: 1000, holdTime: 3)
        let configuration =
          "listen on 127.0.0.1\n"
          + NftbgpdUnderTest.configuration(neighbors: ["127.0.0.2", "127.0.0.9 {\n    passive\n  }"])
        let nftbgpd = try NftbgpdUnderTest(laboratory, configuration)
        try nftbgpd.waitForLog("table complete with 1000 prefixes")
        let descriptors = try nftbgpd.descriptors()
        let memory = try nftbgpd.memory("VmRSS")

        // From the neighbor with a session, from one that is waited for, and from nobody. One may stay open beside a session, and two
        // where there is none (RFC 4271 §6.8).
        let sources = ["127.0.0.2", "127.0.0.9", "127.0.0.77"]
        let strangers = try ScriptedPeer(laboratory, "strangers", ["127.0.0.1", "100", sends] + sources)
        try strangers.waitFor("knocked", seconds: 60)
        for _ in 0..<2 { try strangers.tell("again", until: "knocked") }
        var open = ""
        try laboratory.wait("all but three have been closed") {
          open = try strangers.tell("report", until: "report")
          return open == "report 3"
        }
        // Those that were closed are read for a second more, so that what they were told arrives.
        try laboratory.wait("three descriptors are left of them") { try nftbgpd.descriptors() - descriptors <= 3 }
        #expect(try nftbgpd.memory("VmRSS") - memory < 16)
        let hearing = try peer.report()
        #expect(hearing.state == "up" && hearing.gap < 3)
        #expect(nftbgpd.lines(with: "-> Established") == 1)
        // A stranger fills no log.
        #expect((1...20).contains(nftbgpd.lines(with: "refused: no neighbor with that address")))
        print(
          "measured: 900 connections that send \(sends): \(open.split(separator: " ").last ?? "?") stay open,",
          "\(nftbgpd.log.split(separator: "\n").count) lines of log, KEEPALIVEs at most",
          "\(max(0, hearing.gap - 1)) s late")

        strangers.end()
        try laboratory.wait("the neighbor that is waited for is waited for again") {
          try nftbgpd.control("show", "neighbor", "127.0.0.9").output.contains("BGP state = Active")
        }
        try laboratory.wait("no descriptor is left of them") { try nftbgpd.descriptors() <= descriptors }
      }
    }
  }
}
