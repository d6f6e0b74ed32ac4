import Foundation
import Testing

/// The namespace of the test as the host of a mail server and of a tarpit, and another one, behind `eth0`, of those who deliver to it.
final class MailHost {
  static let ports = [25, 465, 587]
  static let tarpitPort = 8025

  private let laboratory: Laboratory
  private let clients: Child

  /// - Parameter tarpit: the address that it listens on.
  init(_ laboratory: Laboratory, tarpit: String) throws {
    self.laboratory = laboratory
    let script = ScriptedPeer.directory + "/mail.py"
    clients = try laboratory.start("unshare", ["-n", "python3", "-B", script, "deliver"], log: "clients.log")
    let ports = Self.ports.map(String.init)
    let server = try ScriptedPeer(laboratory, "mail", ["listen", "MTA", "::"] + ports, log: "mta.log")
    let trap = try ScriptedPeer(
      laboratory, "mail", ["listen", "tarpit", tarpit, "\(Self.tarpitPort)"], log: "tarpit.log")
    try laboratory.wait("the clients have their namespace") { clients.printed.contains("ready") }
    try host("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "\(clients.pid)")
    for address in [Self.address(isIPv6: false) + "/16", Self.address(isIPv6: true) + "/32"] {
      try host("address", "add", address, "dev", "eth0", "nodad")
    }
    try host("link", "set", "eth0", "up")
    for sender in Sender.allCases {
      try guest("ip", "address", "add", sender.address(isIPv6: false) + "/16", "dev", "eth0")
      try guest("ip", "address", "add", sender.address(isIPv6: true) + "/32", "dev", "eth0", "nodad")
    }
    try guest("ip", "link", "set", "eth0", "up")
    for listener in [server, trap] { try listener.waitFor("listening") }
  }

  /// Takes the network away, so that the next one finds none.
  func close() {
    _ = try? laboratory.run("ip", ["link", "del", "eth0"])
  }

  static func address(isIPv6: Bool) -> String { isIPv6 ? "2a00:db8::1" : "45.0.0.1" }

  private func host(_ words: String...) throws {
    let outcome = try laboratory.run("ip", words)
    try #require(outcome.status == 0, "ip \(words): \(outcome.errors)")
  }

  /// Runs a program where the clients are.
  func guest(_ words: String...) throws {
    let outcome = try laboratory.run("nsenter", ["-t", "\(clients.pid)", "-n"] + words)
    try #require(outcome.status == 0, "\(words): \(outcome.errors)")
  }

  /// Lets packets from outside come to 127.0.0.0/8.
  func routeLoopback() throws { try "1\n".write(toFile: Self.routing, atomically: false, encoding: .utf8) }
  static let routing = "/proc/sys/net/ipv4/conf/eth0/route_localnet"

  /// Connects from and to these addresses, one after another, and gives what each was greeted with: the name of the listener and the
  /// port that it was told.
  func deliver(_ connections: [Delivery]) throws -> [String] {
    let before = answers.count
    for connection in connections { try clients.send(connection.line) }
    try laboratory.wait("all connections have been tried", seconds: 120) {
      answers.count >= before + connections.count
    }
    return answers.dropFirst(before).map { $0.split(separator: " ").dropFirst(3).joined(separator: " ") }
  }

  private var answers: [Substring] { clients.printed.split(separator: "\n").filter { $0 != "ready" } }
}

/// One attempt to connect.
struct Delivery: Hashable {
  var source: String
  var destination: String
  var port: Int
  /// After so many seconds it counts as not answered; nil for a long time.
  var patience: Double?

  var line: String { "\(source) \(destination) \(port)" + (patience.map { " \($0)" } ?? "") }
}

/// Who delivers mail, with an address in each family.
enum Sender: String, CaseIterable {
  case bypass = "bypass"
  case bypassNetwork = "in a bypass network"
  case black = "black"
  case blackNetwork = "in a black network"
  case both = "bypass and black"
  case own = "own whitelist, and black"
  case unknown = "unknown"

  func address(isIPv6: Bool) -> String {
    let number = (Self.allCases.firstIndex(of: self) ?? 0) + 1
    return isIPv6 ? "2a00:db8:\(number)::9" : "45.0.\(number).9"
  }

  /// What a feed announces, or the own whitelist names.
  func prefix(isIPv6: Bool) -> String {
    let address = address(isIPv6: isIPv6)
    switch self {
    case .bypassNetwork, .blackNetwork: return address.dropLast() + (isIPv6 ? "/48" : "0/24")
    case .bypass, .black, .both, .own, .unknown: return address + (isIPv6 ? "/128" : "/32")
    }
  }

  var prefixes: [String] { [false, true].map { prefix(isIPv6: $0) } }
}
