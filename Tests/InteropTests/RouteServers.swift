import Foundation
import Glibc
import Testing

/// OpenBGPD as a route server of AS 65066 for one client.
final class OpenBGPD {
  let address: String
  let daemon: Child
  private let laboratory: Laboratory
  private let socket: String
  private let client: String

  /// Starts it. It listens soon and has its networks after `waitUntilReady`.
  ///
  /// - Parameter options: for its client; one that is connected to needs `local-address`, and one that is waited for with a key must
  ///   not have it, or bgpd's listener forgets the key.
  /// - Parameter log: another one for each of several that live after another.
  init(
    _ laboratory: Laboratory, address: String, _ feed: Feed, client: String = "127.0.0.1",
    options: [String] = ["multihop 64", "passive"], log: String? = nil
  ) throws {
    self.address = address
    self.client = client
    self.laboratory = laboratory
    socket = laboratory.path("bgpd-\(address).sock")
    // The directory that the package's daemon locks itself into.
    try FileManager.default.createDirectory(atPath: "/run/openbgpd", withIntermediateDirectories: true)
    let configuration = """
      AS 65066
      router-id \(address.contains(":") ? "127.0.0.6" : address)
      fib-update no
      listen on \(address)
      socket "\(socket)"
      \(feed.networks)
      neighbor \(client) {
        remote-as 65500
      \(options.map { "  \($0)\n" }.joined())
        announce IPv6 unicast
        announce IPv4 unicast
      }
      allow to any

      """
    let file = try laboratory.write(configuration, to: "bgpd-\(address).conf")
    daemon = try laboratory.start("bgpd", ["-d", "-v", "-f", file], log: log ?? "bgpd-\(address).log")
  }

  func waitUntilReady(sourceLocation: SourceLocation = #_sourceLocation) throws {
    try laboratory.wait("bgpd on \(address) is ready", seconds: 90, sourceLocation: sourceLocation) {
      if daemon.hasEnded { throw Unexpected("bgpd on \(address) has ended") }
      return log.contains("RDE soft reconfiguration done")
    }
  }

  /// Stops to announce a network.
  func withdraw(_ prefix: String) throws {
    let outcome = try laboratory.run("bgpctl", ["-s", socket, "network", "delete", prefix])
    try #require(outcome.status == 0, "bgpctl: \(outcome.errors)")
  }

  /// What it says of its client.
  func neighbor() throws -> String {
    try laboratory.run("bgpctl", ["-s", socket, "show", "neighbor", client]).output
  }

  /// Announces a network, or announces it anew.
  func announce(_ prefix: String, _ listing: Feed.Listing) throws {
    let communities = listing.communities.flatMap { ["community", $0] }
    let outcome = try laboratory.run("bgpctl", ["-s", socket, "network", "add", prefix] + communities)
    try #require(outcome.status == 0, "bgpctl: \(outcome.errors)")
  }

  /// bgpctl(8) about its client.
  func command(_ words: String...) -> [String] { ["bgpctl", "-s", socket, "neighbor", client] + words }

  /// Runs that.
  func control(_ words: String...) throws {
    let outcome = try laboratory.run("bgpctl", ["-s", socket, "neighbor", client] + words)
    try #require(outcome.status == 0, "bgpctl: \(outcome.errors)")
  }

  var log: String { daemon.printed }
}

/// BIRD as a route server of AS 65066 for the client 127.0.0.1; both families over one session.
final class BIRD {
  static let address = "127.0.0.4"
  private(set) var daemon: Child
  private let laboratory: Laboratory

  private(set) var feed: Feed
  private let options: String
  private let isPassive: Bool

  /// - Parameter options: of its BGP protocol.
  init(_ laboratory: Laboratory, _ feed: Feed, options: String = "", isPassive: Bool = true) throws {
    self.laboratory = laboratory
    self.feed = feed
    self.options = options
    self.isPassive = isPassive
    daemon = try Self.start(laboratory, feed, options, isPassive)
  }

  private static func start(
    _ laboratory: Laboratory, _ feed: Feed, _ options: String, _ isPassive: Bool
  ) throws -> Child {
    let file = try write(laboratory, feed, options, isPassive)
    return try laboratory.start("bird", ["-d", "-c", file, "-s", laboratory.path("bird.ctl")], log: "bird.log")
  }

  private static func write(
    _ laboratory: Laboratory, _ feed: Feed, _ options: String, _ isPassive: Bool
  ) throws -> String {
    let configuration = """
      router id \(address);
      log stderr all;
      protocol device {}
      protocol static listed4 {
        ipv4;
      \(feed.blackholes(isIPv6: false))
      }
      protocol static listed6 {
        ipv6;
      \(feed.blackholes(isIPv6: true))
      }
      protocol bgp clients {
        local \(address) as 65066;
        neighbor 127.0.0.1 as 65500;
        multihop 64;
        passive \(isPassive ? "yes" : "no");
        strict bind yes;
        \(options)
        ipv4 { import none; export where source = RTS_STATIC; next hop self; };
        ipv6 { import none; export where source = RTS_STATIC; next hop address 2a00:db8::4; };
      }

      """
    return try laboratory.write(configuration, to: "bird.conf")
  }

  /// Announces this from now on, in the same session.
  func reconfigure(_ feed: Feed) throws {
    self.feed = feed
    _ = try Self.write(laboratory, feed, options, isPassive)
    let outcome = try control("configure")
    try #require(outcome.contains("Reconfigured"), "\(outcome)")
  }

  /// birdc(8)'s answer.
  func control(_ words: String...) throws -> String {
    try laboratory.run("birdc", ["-s", laboratory.path("bird.ctl")] + words).output
  }

  /// It is gone without a word to anybody.
  func kill() throws {
    try daemon.signal(SIGKILL)
    _ = try daemon.wait(seconds: 5)
  }

  /// It comes back.
  func start(_ feed: Feed) throws {
    self.feed = feed
    daemon = try Self.start(laboratory, feed, options, isPassive)
  }

  /// birdc(8) about its client.
  func command(_ word: String) -> [String] { ["birdc", "-s", laboratory.path("bird.ctl"), word, "clients"] }
}

/// The feed server of this package.
final class FeedServer {
  let address: String
  private let daemon: Child

  init(
    _ laboratory: Laboratory, address: String, _ feed: Feed, holdTime: Int = 90, _ options: [String] = []
  ) throws {
    self.address = address
    let list = try laboratory.write(feed.list, to: "feed-\(address).list")
    let log = "feedserver-\(address).log"
    // There may have been another one before.
    let listening = { Child.text(laboratory.path(log)).split(separator: "\n").count { $0.contains("listening on") } }
    let before = listening()
    daemon = try laboratory.start(
      Laboratory.product("feedserver"), ["--listen", address, "--hold-time", "\(holdTime)"] + options + [list],
      log: log)
    try laboratory.wait("feedserver on \(address) is listening", seconds: 60) { listening() > before }
  }

  /// A line of its language.
  func send(_ command: String) throws {
    try daemon.send(command)
  }

  /// It takes its leave and ends.
  func stop() throws {
    try daemon.send("stop")
    let status = try daemon.wait(seconds: 20)
    #expect(status == 0, "feedserver on \(address) after stop")
  }

  /// It is gone without a word to anybody.
  func kill() throws {
    try daemon.signal(SIGKILL)
    _ = try daemon.wait(seconds: 5)
  }

  /// Nothing moves in it any more, but its connections stay open.
  func freeze() throws { try daemon.signal(SIGSTOP) }
  func thaw() throws { try daemon.signal(SIGCONT) }
}
