import Foundation
import Testing

extension InteropTier {
  /// The rulesets of Conf/nftables with real connections over a pair of veth devices. The listeners are no mail servers: a firewall
  /// that knows ports and addresses cannot tell.
  @Suite("Rulesets") struct Firewall {
    /// Edited means: the own ports of the administrator, and greylisting. These load after nftbgpd has made its sets, the others before.
    @Test(
      "Each connection arrives at the mail server or at the tarpit as the ruleset says, and is counted, before and after a withdrawal",
      arguments: Ruleset.allCases, [false, true])
    func matrix(_ ruleset: Ruleset, edited: Bool) throws {
      try Laboratory.run { laboratory in
        let host = try MailHost(laboratory, tarpit: ruleset.tarpitAddress)
        defer { host.close() }
        if ruleset == .pf { try host.routeLoopback() }
        let file = try laboratory.write(try ruleset.text(edited: edited), to: ruleset.name)
        defer { _ = try? laboratory.run("nft", ["flush ruleset"]) }
        if !edited { try load(file, laboratory) }

        var feed = Feed(
          black: [Sender.black, .blackNetwork, .own].flatMap(\.prefixes),
          bypass: [Sender.bypass, .bypassNetwork, .both].flatMap(\.prefixes))
        let other = Feed(black: Sender.both.prefixes)
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let otherServer = try FeedServer(laboratory, address: "127.0.0.3", other)
        let configuration = NftbgpdUnderTest.configuration(neighbors: [server.address, otherServer.address])
        let nftbgpd = try NftbgpdUnderTest(laboratory, configuration + ruleset.configuration)
        try wait(Feed.sets(feed, other), laboratory)
        if edited { try load(file, laboratory) }

        let before = try deliver(host)
        try check(before, ruleset, edited: edited, withdrawn: false)
        let counted = try counters(ruleset, laboratory)
        #expect(counted == expectedCounters(ruleset, edited: edited, [false]))

        for prefix in [Sender.bypass, .bypassNetwork, .black, .blackNetwork, .both].flatMap(\.prefixes) {
          feed.remove(prefix)
          try server.send("withdraw \(prefix)")
        }
        try wait(Feed.sets(feed, other), laboratory)
        for _ in 0..<2 { try load(file, laboratory) }
        #expect(try hold(Feed.sets(feed, other), laboratory), "loading the ruleset again changes no set")

        let after = try deliver(host)
        try check(after, ruleset, edited: edited, withdrawn: true)
        let recounted = try counters(ruleset, laboratory)
        #expect(
          recounted == expectedCounters(ruleset, edited: edited, ruleset.resetsCounters ? [true] : [false, true]))
        #expect(nftbgpd.lines(with: "repair") == 0)

        if let door = ruleset.intrusionDoor {
          try host.guest("sh", "-c", "echo 1 > \(MailHost.routing); ip route add 127.0.0.1 via 45.0.0.1 dev eth0")
          #expect(try host.deliver([ruleset.intrusion])[0].hasPrefix("error"), "the tarpit itself cannot be reached")
          try Kernel.command(door, laboratory)
          #expect(try host.deliver([ruleset.intrusion]) == ["220 tarpit 8025"], "but for the rule that guards it")
        }
        print(text(ruleset, edited: edited, before, after, counted, recounted))
      }
    }

    // MARK: Sets

    private func load(_ file: String, _ laboratory: Laboratory) throws {
      let outcome = try laboratory.run("nft", ["-f", file])
      try #require(outcome.status == 0, "nft -f: \(outcome.errors)")
    }

    /// Whether these sets, which may be some of the table, hold what they should.
    private func hold(_ expected: [String: Set<String>], _ laboratory: Laboratory) throws -> Bool {
      let found = try Kernel.sets(laboratory)
      return expected.allSatisfy { found[$0] ?? [] == $1 }
    }

    private func wait(_ expected: [String: Set<String>], _ laboratory: Laboratory) throws {
      try laboratory.wait("the sets hold what is announced") { (try? hold(expected, laboratory)) ?? false }
    }

    // MARK: Connections

    private struct Connection: Hashable {
      let sender: Sender
      let isIPv6: Bool
      let port: Int
    }

    private static let connections = Sender.allCases.flatMap { sender in
      [false, true].flatMap { isIPv6 in
        MailHost.ports.map { Connection(sender: sender, isIPv6: isIPv6, port: $0) }
      }
    }

    private func deliver(_ host: MailHost) throws -> [Connection: String] {
      let greetings = try host.deliver(
        Self.connections.map {
          Delivery(
            source: $0.sender.address(isIPv6: $0.isIPv6), destination: MailHost.address(isIPv6: $0.isIPv6),
            port: $0.port)
        })
      return Dictionary(uniqueKeysWithValues: zip(Self.connections, greetings))
    }

    private func watches(_ port: Int, edited: Bool) -> Bool { port == 25 || edited }

    private func check(
      _ greetings: [Connection: String], _ ruleset: Ruleset, edited: Bool, withdrawn: Bool
    ) throws {
      for connection in Self.connections {
        let way = ruleset.way(of: connection.sender, isIPv6: connection.isIPv6, withdrawn: withdrawn)
        let isWatched = watches(connection.port, edited: edited)
        let listener = isWatched ? ruleset.listener(way, edited: edited) : "MTA"
        // The tarpit, too, is told the port that was meant.
        #expect(greetings[connection] == "220 \(listener) \(connection.port)", "\(connection)")
      }
    }

    // MARK: Counters

    private func counters(_ ruleset: Ruleset, _ laboratory: Laboratory) throws -> [String: Int] {
      let words = ruleset.counterTable.split(separator: " ").map(String.init)
      let outcome = try laboratory.run("nft", ["-j", "list", "counters", "table"] + words)
      try #require(outcome.status == 0, "\(outcome.errors)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      let counters = (object?["nftables"] as? [[String: Any]] ?? []).compactMap { $0["counter"] as? [String: Any] }
      return Dictionary(
        uniqueKeysWithValues: counters.compactMap { counter in
          guard let name = counter["name"] as? String, let packets = counter["packets"] as? Int else { return nil }
          return (name, packets)
        })
    }

    private func expectedCounters(_ ruleset: Ruleset, edited: Bool, _ passes: [Bool]) -> [String: Int] {
      var counters: [String: Int] = [:]
      for way in Ruleset.Way.allCases where way != .inet6 || ruleset == .pf { counters[way.rawValue] = 0 }
      for withdrawn in passes {
        for connection in Self.connections where watches(connection.port, edited: edited) {
          let way = ruleset.way(of: connection.sender, isIPv6: connection.isIPv6, withdrawn: withdrawn)
          counters[way.rawValue, default: 0] += 1
        }
      }
      return counters
    }

    // MARK: The matrix

    private func text(
      _ ruleset: Ruleset, edited: Bool, _ before: [Connection: String], _ after: [Connection: String],
      _ counted: [String: Int], _ recounted: [String: Int]
    ) -> String {
      let pad = { (text: String, width: Int) in text + String(repeating: " ", count: max(0, width - text.count)) }
      let name = { (greeting: String?) in greeting.map { $0.split(separator: " ")[1] } ?? "?" }
      var lines = ["\(ruleset.name)\(edited ? ", edited" : ""): before -> after the withdrawal"]
      lines.append(pad("", 32) + MailHost.ports.map { pad("\($0)", 18) }.joined())
      for sender in Sender.allCases {
        for isIPv6 in [false, true] {
          let cells = MailHost.ports.map { port in
            let connection = Connection(sender: sender, isIPv6: isIPv6, port: port)
            return pad("\(name(before[connection])) -> \(name(after[connection]))", 18)
          }
          lines.append(pad(sender.rawValue, 26) + (isIPv6 ? "IPv6  " : "IPv4  ") + cells.joined())
        }
      }
      for (when, counters) in [("before", counted), ("after", recounted)] {
        lines.append(
          "counters \(when): " + counters.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", "))
      }
      return lines.map { $0 + "\n" }.joined()
    }
  }
}
