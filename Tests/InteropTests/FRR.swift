import Foundation
import Testing

/// FRR's bgpd, without zebra, as a route server for the client 127.0.0.1.
final class FRR: RouteServer {
  static let address = "127.0.0.6"
  let daemon: Child
  private let laboratory: Laboratory
  private let socket: String

  init(_ laboratory: Laboratory, _ feed: Feed, key: String?, log: String) throws {
    self.laboratory = laboratory
    socket = laboratory.path("frr")
    try FileManager.default.createDirectory(atPath: socket, withIntermediateDirectories: true)
    let file = try laboratory.write(Self.configuration(feed, key: key), to: "frr.conf")
    daemon = try laboratory.start(
      "/usr/lib/frr/bgpd",
      [
        // As who it was started by, with neither zebra nor kernel nor a terminal over TCP.
        "--skip_runas", "--user", "root", "--group", "root", "--no_zebra", "--no_kernel", "--vty_port", "0",
        "--listenon", Self.address, "--config_file", file, "--pid_file", socket + "/bgpd.pid",
        "--vty_socket", socket, "--socket", socket + "/zserv", "--log", "stdout",
      ], log: log)
    try laboratory.wait("bgpd of FRR has read its \(feed.routes.count) networks", seconds: 60) {
      if daemon.hasEnded { throw Unexpected("bgpd of FRR has ended") }
      // It answers nobody before that.
      return (try? control("show bgp summary").contains("127.0.0.1")) ?? false
    }
  }

  private static func configuration(_ feed: Feed, key: String?) -> String {
    let listings: [Feed.Listing] = [.black, .bypass, .both, .neither]
    let families = [("ipv4", false), ("ipv6", true)].map { family, isIPv6 in
      let networks = feed.sorted.filter { Feed.isIPv6($0.prefix) == isIPv6 }
      return """
         address-family \(family) unicast
          neighbor 127.0.0.1 activate
          neighbor 127.0.0.1 route-map towards-clients out
        \(networks.map { "  network \($0.prefix) route-map \($0.listing)\n" }.joined())
         exit-address-family

        """
    }.joined()
    return """
      log stdout informational
      \(listings.map { "route-map \($0) permit 10\n set community \($0.communities.joined(separator: " "))\n" }.joined())
      route-map towards-clients permit 10
       set ipv6 next-hop global 2a00:db8::6
      router bgp 65066
       bgp router-id \(address)
       bgp log-neighbor-changes
       no bgp ebgp-requires-policy
       no bgp network import-check
       no bgp default ipv4-unicast
       bgp graceful-restart
       neighbor 127.0.0.1 remote-as 65500
       neighbor 127.0.0.1 ebgp-multihop 64
       neighbor 127.0.0.1 passive
       neighbor 127.0.0.1 update-source \(address)
       neighbor 127.0.0.1 advertisement-interval 0
       \(key.map { "neighbor 127.0.0.1 password \($0)" } ?? "")
      \(families)

      """
  }

  @discardableResult
  private func control(_ commands: String...) throws -> String {
    let outcome = try laboratory.run("vtysh", ["--vty_socket", socket] + commands.flatMap { ["-c", $0] })
    guard outcome.status == 0 else { throw Unexpected("vtysh: \(outcome.output)\(outcome.errors)") }
    return outcome.output
  }

  private func configure(_ prefix: String, _ command: String) throws {
    try control(
      "configure terminal", "router bgp 65066",
      "address-family \(Feed.isIPv6(prefix) ? "ipv6" : "ipv4") unicast", command)
  }

  func announce(_ prefix: String, _ listing: Feed.Listing) throws {
    try configure(prefix, "network \(prefix) route-map \(listing)")
  }

  func withdraw(_ prefix: String) throws {
    try configure(prefix, "no network \(prefix)")
  }

  func isEstablished() throws -> Bool {
    try control("show bgp neighbors 127.0.0.1").contains("BGP state = Established")
  }

  func reset() throws { try control("clear bgp 127.0.0.1") }

  func shutDown(_ text: String) throws {
    try control("configure terminal", "router bgp 65066", "neighbor 127.0.0.1 shutdown message \(text)")
  }

  func resume() throws {
    try control("configure terminal", "router bgp 65066", "no neighbor 127.0.0.1 shutdown")
  }

  func report() throws -> String { try control("show bgp neighbors 127.0.0.1") + daemon.printed }
}
