import Foundation
import Testing

/// nft(8)'s monitor: what has happened to the ruleset since it began, one transaction after another.
final class RulesetMonitor {
  private let laboratory: Laboratory
  private let monitor: Child
  private static let marker = "nftbgpd_interop_marker"

  /// Answers when it is listening.
  ///
  /// - Parameter log: its own for each of several in one test.
  init(_ laboratory: Laboratory, log: String = "nft-monitor.log") throws {
    self.laboratory = laboratory
    let monitor = try laboratory.start("nft", ["monitor"], log: log)
    self.monitor = monitor
    try laboratory.wait("nft monitor is listening") {
      try Kernel.command("add table ip \(Self.marker); delete table ip \(Self.marker)", laboratory)
      return monitor.printed.contains(Self.marker)
    }
  }

  /// The lines of each transaction so far but our own.
  func transactions() throws -> [[String]] {
    // What it says of this one comes last.
    let end = Self.marker + "_end"
    try Kernel.command("add table ip \(end); delete table ip \(end)", laboratory)
    try laboratory.wait("nft monitor has said everything") {
      monitor.printed.components(separatedBy: "delete table ip \(end)").last?.contains("# new generation") == true
    }
    var transactions: [[String]] = []
    var lines: [String] = []
    for line in monitor.printed.split(separator: "\n").map(String.init) {
      if line.hasPrefix("# new generation") {
        transactions.append(lines)
        lines = []
      } else {
        // The one says that it must not have been there.
        lines.append(line.replacing("create element", with: "add element"))
      }
    }
    return transactions.filter { !$0.contains { $0.contains(Self.marker) } }
  }
}
