import Foundation
import Testing

/// The programs as they are installed, against the programs that they meet: OpenBGPD and BIRD as route servers, nft(8)
/// as the witness of what the kernel holds, the shell and sed of a published script.
///
/// Nothing of the product is imported here. All daemons live on 127.0.0.0/8 and port 179 of one network namespace, so
/// only one test runs at a time. Every child belongs to a `Laboratory`, which ends it whatever happens; the last lines
/// of each log stand below a failure.
@Suite(
  "Interop", .serialized, .timeLimit(.minutes(3)),
  .enabled(if: Namespace.isOwn, "the interop tier needs its own network namespace: run Tools/test"),
  .compactMapIssues { issue in
    // It comes through here once for each suite around the test.
    let logs = Comment(rawValue: Laboratory.logs())
    guard !issue.comments.contains(logs) else { return issue }
    var issue = issue
    issue.comments.append(logs)
    return issue
  }
)
struct InteropTier {}

/// Outside of the suite above, so that it runs where that is disabled.
@Suite("The interop tier")
struct InteropTierIsolation {
  @Test(
    "has a network namespace of its own",
    .enabled(if: ProcessInfo.processInfo.environment["NFTBGPD_TIERS"] != nil, "NFTBGPD_TIERS is not set")
  )
  func isolation() {
    #expect(Namespace.isOwn, "the interop tier needs its own network namespace: run Tools/test")
  }
}

/// The network namespace of this process.
enum Namespace {
  /// Whether it is another than that of process 1, or, where that is not ours to see, than that of a process that we
  /// descend from.
  ///
  /// What cannot be read proves nothing, so the cautious answer is no.
  static let isOwn: Bool = {
    guard let own = link(of: "self") else { return false }
    if let first = link(of: "1") { return own != first }
    return sequence(first: "self", next: parent(of:)).contains { process in
      link(of: process).map { $0 != own } ?? false
    }
  }()

  private static func link(of process: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/net")
  }

  /// The parent of a process, by the fourth field of proc_pid_stat(5); the second, in parentheses, may hold anything.
  private static func parent(of process: String) -> String? {
    guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return nil }
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    guard let parent = fields.dropFirst().first, parent != "0" else { return nil }
    return String(parent)
  }
}

/// A test could not go on.
struct Unexpected: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
