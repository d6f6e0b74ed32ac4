import Foundation
import Testing

/// A ruleset of Conf/nftables with what its comments promise.
enum Ruleset: String, CaseIterable {
  case chains, marks, pf

  private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Conf/nftables").path

  var name: String { rawValue + ".nft" }

  private var published: String { Child.text("\(Self.directory)/\(name)") }

  /// With the own whitelist of this network and, with `edited`, for more ports and with greylisting.
  func text(edited: Bool) throws -> String {
    var text = published
    try edit(&text, "nospamd = { 192.0.2.10, 198.51.100.0/24 }", "nospamd = { \(Sender.own.prefix(isIPv6: false)) }")
    if self != .pf {
      try edit(&text, "nospamd6 = { 2001:db8:25::/48 }", "nospamd6 = { \(Sender.own.prefix(isIPv6: true)) }")
    }
    if edited {
      try edit(&text, "mail_ports = 25", "mail_ports = { 25, 465, 587 }")
      if self != .pf { try edit(&text, "unknown = mail_server", "unknown = tarpit") }
    }
    return text
  }

  private func edit(_ text: inout String, _ old: String, _ new: String) throws {
    let parts = text.components(separatedBy: "define \(old)\n")
    guard parts.count == 2 else { throw Unexpected("\(name) has \(parts.count - 1) lines 'define \(old)'") }
    text = parts.joined(separator: "define \(new)\n")
  }

  /// The statements of nftbgpd.conf(5) that it asks for, from its comment.
  var configuration: String {
    published.split(separator: "\n").filter { $0.hasPrefix("#     nft table ") || $0.hasPrefix("#     table \"") }
      .map { $0.dropFirst(6) + "\n" }.joined()
  }

  /// The nft table that its counters are in.
  var counterTable: String { self == .marks ? "inet firewall" : Kernel.table }

  /// Whether its counters begin anew when it is loaded again.
  var resetsCounters: Bool { self == .marks }

  /// Where the tarpit has to listen.
  var tarpitAddress: String { self == .pf ? "127.0.0.1" : "::" }

  /// Somebody goes to the tarpit himself, and must not arrive.
  var intrusion: Delivery {
    Delivery(
      source: Sender.unknown.address(isIPv6: false),
      destination: self == .pf ? "127.0.0.1" : MailHost.address(isIPv6: false), port: MailHost.tarpitPort, patience: 1)
  }

  /// What lets him in; nil where nothing keeps him out.
  var intrusionDoor: String? {
    switch self {
    case .chains: nil
    case .marks: "add rule inet firewall input tcp dport \(MailHost.tarpitPort) accept"
    case .pf: "flush chain inet nftbgpd raw"
    }
  }

  // MARK: What is promised

  /// The counters, by their names.
  enum Way: String, CaseIterable {
    case nospamd, bypass, black, unknown
    /// Of pf.nft.
    case inet6
  }

  /// - Parameter withdrawn: both servers have withdrawn what they can, and of who is in both tables, the bypass.
  func way(of sender: Sender, isIPv6: Bool, withdrawn: Bool) -> Way {
    if self == .pf, isIPv6 { return .inet6 }
    return switch sender {
    case .own: .nospamd
    case .bypass, .bypassNetwork: withdrawn ? .unknown : .bypass
    case .black, .blackNetwork: withdrawn ? .unknown : .black
    case .both: withdrawn ? .black : .bypass
    case .unknown: .unknown
    }
  }

  func listener(_ way: Way, edited: Bool) -> String {
    switch way {
    case .nospamd, .bypass, .inet6: "MTA"
    case .black: "tarpit"
    case .unknown: self == .pf || edited ? "tarpit" : "MTA"
    }
  }
}
