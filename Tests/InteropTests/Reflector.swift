import Foundation
import Testing

/// A route reflector of Conf/reflector, as it is published but for the addresses: it lives on `address`, its clients on `site`, and the
/// route servers beyond a default route.
enum Reflector: String, CaseIterable, CustomTestStringConvertible {
  case bird = "BIRD 2"
  case openBGPD = "OpenBGPD 7.7"
  case goBGP = "GoBGP 3.10"
  case frr = "FRR 8.4"

  static let address = "45.1.0.20"
  static let asn = 65001
  static let routeServers = ["45.1.1.2", "45.1.1.3"]

  static func client(_ number: Int) -> String { "45.1.0.\(100 + number)" }

  var testDescription: String { rawValue }

  /// Gives the namespace the addresses. FRR looks for its own on the interfaces, so it is there by itself.
  static func makeNetwork(_ laboratory: Laboratory) throws {
    try run(
      laboratory,
      "ip address add \(address)/24 dev lo", "ip address add 45.1.1.1/24 dev lo",
      "ip link add uplink type veth peer name beyond", "ip address add 45.2.0.1/24 dev uplink",
      "ip address add 2a00:db8:ffff::1/64 dev uplink nodad", "ip link set beyond up", "ip link set uplink up",
      "ip route add default via 45.2.0.2", "ip -6 route add default via 2a00:db8:ffff::2")
  }

  static func removeNetwork(_ laboratory: Laboratory) {
    for command in ["ip link del uplink", "ip address del \(address)/24 dev lo", "ip address del 45.1.1.1/24 dev lo"] {
      _ = try? run(laboratory, command)
    }
  }

  private static func run(_ laboratory: Laboratory, _ commands: String...) throws {
    for command in commands {
      let words = command.split(separator: " ").map(String.init)
      let outcome = try laboratory.run(words[0], Array(words.dropFirst()))
      try #require(outcome.status == 0, "\(command): \(outcome.errors)")
    }
  }

  /// A file of Conf/reflector for this network.
  static func published(_ name: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var text = Child.text(root.appendingPathComponent("Conf/reflector/\(name)").path)
    guard !text.isEmpty else { throw Unexpected("no Conf/reflector/\(name)") }
    for (old, new) in [
      ("192.0.2.10", address), ("192.0.2.0/24", "45.1.0.0/24"), ("203.0.113.1", routeServers[0]),
      ("203.0.113.2", routeServers[1]),
    ] {
      text = text.replacing(old, with: new)
    }
    return text
  }

  /// Starts it; it may take a while until it connects and listens.
  func start(_ laboratory: Laboratory) throws {
    let log = "\(self).log"
    switch self {
    case .bird:
      let text = try Self.published("bird.conf").replacing("log syslog", with: "log stderr")
      let file = try laboratory.write(text, to: "bird.conf")
      _ = try laboratory.start("bird", ["-f", "-c", file, "-s", laboratory.path("bird.ctl")], log: log)
    case .openBGPD:
      // The directory that the package's daemon locks itself into.
      try FileManager.default.createDirectory(atPath: "/run/openbgpd", withIntermediateDirectories: true)
      let socket = "socket \"\(laboratory.path("bgpd.sock"))\"\n"
      let file = try laboratory.write(try Self.published("bgpd.conf") + socket, to: "bgpd.conf")
      _ = try laboratory.start("bgpd", ["-d", "-v", "-f", file], log: log)
    case .goBGP:
      let file = try laboratory.write(try Self.published("gobgpd.toml"), to: "gobgpd.toml")
      _ = try laboratory.start(
        "gobgpd", ["-p", "--pprof-disable", "--api-hosts", "127.0.0.1:50051", "-f", file], log: log)
    case .frr:
      try startFRR(laboratory, log: log)
    }
  }

  /// What it shows of the routes of IPv4 that it believes.
  func routes(_ laboratory: Laboratory) throws -> String {
    let words =
      switch self {
      case .bird: ["birdc", "-s", laboratory.path("bird.ctl"), "show", "route"]
      case .openBGPD: ["bgpctl", "-s", laboratory.path("bgpd.sock"), "show", "rib", "inet"]
      case .goBGP: ["gobgp", "global", "rib"]
      case .frr: ["vtysh", "--vty_socket", laboratory.path("frr"), "-c", "show bgp ipv4 unicast"]
      }
    return try laboratory.run(words[0], Array(words.dropFirst())).output
  }

  /// With zebra, which knows whether next hops can be reached and would install routes, and told by vtysh(1) as its service is.
  private func startFRR(_ laboratory: Laboratory, log: String) throws {
    let directory = laboratory.path("frr")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try laboratory.write(try Self.published("frr.conf"), to: "frr/frr.conf")
    try laboratory.write("", to: "frr/vtysh.conf")
    try Self.run(laboratory, "chown -R frr:frr \(directory)", "chmod 755 \(laboratory.directory) \(directory)")
    let options = [
      "--vty_port", "0", "--vty_socket", directory, "--socket", directory + "/zserv", "--log", "stdout",
    ]
    for (program, own) in [("zebra", []), ("bgpd", ["--listenon", Self.address])] {
      _ = try laboratory.start(
        "/usr/lib/frr/\(program)", options + own + ["--pid_file", "\(directory)/\(program).pid"],
        log: program == "bgpd" ? log : "zebra.log")
      try laboratory.wait("\(program) of FRR answers") {
        FileManager.default.fileExists(atPath: "\(directory)/\(program).vty")
      }
    }
    try Self.run(laboratory, "vtysh --vty_socket \(directory) --config_dir \(directory) -b")
  }
}
