import Foundation
import Testing

extension InteropTier {
  /// Two route servers, a reflector of the site that peers with both, and ten hosts of the site that peer with it alone. They share a
  /// namespace, where each has a nft table of its own.
  @Suite("Fleet") struct Fleet {
    private static let size = 10
    /// Somebody of the site who announces, and what.
    private static let rogue = "45.1.0.66"
    private static let lie = "45.66.0.1"

    @Test(
      "All clients of a reflector hold what the route servers announce, the route servers get nothing, and no client is believed",
      arguments: Reflector.allCases)
    func fleet(_ reflector: Reflector) throws {
      try Laboratory.run { laboratory in
        try Reflector.makeNetwork(laboratory)
        var clients: [NftbgpdUnderTest] = []
        defer {
          // First the daemons, which would make their tables again.
          for client in clients { try? client.kill() }
          _ = try? laboratory.run("nft", ["flush ruleset"])
          Reflector.removeNetwork(laboratory)
        }
        var feed = Feed(
          black: ["45.0.2.1/32", "45.0.3.0/24", "2a00:db8::25/128", "2a00:db8:25::/48"] + Feed.hosts(0..<200),
          bypass: ["45.0.2.2/32", "45.0.4.0/24", "2a00:db8::42/128"])
        feed.add(["45.0.2.3/32"], .both)
        feed.add(["45.0.2.4/32"], .neither)
        // The next hops are none that the reflector is connected to.
        let servers = try Reflector.routeServers.map {
          try FeedServer(laboratory, address: $0, feed, ["--router-id", $0.replacing("45.1", with: "45.0")])
        }
        let start = ContinuousClock.now
        try reflector.start(laboratory)
        for number in 0..<Self.size { clients.append(try client(number, laboratory)) }
        for address in Reflector.routeServers {
          try laboratory.wait("the reflector has a session with \(address)", seconds: 60) {
            serverLog(address, laboratory).contains("client \(Reflector.address): up")
          }
        }
        try wait(clients, feed, laboratory)
        print("interop: \(reflector.rawValue) serves \(Self.size) clients after \(ContinuousClock.now - start)")

        // Communities that no rule asks for, and one that would have ended at an external session.
        let communities = ["65066:42", "64513:7", "NO_EXPORT"]
        for server in servers { try server.send("announce 45.0.2.5 \(communities.joined(separator: " "))") }
        feed.add(["45.0.2.5/32"], .bypass)
        try wait(clients, feed, laboratory)
        for client in clients {
          let shown = try self.communities(client)
          #expect(Set(shown.keys) == Set(feed.routes.keys))
          for (prefix, listing) in feed.routes where prefix != "45.0.2.5/32" {
            #expect(shown[prefix] == Set(listing.communities), "\(prefix)")
          }
          #expect(shown["45.0.2.5/32"] == Set(communities))
        }
        let hashes = try clients.map(hashes)
        #expect(Set(hashes).count == 1 && hashes[0].count == 4, "a fleet compared at a glance")

        let rogue = try ScriptedPeer(
          laboratory, "rogue", [Self.rogue, Reflector.address, "\(Reflector.asn)", Self.lie])
        try rogue.waitFor("announced", seconds: 60)
        // One of two route servers changes nothing; the other one then does.
        feed.remove("45.0.2.1/32")
        try servers[0].send("withdraw 45.0.2.1")
        for server in servers { try server.send("announce 45.0.2.6 65066:666") }
        feed.add(["45.0.2.6/32", "45.0.2.1/32"], .black)
        try wait(clients, feed, laboratory)
        feed.remove("45.0.2.1/32")
        try servers[1].send("withdraw 45.0.2.1")
        try wait(clients, feed, laboratory)
        #expect(Set(try clients.map(self.hashes)).count == 1)
        #expect(try self.hashes(clients[0]) != hashes[0])
        for client in clients { #expect(Set(try self.communities(client).keys) == Set(feed.routes.keys)) }
        let believed = try reflector.routes(laboratory)
        #expect(believed.contains("45.0.2.6/32") && !believed.contains(Self.lie), "what a client has announced")

        for address in Reflector.routeServers {
          let log = serverLog(address, laboratory)
          #expect(!log.contains("ignored an UPDATE"), "the route server at \(address) was announced something")
        }
        for family in ["-4", "-6"] {
          let routes = try laboratory.run("ip", [family, "route", "show", "table", "all"]).output
          #expect(routes.contains("uplink"))
          #expect(!feed.routes.keys.contains { routes.contains(Feed.element($0) + " ") }, "no route is installed")
        }
      }
    }

    private func serverLog(_ address: String, _ laboratory: Laboratory) -> String {
      Child.text(laboratory.path("feedserver-\(address).log"))
    }

    /// As published, but with an address and a nft table of its own, and no patience.
    private func client(_ number: Int, _ laboratory: Laboratory) throws -> NftbgpdUnderTest {
      let published = try Reflector.published("nftbgpd.conf")
      let line = "\tneighbor $reflector\n"
      guard published.contains(line) else { throw Unexpected("Conf/reflector/nftbgpd.conf has no such line:\(line)") }
      let own = "\tlocal-address \(Reflector.client(number))\n" + line
      return try NftbgpdUnderTest(
        laboratory,
        published.replacing(line, with: own) + "connect-retry 1\nnft table inet \(Self.table(number))\n",
        name: "\(Self.table(number))-")
    }

    private static func table(_ number: Int) -> String { "client\(number)" }

    private func wait(_ clients: [NftbgpdUnderTest], _ feed: Feed, _ laboratory: Laboratory) throws {
      let expected = Feed.sets(feed)
      for number in clients.indices {
        var found: [String: Set<String>] = [:]
        do {
          try laboratory.wait("client \(number) holds what is announced", seconds: 60) {
            found = (try? Kernel.sets(laboratory, of: "inet \(Self.table(number))")) ?? [:]
            return found == expected
          }
        } catch {
          throw Unexpected("client \(number): \(Kernel.difference(found, expected))")
        }
      }
    }

    /// What the RIB of a client says of each prefix.
    private func communities(_ client: NftbgpdUnderTest) throws -> [String: Set<String>] {
      let outcome = try client.control("-j", "show", "rib", "detail")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      return Dictionary(
        uniqueKeysWithValues: (object?["rib"] as? [[String: Any]] ?? []).compactMap { route in
          guard let prefix = route["prefix"] as? String, let list = route["communities"] as? [String] else {
            return nil
          }
          return (prefix, Set(list))
        })
    }

    /// The column Hash of `show tables`.
    private func hashes(_ client: NftbgpdUnderTest) throws -> [String] {
      let outcome = try client.control("-j", "show", "tables")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      return (object?["tables"] as? [[String: Any]] ?? []).compactMap { $0["hash"] as? String }
    }
  }
}
