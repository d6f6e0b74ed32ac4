import Foundation
import Testing

/// ExaBGP as a route server for the client 127.0.0.1.
///
/// It is told what to do by a process of its own, and tells it what happens: here a script, with a file for each direction.
final class ExaBGP: RouteServer {
  static let address = "127.0.0.7"
  let daemon: Child
  private let commands: String
  private let events: String

  /// - Parameter hasGracefulRestart: then it ends sessions without NOTIFICATION.
  init(_ laboratory: Laboratory, _ feed: Feed, key: String?, hasGracefulRestart: Bool, log: String) throws {
    commands = try laboratory.write("", to: "exabgp.commands")
    events = try laboratory.write("", to: "exabgp.events")
    // A process in the background has no standard input of its own; and tail(1) is to end with its master.
    let script = """
      #!/bin/sh
      exec 3<&0
      cat <&3 >> '\(events)' &
      exec tail -n +1 -f --pid=$PPID '\(commands)'

      """
    let process = try laboratory.write(script, to: "exabgp.sh")
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: process)
    let routes = feed.sorted.map { "    \(Self.route($0.prefix, $0.listing));\n" }.joined()
    let configuration = """
      process script {
        run \(process);
        encoder text;
      }
      neighbor 127.0.0.1 {
        router-id \(Self.address);
        local-address \(Self.address);
        local-as 65066;
        peer-as 65500;
        passive true;
        listen 179;
        \(key.map { "md5-password \"\($0)\";" } ?? "")
        capability {
          route-refresh enable;
          \(hasGracefulRestart ? "graceful-restart 120;" : "")
        }
        family { ipv4 unicast; ipv6 unicast; }
        api {
          processes [ script ];
          neighbor-changes;
        }
        static {
      \(routes)
        }
      }

      """
    let file = try laboratory.write(configuration, to: "exabgp.conf")
    let settings = ["daemon.user=root", "daemon.drop=false", "api.cli=false", "api.ack=false"].map { "exabgp." + $0 }
    daemon = try laboratory.start("env", settings + ["exabgp", file], log: log)
    try laboratory.wait("ExaBGP is listening", seconds: 60) {
      if daemon.hasEnded { throw Unexpected("exabgp has ended") }
      return try laboratory.run("ss", ["-Hltn", "src \(Self.address):179"]).output.contains(Self.address)
    }
  }

  private static func route(_ prefix: String, _ listing: Feed.Listing) -> String {
    let nextHop = Feed.isIPv6(prefix) ? "2a00:db8::7" : "self"
    return "route \(prefix) next-hop \(nextHop) community [ \(listing.communities.joined(separator: " ")) ]"
  }

  private func command(_ line: String) throws {
    let file = try #require(FileHandle(forWritingAtPath: commands))
    defer { try? file.close() }
    try file.seekToEnd()
    try file.write(contentsOf: Data((line + "\n").utf8))
  }

  func announce(_ prefix: String, _ listing: Feed.Listing) throws {
    try command("announce " + Self.route(prefix, listing))
  }

  func withdraw(_ prefix: String) throws {
    try command("withdraw route \(prefix) next-hop \(Feed.isIPv6(prefix) ? "2a00:db8::7" : "self")")
  }

  func isEstablished() throws -> Bool {
    // Between the two, the next client may already be "connected".
    let changes = Child.text(events).split(separator: "\n").filter { !$0.hasSuffix("connected") }
    return changes.last == "neighbor 127.0.0.1 up"
  }

  // It is ready for the next one at once.
  func reset() throws { try command("neighbor 127.0.0.1 teardown 4") }
  /// Its text is always the same.
  func shutDown(_ text: String) throws { try command("neighbor 127.0.0.1 teardown 2") }
  func resume() throws {}
  func report() throws -> String { Child.text(events) + daemon.printed }
}
