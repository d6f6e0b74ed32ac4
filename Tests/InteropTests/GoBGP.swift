import Foundation
import Testing

/// GoBGP as a route server for the client 127.0.0.1.
///
/// It can be told one route at a time, and each takes a program of its own, so the many come from a feed server in its own AS, as they
/// would in a net of route servers. Its client is let in when they are there.
final class GoBGP: RouteServer {
  static let address = "127.0.0.5"
  private static let upstream = "127.0.0.15"
  let daemon: Child
  private let laboratory: Laboratory
  private let source: FeedServer

  init(_ laboratory: Laboratory, _ feed: Feed, key: String?, log: String) throws {
    self.laboratory = laboratory
    // Its router identifier is its next hop, and gobgpd takes no route with one of 127.0.0.0/8.
    source = try FeedServer(laboratory, address: Self.upstream, feed, ["--router-id", "45.0.0.15"])
    let file = try laboratory.write(Self.configuration(key: key), to: "gobgpd.toml")
    daemon = try laboratory.start(
      "gobgpd", ["-p", "--pprof-disable", "--api-hosts", "127.0.0.1:50051", "-f", file], log: log)
    try laboratory.wait("gobgpd has its \(feed.routes.count) routes", seconds: 60) {
      if daemon.hasEnded { throw Unexpected("gobgpd has ended") }
      let counts = ["ipv4", "ipv6"].map { family in
        let words = (try? control("global", "rib", "summary", "-a", family))?.split { " ,\n".contains($0) } ?? []
        return words.firstIndex(of: "Destination:").flatMap { Int(words[$0 + 1]) } ?? 0
      }
      return counts.reduce(0, +) == feed.routes.count
    }
    try control("neighbor", "127.0.0.1", "enable")
  }

  private static func configuration(key: String?) -> String {
    let families = ["ipv4-unicast", "ipv6-unicast"].map { family in
      """
        [[neighbors.afi-safis]]
          [neighbors.afi-safis.config]
            afi-safi-name = "\(family)"
          [neighbors.afi-safis.mp-graceful-restart.config]
            enabled = true

      """
    }.joined()
    return """
      [global.config]
        as = 65066
        router-id = "\(address)"
        port = 179
        local-address-list = ["\(address)"]
      [[neighbors]]
        [neighbors.config]
          neighbor-address = "\(upstream)"
          peer-as = 65066
        [neighbors.transport.config]
          local-address = "\(address)"
      \(families)
      [[neighbors]]
        [neighbors.config]
          neighbor-address = "127.0.0.1"
          peer-as = 65500
          admin-down = true
          \(key.map { "auth-password = \"\($0)\"" } ?? "")
        [neighbors.transport.config]
          passive-mode = true
          local-address = "\(address)"
        [neighbors.ebgp-multihop.config]
          enabled = true
          multihop-ttl = 64
        [neighbors.graceful-restart.config]
          enabled = true
          restart-time = 120
      \(families)
      """
  }

  @discardableResult
  private func control(_ words: String...) throws -> String {
    let outcome = try laboratory.run("gobgp", words)
    guard outcome.status == 0 else { throw Unexpected("gobgp: \(outcome.output)\(outcome.errors)") }
    return outcome.output
  }

  func announce(_ prefix: String, _ listing: Feed.Listing) throws {
    try source.send("announce \(prefix) \(listing.communities.joined(separator: " "))")
  }

  func withdraw(_ prefix: String) throws {
    try source.send("withdraw \(prefix)")
  }

  func isEstablished() throws -> Bool {
    try control("neighbor", "127.0.0.1").contains("BGP state = ESTABLISHED")
  }

  // Not its "reset", after which it lets nobody in for half a minute; after this it is five seconds.
  func reset() throws { try shutDown("reset") }
  func shutDown(_ text: String) throws { try control("neighbor", "127.0.0.1", "shutdown", "--reason", text) }
  func resume() throws {}
  func report() throws -> String { try control("neighbor", "127.0.0.1") + daemon.printed }

  func kill() throws {
    try daemon.signal(SIGKILL)
    _ = try daemon.wait(seconds: 5)
    try source.kill()
  }
}
