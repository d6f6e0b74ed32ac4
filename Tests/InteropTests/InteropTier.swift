import Foundation
import TestSupport
import Testing

/// The programs as they are installed, against the programs that they meet: OpenBGPD, BIRD and others as route servers,
/// nft(8) as the witness of what the kernel holds, the shell and sed of a published script.
///
/// Nothing of the product is imported here but its source of random numbers. All daemons live on 127.0.0.0/8 and port
/// 179 of one network namespace, so only one test runs at a time. Every child belongs to a `Laboratory`, which ends it
/// whatever happens; the last lines of each log stand below a failure.
@Suite(
  "Interop", .serialized, .timeLimit(.minutes(TruthExtent.chosen.minutes)),
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

/// A test could not go on.
struct Unexpected: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
