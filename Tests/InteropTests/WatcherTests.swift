import Foundation
import Testing

extension InteropTier {
  /// What must not be seen cannot be seen by looking afterwards: here somebody looks all the time.
  @Suite("Seen by every packet") struct Watched {
    private static let host = "45.0.9.9"
    /// In a network of its own, around which others come and go.
    private static let inside = "45.0.8.17"

    /// A daemon whose tables equal those of two servers, with the rules of the watcher.
    private struct Scene {
      let laboratory: Laboratory
      let feed: Feed
      let servers: [FeedServer]
      var nftbgpd: NftbgpdUnderTest

      init(_ laboratory: Laboratory) throws {
        self.laboratory = laboratory
        var feed = Feed(
          black: ["\(host)/32", "45.0.8.16/28", "45.0.0.0/24", "2a00:1000:1::/64"], bypass: ["45.0.7.7/32"])
        feed.add((0..<2000).map { "45.2.\($0 / 250).\($0 % 250)/32" }, .black)
        self.feed = feed
        try Watcher.loadRuleset(laboratory)
        servers = try ["127.0.0.2", "127.0.0.3"].map { try FeedServer(laboratory, address: $0, feed) }
        nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: servers.map(\.address))
        try synchronized(times: 2)
        try Kernel.wait(for: Feed.sets(feed), laboratory)
      }

      /// Waits until tables of servers have been complete so many times.
      func synchronized(times: Int) throws {
        try nftbgpd.waitForLog("table complete with \(feed.routes.count) prefixes", times: times)
      }

      mutating func startAgain(_ log: String) throws {
        nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: servers.map(\.address), log: log)
      }
    }

    /// Watches two addresses, one in each kind of set, while something happens.
    private func watch(
      _ what: String, _ condition: Watcher.Condition = .black, addresses: [String] = [host, inside],
      sourceLocation: SourceLocation = #_sourceLocation, _ body: (inout Scene) throws -> Void
    ) throws {
      try Laboratory.run { laboratory in
        var scene = try Scene(laboratory)
        try Watcher.watch(what, addresses, condition, sourceLocation: sourceLocation) { try body(&scene) }
      }
    }

    @Test("The watcher itself sees an address that is taken out and put back")
    func watcher() throws {
      try Laboratory.run { laboratory in
        _ = try Scene(laboratory)
        let misses = try Watcher.misses(Self.host) {
          try Kernel.command("delete element \(Kernel.table) bgp_spamd { \(Self.host) }", laboratory)
          try laboratory.wait("the daemon has repaired that") { try Kernel.has(Self.host, in: "bgp_spamd", laboratory) }
        }
        #expect(misses > 0)
      }
    }

    @Test("Sessions that are dropped and come back")
    func sessions() throws {
      try watch("sessions dropped") { scene in
        for times in 1...2 {
          for server in scene.servers { try server.send("flap") }
          try scene.synchronized(times: 2 + 2 * times)
        }
      }
    }

    @Test("A restart of the daemon, by SIGTERM and by SIGKILL")
    func restart() throws {
      try watch("restart") { scene in
        try scene.nftbgpd.terminate()
        try scene.startAgain("nftbgpd-second.log")
        try scene.synchronized(times: 2)
        // Without a snapshot, what is in the sets is all that there is.
        try scene.nftbgpd.kill()
        try FileManager.default.removeItem(atPath: scene.laboratory.path("snapshot"))
        try scene.startAgain("nftbgpd-third.log")
        try scene.synchronized(times: 2)
        // In the middle of the start, and of what is heard first.
        for number in 0..<4 {
          usleep(50_000)
          try scene.nftbgpd.kill()
          try scene.startAgain("nftbgpd-\(number).log")
        }
        try scene.synchronized(times: 2)
        try Kernel.wait(for: Feed.sets(scene.feed), scene.laboratory)
      }
    }

    @Test("A reload of a ruleset that declares the sets once more")
    func reload() throws {
      try watch("reload") { scene in
        for _ in 0..<50 { try Watcher.loadRuleset(scene.laboratory) }
        usleep(600_000)
      }
    }

    @Test("Networks that come and go around a listed one and around a listed host, and within")
    func nested() throws {
      try watch("nested networks") { scene in
        var feed = scene.feed
        for prefix in Array(
          repeating: ["45.0.8.0/24", "45.0.8.16/29", "45.0.0.0/20", "45.0.9.0/24", "45.0.8.0/25"], count: 3
        ).joined() {
          try scene.servers[0].send("announce \(prefix) 65066:666")
          var around = feed
          around.add([prefix], .black)
          try Kernel.wait(for: Feed.sets(around), scene.laboratory)
          try scene.servers[0].send("withdraw \(prefix)")
          try Kernel.wait(for: Feed.sets(feed), scene.laboratory)
        }
        // Their own network goes while a wider one is there.
        for server in scene.servers { try server.send("announce 45.0.8.0/24 65066:666") }
        for server in scene.servers { try server.send("withdraw 45.0.8.16/28") }
        feed.remove("45.0.8.16/28")
        feed.add(["45.0.8.0/24"], .black)
        try Kernel.wait(for: Feed.sets(feed), scene.laboratory)
      }
    }

    @Test("A move from one table to the other and back")
    func move() throws {
      try watch("move", .either, addresses: [Self.host]) { scene in
        // By one server alone: of two, one always lists it.
        try scene.servers[1].send("withdraw \(Self.host)/32")
        for _ in 0..<20 {
          for (community, listing) in [("65066:42", Feed.Listing.bypass), ("65066:666", .black)] {
            try scene.servers[0].send("announce \(Self.host)/32 \(community)")
            var feed = scene.feed
            feed.add(["\(Self.host)/32"], listing)
            try Kernel.wait(for: Feed.sets(feed), scene.laboratory)
          }
        }
      }
    }
  }
}
