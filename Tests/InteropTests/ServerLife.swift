import Foundation
import Testing

/// One life of a server and of nftbgpd with some thousand prefixes, through most rows of the interop table.
final class ServerLife {
  private let implementation: Implementation
  private let laboratory: Laboratory
  private var feed: Feed
  private var server: any RouteServer
  private let nftbgpd: NftbgpdUnderTest
  private let limit: Int
  private var monitors = 0

  // One for each kind of set.
  private static let moving = ["45.1.0.1/32", "45.51.1.0/24", "2a00:db8:1::1/128", "2a00:db8:bad:1::/64"]
  private static let leaving = ["45.1.0.2/32", "45.51.2.0/24", "2a00:db8:1::2/128", "2a00:db8:bad:2::/64"]
  private static let missing = ["45.1.0.3/32", "45.51.3.0/24", "2a00:db8:1::3/128", "2a00:db8:bad:3::/64"]

  init(_ implementation: Implementation, _ laboratory: Laboratory) throws {
    self.implementation = implementation
    self.laboratory = laboratory
    feed = Feed(
      black: Feed.hosts(0..<1500) + (1...800).map { "2a00:db8:2::\(String($0, radix: 16))/128" },
      bypass: Feed.hosts(1500..<2000) + (1...300).map { "2a00:db8:3::\(String($0, radix: 16))/128" })
    feed.add(Self.moving + Self.leaving + Self.missing, .black)
    feed.add(["45.52.1.0/24", "2a00:db8:900d:1::/64"], .bypass)
    feed.add(["45.1.0.9/32", "2a00:db8:1::9/128"], .both)
    feed.add(["45.1.0.10/32", "2a00:db8:1::10/128"], .neither)
    limit = feed.routes.count
    server = try implementation.start(laboratory, feed)
    var options = ["max-prefix \(limit)", "holdtime 4"]
    if implementation == .exaBGP { options.append("announce enhanced refresh no") }
    let block = options.map { "    \($0)\n" }.joined()
    let configuration = NftbgpdUnderTest.configuration(neighbors: ["\(implementation.address) {\n\(block)  }"])
    nftbgpd = try NftbgpdUnderTest(laboratory, configuration + NftbgpdUnderTest.shrinking)
  }

  func live() throws {
    try InteropTable.fill(.complete, implementation, complete)
    try InteropTable.fill(.change, implementation, change)
    try InteropTable.fill(.withdraw, implementation, withdraw)
    try InteropTable.fill(.refresh, implementation, refresh)
    try InteropTable.fill(.flap, implementation, flap)
    try InteropTable.fill(.ourHoldTimer, implementation, ourHoldTimer)
    try InteropTable.fill(.theirHoldTimer, implementation, theirHoldTimer)
    try InteropTable.fill(.restart, implementation, restart)
    try InteropTable.fill(.maxPrefix, implementation, maxPrefix)
  }

  private func inStep(sourceLocation: SourceLocation = #_sourceLocation) throws {
    try Kernel.wait(for: Feed.sets(feed), laboratory, sourceLocation: sourceLocation)
  }

  private func monitor() throws -> RulesetMonitor {
    monitors += 1
    return try RulesetMonitor(laboratory, log: "nft-monitor-\(monitors).log")
  }

  /// The kernel's view of prefixes that leave tables, or enter them.
  private static func elements(_ verb: String, _ prefixes: [String], _ table: String) -> Set<String> {
    Set(
      prefixes.map { prefix in
        let element = Feed.element(prefix)
        let set = table + (Feed.isIPv6(prefix) ? "6" : "") + (element == prefix ? "_net" : "")
        return "\(verb) element inet nftbgpd \(set) { \(element) }"
      })
  }

  // MARK: Routes

  private func complete() throws -> InteropTable.Cell {
    let words = "table complete with \(feed.routes.count) prefixes ("
    try nftbgpd.waitForLog(words, seconds: 60)
    try inStep()
    let line = nftbgpd.log.split(separator: "\n").first { $0.contains(words) } ?? ""
    return .works("\(feed.routes.count) prefixes, by \(line.split(separator: "(").last?.dropLast() ?? "")")
  }

  private func change() throws -> InteropTable.Cell {
    let monitor = try monitor()
    for prefix in Self.moving { try server.announce(prefix, .bypass) }
    feed.add(Self.moving, .bypass)
    try inStep()
    // Out of one and into the other at once, so that it is never in none.
    let transactions = try monitor.transactions()
    for prefix in Self.moving {
      let leaves = Self.elements("delete", [prefix], "bgp_spamd")
      let enters = Self.elements("add", [prefix], "bgp_spamd_bypass")
      try #require(transactions.contains { leaves.union(enters).isSubset(of: $0) }, "\(prefix): \(transactions)")
    }
    return .works()
  }

  private func withdraw() throws -> InteropTable.Cell {
    for prefix in Self.leaving {
      try server.withdraw(prefix)
      feed.remove(prefix)
    }
    try inStep()
    return .works()
  }

  /// What `show neighbor` counts of a kind.
  private func statistic(_ path: String...) throws -> Int {
    let output = try nftbgpd.control("-j", "show", "neighbor").output
    let object = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
    var value: Any? = (object?["neighbors"] as? [[String: Any]])?.first?["stats"]
    for key in path { value = (value as? [String: Any])?[key] }
    return try #require(value as? Int, "\(path): \(output)")
  }

  private func refresh() throws -> InteropTable.Cell {
    let monitor = try monitor()
    let before = try statistic("update", "received", "updates")
    try #require(try nftbgpd.control("neighbor", implementation.address, "refresh").status == 0)
    // bgpd 7.7 refuses the families of a session and no others: openbgpd-portable issue 46, mended after that release.
    let refusal = "route refresh: AID IPv4 unicast not negotiated"
    var isRefused = false
    try laboratory.wait("it has sent its \(feed.routes.count) prefixes again, or said why not") {
      isRefused = server.daemon.printed.contains(refusal)
      return try isRefused || statistic("update", "received", "updates") >= before + feed.routes.count
    }
    let isUndisturbed = { try Kernel.sets(self.laboratory) == Feed.sets(self.feed) && monitor.transactions().isEmpty }
    guard !isRefused else {
      try #require(try isUndisturbed())
      return .notApplicable("it sends nothing and logs \"\(refusal)\", as release 7.7 does to everybody")
    }
    let shown = try nftbgpd.control("show", "neighbor").output
    let isEnhanced = shown.components(separatedBy: "Negotiated capabilities").last?.contains("Enhanced Route Refresh")
    guard isEnhanced == true else {
      try #require(try isUndisturbed())
      return .works(
        implementation == .exaBGP
          ? "with \"announce enhanced refresh no\": asked for an enhanced one, it falls over it and ends the session"
          : "not enhanced: it does not offer that")
    }
    try laboratory.wait("it has said the end of both families") {
      try statistic("route-refresh", "received", "eorr") == 2
    }
    try #require(try statistic("route-refresh", "received", "borr") == 2)
    try #require(try isUndisturbed())
    return .works("enhanced")
  }

  // MARK: Sessions

  /// Something ends the session, and it comes back: then nothing has changed, not even for a moment.
  private func interruption(_ event: () throws -> Void) throws {
    let monitor = try monitor()
    let sessions = nftbgpd.lines(with: "-> Established")
    let tables = nftbgpd.lines(with: "table complete")
    try event()
    try nftbgpd.waitForLog("-> Established", times: sessions + 1, seconds: 60)
    try nftbgpd.waitForLog("table complete", times: tables + 1, seconds: 60)
    try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
    try #require(try monitor.transactions().isEmpty)
  }

  private func flap() throws -> InteropTable.Cell {
    let farewells = nftbgpd.lines(with: "received notification: Cease")
    try interruption { try server.reset() }
    let isSilent = nftbgpd.lines(with: "received notification: Cease") == farewells
    try #require(isSilent == (implementation == .exaBGP))
    return .works(isSilent ? "with graceful restart it ends sessions without NOTIFICATION" : "")
  }

  private func ourHoldTimer() throws -> InteropTable.Cell {
    let sessions = nftbgpd.lines(with: "-> Established")
    try interruption {
      try server.freeze()
      try nftbgpd.waitForLog("sending notification: HoldTimer expired")
      let shown = try nftbgpd.control("show", "neighbor").output
      try #require(shown.contains("Last error sent: HoldTimer expired"), "\(shown)")
      try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
      try server.thaw()
      try laboratory.wait("it has seen that the session is over") {
        try !server.isEstablished() || nftbgpd.lines(with: "-> Established") > sessions
      }
    }
    return .works()
  }

  private func theirHoldTimer() throws -> InteropTable.Cell {
    let heard = nftbgpd.lines(with: "received notification: HoldTimer expired")
    try interruption {
      try nftbgpd.freeze()
      // It is not to stay frozen, whatever comes.
      defer { _ = try? nftbgpd.thaw() }
      try laboratory.wait("it has dropped the session") { try !server.isEstablished() }
      try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
    }
    let isHeard = nftbgpd.lines(with: "received notification: HoldTimer expired") > heard
    return .works(isHeard ? "" : "its NOTIFICATION was not seen")
  }

  private func restart() throws -> InteropTable.Cell {
    let monitor = try monitor()
    let restarts = try nftbgpd.control("show", "neighbor").output.contains("Graceful Restart")
    // None of them asks for less than the day that is the default, though FRR offers long-lived graceful restart of 0 s.
    let keeping = "keeping its \(feed.routes.count) prefixes for up to 86400 s"
    let losses = nftbgpd.lines(with: keeping)
    try server.kill()
    try nftbgpd.waitForLog(keeping, times: losses + 1)
    try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
    for prefix in Self.missing { feed.remove(prefix) }
    server = try implementation.start(laboratory, feed, run: 2)
    try nftbgpd.waitForLog("table complete with \(feed.routes.count) prefixes (End-of-RIB)", seconds: 60)
    try inStep()
    let changes = Set(try monitor.transactions().joined())
    try #require(changes == Self.elements("delete", Self.missing, "bgp_spamd"), "\(changes)")
    return .works(restarts ? "" : "it does not offer graceful restart")
  }

  // MARK: Guards

  private func maxPrefix() throws -> InteropTable.Cell {
    let sessions = nftbgpd.lines(with: "-> Established")
    let room = limit - feed.routes.count
    let extra = (0..<room + 2).map { "45.99.0.\($0)/32" }
    for prefix in extra.prefix(room) { try server.announce(prefix, .black) }
    feed.add(Array(extra.prefix(room)), .black)
    try inStep()
    for prefix in extra.suffix(2) { try server.announce(prefix, .black) }
    try laboratory.wait("two are over the limit") {
      try nftbgpd.control("show", "neighbor").output.contains("Prefixes over max-prefix: 2")
    }
    try #require(nftbgpd.lines(with: "prefix limit reached (\(limit))") == 1)
    try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
    // What is there may still leave.
    try server.withdraw(extra[0])
    feed.remove(extra[0])
    try inStep()
    try #require(try server.isEstablished() && nftbgpd.lines(with: "-> Established") == sessions)
    return .works()
  }
}
