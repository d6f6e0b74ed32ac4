import Glibc
import Testing

/// A server of AS 65066 for the client 127.0.0.1, whose implementation does not matter to who asks.
///
/// It waits for the client to connect, announces both families over one session, and has graceful restart where there is any.
protocol RouteServer: AnyObject {
  var daemon: Child { get }

  /// From now on, in the same session.
  func announce(_ prefix: String, _ listing: Feed.Listing) throws
  func withdraw(_ prefix: String) throws

  /// Whether it thinks that it has a session with the client.
  func isEstablished() throws -> Bool

  /// Ends the session, which may come back.
  func reset() throws

  /// Ends the session with Cease and a text.
  func shutDown(_ text: String) throws

  /// Lets the client come back after `shutDown`.
  func resume() throws

  /// What it says of its client and of what has happened to it.
  func report() throws -> String

  /// It is gone, with all that belongs to it, without a word to anybody.
  func kill() throws
}

extension RouteServer {
  func kill() throws {
    try daemon.signalFamily(SIGKILL)
    _ = try daemon.wait(seconds: 5)
  }

  /// Nothing moves in it any more, but its connections stay open.
  func freeze() throws { try daemon.signalFamily(SIGSTOP) }
  func thaw() throws { try daemon.signalFamily(SIGCONT) }
}

/// The servers that nftbgpd is tried with.
enum Implementation: String, CaseIterable, CustomTestStringConvertible {
  case openBGPD = "OpenBGPD 7.7"
  case bird = "BIRD 2"
  case goBGP = "GoBGP 3.10"
  case frr = "FRR 8.4"
  case exaBGP = "ExaBGP 4.2"

  var testDescription: String { rawValue }

  /// Where it listens on port 179.
  var address: String {
    switch self {
    case .openBGPD: "127.0.0.2"
    case .bird: BIRD.address
    case .goBGP: GoBGP.address
    case .frr: FRR.address
    case .exaBGP: ExaBGP.address
    }
  }

  /// Starts one that is ready for its client.
  ///
  /// - Parameters:
  ///   - run: to tell the logs of several runs apart.
  ///   - key: for TCP MD5 signatures.
  func start(_ laboratory: Laboratory, _ feed: Feed, run: Int = 1, key: String? = nil) throws -> any RouteServer {
    let log = "\(self)-\(run).log"
    switch self {
    case .openBGPD:
      let options = ["multihop 64", "passive", "announce enhanced refresh yes"]
      let server = try OpenBGPD(
        laboratory, address: address, feed, options: options + (key.map { ["tcp md5sig password \"\($0)\""] } ?? []),
        log: log)
      try server.waitUntilReady()
      return server
    case .bird:
      let options = "graceful restart on; error wait time 1,1; error forget time 1;"
      return try BIRD(laboratory, feed, options: options + (key.map { "password \"\($0)\";" } ?? ""))
    case .goBGP: return try GoBGP(laboratory, feed, key: key, log: log)
    case .frr: return try FRR(laboratory, feed, key: key, log: log)
    case .exaBGP:
      // One that has graceful restart closes its connections without a word; so not where words are asked for.
      return try ExaBGP(laboratory, feed, key: key, hasGracefulRestart: key == nil, log: log)
    }
  }
}

extension OpenBGPD: RouteServer {
  func isEstablished() throws -> Bool { try neighbor().contains("BGP state = Established") }
  func reset() throws { try control("clear") }
  func shutDown(_ text: String) throws { try control("down", text) }
  func resume() throws { try control("up") }
  func report() throws -> String { try neighbor() }
}

extension BIRD: RouteServer {
  func announce(_ prefix: String, _ listing: Feed.Listing) throws {
    var changed = feed
    changed.add([prefix], listing)
    try reconfigure(changed)
  }

  func withdraw(_ prefix: String) throws {
    var changed = feed
    changed.remove(prefix)
    try reconfigure(changed)
  }

  func isEstablished() throws -> Bool { try control("show", "protocols", "clients").contains("Established") }
  func reset() throws { _ = try control("restart", "clients") }
  func shutDown(_ text: String) throws { _ = try control("disable", "clients", "\"\(text)\"") }
  func resume() throws { _ = try control("enable", "clients") }
  func report() throws -> String { try control("show", "protocols", "all", "clients") + daemon.printed }
}
