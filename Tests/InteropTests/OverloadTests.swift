import Foundation
import Testing

/// How much is loaded, from the environment: `NFTBGPD_LOAD_ROUTES`, 100,000 routes by default. A million is for a daemon that is built
/// for release, in `NFTBGPD_PRODUCTS`.
let loadedRoutes = ProcessInfo.processInfo.environment["NFTBGPD_LOAD_ROUTES"].flatMap { Int($0) } ?? 100_000

extension InteropTier {
  @Suite("Overload") struct Overload {
    private static let configuration =
      NftbgpdUnderTest.configuration(neighbors: ["127.0.0.2"]) + NftbgpdUnderTest.shrinking

    private static func hosts(_ count: Int) -> [String: Set<String>] { Feed.sets(Feed(black: Feed.hosts(0..<count))) }

    @Test("A table of one-prefix UPDATEs from a sender that is no bottleneck: the session stays, memory comes back")
    func load() throws {
      let routes = loadedRoutes
      try Laboratory.run { laboratory in
        let peer = try ScriptedPeer(laboratory, load: routes, holdTime: 9)
        let nftbgpd = try NftbgpdUnderTest(laboratory, Self.configuration)
        try nftbgpd.waitForLog("-> Established")
        let idle = try nftbgpd.memory("RssAnon")
        let clock = ContinuousClock()
        let start = clock.now
        let loading = try nftbgpd.waitAsking(laboratory, "the table is complete", seconds: 240) {
          try nftbgpd.lines(with: "table complete with \(routes) prefixes") == 1 && nftbgpd.elementsInKernel() == routes
        }
        let duration = clock.now - start
        try Kernel.wait(for: Self.hosts(routes), laboratory, seconds: 120)
        let full = try (nftbgpd.memory("RssAnon"), nftbgpd.memory("VmHWM"))
        let loaded = try peer.report()
        #expect(loaded.state == "up")
        #expect(loaded.gap < 9, "the hold time")

        try peer.tell("withdraw", until: "withdrawn")
        let leaving = try nftbgpd.waitAsking(laboratory, "everything has left", seconds: 240) {
          try nftbgpd.elementsInKernel() == 0
        }
        try Kernel.wait(for: Self.hosts(0), laboratory, seconds: 60)
        let left = try nftbgpd.memory("RssAnon")
        let hearing = try peer.report()
        print(
          "measured: \(routes) routes in \(routes / 10) attribute sets in the kernel after \(duration); KEEPALIVEs at most",
          "\(max(0, hearing.gap - 3)) s late; RssAnon \(idle) MiB before, \(full.0) MiB with all (peak of all memory",
          "\(full.1) MiB), \(left) MiB after their withdrawal; slowest answer \(max(loading, leaving));",
          "\(try nftbgpd.processorTime()) s of processor time")
        // What is left are pages with a few octets in use, which of a small table are most.
        #expect(left - idle < (full.0 - idle) / (routes < 1_000_000 ? 1 : 2))
        #expect(hearing.state == "up" && hearing.gap < 9)
        #expect(nftbgpd.lines(with: "-> Established") == 1)
        #expect(max(loading, leaving) < .seconds(5))
      }
    }

    @Test("Fifty neighbors with overlapping tables come up, die at once and return")
    func crowd() throws {
      let (peers, routes, step) = (50, 2000, 1000)
      try Laboratory.run { laboratory in
        let crowd = try ScriptedPeer(laboratory, "crowd", ["\(peers)", "9", "\(routes)", "\(step)"])
        try crowd.waitFor("listening")
        let addresses = (1...peers).map { "127.0.2.\($0)" }
        let clock = ContinuousClock()
        let start = clock.now
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, NftbgpdUnderTest.configuration(neighbors: addresses) + NftbgpdUnderTest.shrinking)
        let complete = "table complete with \(routes) prefixes"
        let expected = Self.hosts((peers - 1) * step + routes)
        let first = try nftbgpd.waitAsking(laboratory, "all tables are complete", seconds: 60) {
          nftbgpd.lines(with: complete) == peers
        }
        try Kernel.wait(for: expected, laboratory, seconds: 60)
        let up = clock.now - start
        let before = try crowd.report()
        #expect(before.state == "\(peers)")

        try crowd.tell("die", until: "died")
        try nftbgpd.waitForLog("keeping its \(routes) prefixes", times: peers)
        #expect(try Kernel.sets(laboratory) == expected)
        try crowd.tell("return", until: "listening")
        let returned = clock.now
        let second = try nftbgpd.waitAsking(laboratory, "all tables are complete again", seconds: 60) {
          nftbgpd.lines(with: complete) == 2 * peers
        }
        try Kernel.wait(for: expected, laboratory)
        let after = try crowd.report()
        #expect(after.state == "\(peers)")
        #expect(max(before.gap, after.gap) < 9, "the hold time")
        #expect(try nftbgpd.control("show", "tables").output.contains("\(expected["bgp_spamd"]?.count ?? 0)"))
        print(
          "measured: \(peers) neighbors with \(routes) routes each: equal after \(up), again",
          "\(clock.now - returned) after their return; KEEPALIVEs at most",
          "\(max(0, max(before.gap, after.gap) - 3)) s late, slowest answer \(max(first, second)),",
          "\(try nftbgpd.memory("VmHWM")) MiB at most")
      }
    }

    @Test("A flood of UPDATEs while every commit is slow: the session stays, and in the end the sets are right")
    func slowCommits() throws {
      let routes = 20_000
      try Laboratory.run { laboratory in
        let peer = try ScriptedPeer(laboratory, load: routes, holdTime: 9)
        let nftbgpd = try NftbgpdUnderTest(laboratory, Self.configuration)
        try Kernel.wait(for: Self.hosts(routes), laboratory, seconds: 60)
        let before = try nftbgpd.memory("VmHWM")
        // What is sent to the kernel waits for a second each time.
        let strace = try nftbgpd.injectFaults("sendto:delay_enter=1000000", into: "strace.out")
        for _ in 0..<5 {
          try peer.tell("withdraw", until: "withdrawn")
          try peer.tell("announce", until: "announced")
          try peer.tell("shift", until: "shifted")
        }
        try peer.tell("withdraw", until: "withdrawn")
        try Kernel.wait(for: Self.hosts(0), laboratory, seconds: 60)
        try laboratory.wait("a commit has taken seconds") { nftbgpd.log.contains(/bgp_spamd in [1-9][0-9]{3} ms/) }
        let during = try peer.report()
        strace.end()
        try peer.tell("announce", until: "announced")
        try Kernel.wait(for: Self.hosts(routes), laboratory, seconds: 60)
        let after = try nftbgpd.memory("VmHWM")
        print(
          "measured: a flood with commits a second late: KEEPALIVEs at most \(max(0, during.gap - 3)) s late,",
          "\(before) MiB at most before and \(after) MiB with it")
        #expect(during.state == "up" && during.gap < 9)
        #expect(nftbgpd.lines(with: "-> Established") == 1)
        #expect(after - before < 50)
      }
    }
  }
}
