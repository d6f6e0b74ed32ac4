package import Control
package import Primitives

/// Everything that the daemon tells a monitoring system, at one moment.
///
/// It is collected on the event loop of the sessions, every few seconds and for whoever asks. So nothing is in it that has to be counted
/// out: every figure costs the same, however many routes there are.
package struct MetricsReport: Hashable, Sendable {
  package var release: String
  /// In the order of the configuration, as the others are.
  package var neighbors: [Neighbor] = []
  package var tables: [Table] = []
  package var guards: [Guard] = []
  package var exports: [Export] = []
  package var counters = Counters()
  /// When a neighbor with a complete table was last there, or when the daemon started where that is not known.
  package var feedConfirmed: Instant?
  /// Since when the kernel has been owed what it has not acknowledged yet; zero: it is owed nothing.
  package var syncLag = Interval.zero
  /// The last look at the sets, or the last commit, has failed or left elements out.
  package var isSyncFailing = false
  /// Only for who gets nothing else from the same place: the file is one of several that node_exporter reads, and its own process has
  /// these metrics, too.
  package var process: Process?
  /// Nanoseconds from the beginning of 1970 (UTC) to `Instant.zero`.
  package var clockOrigin: Int64 = 0

  package init(release: String) {
    self.release = release
  }

  package struct Neighbor: Hashable, Sendable {
    package var address: IPAddress
    /// Empty where the configuration has none.
    package var description: String
    package var group: String
    package var remoteAS: UInt32
    package var state: NeighborReport.State
    /// nil unless the session is Established.
    package var established: Instant?
    /// It has sent a complete table in this session.
    package var isSynchronized: Bool
    /// Prefixes held from it now, and those of them that are stale.
    package var ipv4Prefixes: Int
    package var ipv6Prefixes: Int
    package var stalePrefixes: Int
    package var statistics: NeighborReport.Statistics
    package var counters: PeerCounters

    package init(
      address: IPAddress, description: String, group: String, remoteAS: UInt32, state: NeighborReport.State,
      established: Instant?, isSynchronized: Bool, ipv4Prefixes: Int, ipv6Prefixes: Int, stalePrefixes: Int,
      statistics: NeighborReport.Statistics, counters: PeerCounters
    ) {
      self.address = address
      self.description = description
      self.group = group
      self.remoteAS = remoteAS
      self.state = state
      self.established = established
      self.isSynchronized = isSynchronized
      self.ipv4Prefixes = ipv4Prefixes
      self.ipv6Prefixes = ipv6Prefixes
      self.stalePrefixes = stalePrefixes
      self.statistics = statistics
      self.counters = counters
    }
  }

  /// One table in one family.
  package struct Table: Hashable, Sendable {
    package var name: String
    package var family: AddressFamily
    /// Prefixes that the feed puts into it.
    package var prefixes: Int
    /// Elements that the kernel should hold, and those that it does as far as acknowledged; nil before it was first read.
    package var wanted: Int
    package var inKernel: Int?
    /// Routes that guards keep out.
    package var refused: Int
    /// When the kernel last acknowledged a change.
    package var lastChange: Instant?

    package init(
      name: String, family: AddressFamily, prefixes: Int, wanted: Int, inKernel: Int?, refused: Int,
      lastChange: Instant?
    ) {
      self.name = name
      self.family = family
      self.prefixes = prefixes
      self.wanted = wanted
      self.inKernel = inKernel
      self.refused = refused
      self.lastChange = lastChange
    }
  }

  /// The shrink guard of a table, which looks at both families together.
  package struct Guard: Hashable, Sendable {
    package var table: String
    /// Prefixes that only it keeps in the table.
    package var held: Int

    package init(table: String, held: Int) {
      self.table = table
      self.held = held
    }
  }

  /// An export file.
  package struct Export: Hashable, Sendable {
    package var path: String
    package var table: String
    /// The table has changed since the file was written, or it never was.
    package var isOutdated: Bool
    package var counters: ExportCounters

    package init(path: String, table: String, isOutdated: Bool, counters: ExportCounters) {
      self.path = path
      self.table = table
      self.isOutdated = isOutdated
      self.counters = counters
    }
  }

  /// What proc_pid_stat(5) says of the daemon.
  package struct Process: Hashable, Sendable {
    package var cpuTime: Interval
    /// Octets.
    package var residentMemory: UInt64
    package var virtualMemory: UInt64
    package var openFiles: Int
    /// Nanoseconds since the beginning of 1970 (UTC).
    package var started: Int64

    package init(cpuTime: Interval, residentMemory: UInt64, virtualMemory: UInt64, openFiles: Int, started: Int64) {
      self.cpuTime = cpuTime
      self.residentMemory = residentMemory
      self.virtualMemory = virtualMemory
      self.openFiles = openFiles
      self.started = started
    }
  }
}
