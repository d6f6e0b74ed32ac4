package import Primitives

/// What is counted of the daemon as a whole since it started, and when something last succeeded.
package struct Counters: Hashable, Sendable {
  /// Commits that the kernel has acknowledged.
  package var commits = Histogram()
  /// How late KEEPALIVEs were.
  package var keepaliveLateness = Histogram()
  package var failedCommits: UInt64 = 0
  /// Looks at the sets that have failed.
  package var failedReads: UInt64 = 0
  /// Elements that the kernel did not take.
  package var refusedElements: UInt64 = 0
  /// What other programs were found to have done to the sets.
  package var externalChanges: UInt64 = 0
  package var lastSnapshot: Instant?
  package var failedSnapshots: UInt64 = 0
  /// By the path of the file.
  package var exports: [String: ExportCounters] = [:]

  package init() {}
}

/// The same of one export file.
package struct ExportCounters: Hashable, Sendable {
  package var lastWritten: Instant?
  /// Entries in it then.
  package var entries = 0
  package var failures: UInt64 = 0

  package init() {}
}

/// The same of one neighbor, beside what `NeighborReport.Statistics` has.
package struct PeerCounters: Hashable, Sendable {
  package var lastUpdate: Instant?
  /// Routes kept out of the tables that the rules name for them, each time that they are announced anew.
  package var refusedForLength: UInt64 = 0
  package var refusedAsReserved: UInt64 = 0
  /// Prefixes not taken because of `max-prefix`.
  package var overLimit: UInt64 = 0
  /// Sessions reset because of an UPDATE.
  package var resets: UInt64 = 0

  package init() {}
}
