import Control
import Primitives

/// The metrics by name.
extension Exposition {
  mutating func write(_ report: MetricsReport) {
    write(isUp: true)
    family(
      "nftbgpd_build", .info, "The release of nftbgpd.",
      [Sample(labels: [("version", report.release)], value: "1")])
    writeNeighbors(report)
    writeTables(report)
    writeSync(report)
    writeFiles(report)
    if let process = report.process { write(process) }
  }

  mutating func write(isUp: Bool) {
    family("nftbgpd_up", .gauge, "1 while nftbgpd runs, 0 in the file that it leaves behind.", isUp ? "1" : "0")
  }

  // MARK: Neighbors

  private mutating func writeNeighbors(_ report: MetricsReport) {
    let neighbors = report.neighbors
    /// One sample for each neighbor that has any.
    func samples(_ value: (MetricsReport.Neighbor) -> String?) -> [Sample] {
      neighbors.compactMap { neighbor in value(neighbor).map { Sample(labels: neighbor.labels, value: $0) } }
    }
    /// One sample for each neighbor and value of a label.
    func samples(_ label: String, _ values: (MetricsReport.Neighbor) -> [(String, UInt64)]) -> [Sample] {
      neighbors.flatMap { neighbor in
        values(neighbor).map { Sample(labels: neighbor.labels + [(label, $0.0)], value: "\($0.1)") }
      }
    }
    family(
      "nftbgpd_peer", .info, "The neighbors of the configuration.",
      neighbors.map {
        let labels = [("description", $0.description), ("group", $0.group), ("remote_as", "\($0.remoteAS)")]
        return Sample(labels: $0.labels + labels, value: "1")
      })
    family(
      "nftbgpd_peer_state", .gauge, "1 for the state that the session is in.",
      samples("state") { neighbor in
        NeighborReport.State.allCases.map { ($0.name.lowercased(), $0 == neighbor.state ? 1 : 0) }
      })
    family(
      "nftbgpd_peer_synchronized", .gauge, "1 while the neighbor has a session in which it has sent its whole table.",
      samples { $0.isSynchronized ? "1" : "0" })
    family(
      "nftbgpd_peer_established_timestamp_seconds", .gauge, "When the session that is Established became so.",
      samples { $0.established.map(report.timestamp) })
    family(
      "nftbgpd_peer_last_update_timestamp_seconds", .gauge, "When the neighbor last sent an UPDATE.",
      samples { $0.counters.lastUpdate.map(report.timestamp) })
    family(
      "nftbgpd_peer_prefixes", .gauge, "Prefixes held from the neighbor.",
      samples("afi") { [("ipv4", UInt64(clamping: $0.ipv4Prefixes)), ("ipv6", UInt64(clamping: $0.ipv6Prefixes))] })
    family(
      "nftbgpd_peer_stale_prefixes", .gauge, "Prefixes kept from a session that was lost, or not repeated yet.",
      samples { "\($0.stalePrefixes)" })
    family(
      "nftbgpd_peer_messages", .counter, "BGP messages received and sent.",
      neighbors.flatMap { neighbor in
        [("received", neighbor.statistics.received), ("sent", neighbor.statistics.sent)].flatMap {
          direction, messages in
          messages.byType.map { type, count in
            Sample(labels: neighbor.labels + [("type", type), ("direction", direction)], value: "\(count)")
          }
        }
      })
    family(
      "nftbgpd_peer_rejected", .counter, "Routes that a guard kept out of their table, or did not take at all.",
      samples("reason") {
        [
          ("length", $0.counters.refusedForLength), ("reserved", $0.counters.refusedAsReserved),
          ("max-prefix", $0.counters.overLimit),
        ]
      })
    family(
      "nftbgpd_update_errors", .counter, "Faults of UPDATE messages, by what was done about them (RFC 7606).",
      samples("action") {
        [
          ("withdraw", $0.statistics.treatedAsWithdraw), ("discard", $0.statistics.attributesDiscarded),
          ("reset", $0.counters.resets),
        ]
      })
    family(
      "nftbgpd_feed_confirmed_timestamp_seconds", .gauge,
      "When a neighbor that had sent its whole table was last there, or nftbgpd started without knowing.",
      report.feedConfirmed.map(report.timestamp))
    histogram(
      "nftbgpd_keepalive_late_seconds", "How late KEEPALIVEs were sent.", report.counters.keepaliveLateness)
  }

  // MARK: Tables

  private mutating func writeTables(_ report: MetricsReport) {
    func samples(_ value: (MetricsReport.Table) -> String?) -> [Sample] {
      report.tables.compactMap { table in value(table).map { Sample(labels: table.labels, value: $0) } }
    }
    family(
      "nftbgpd_table_prefixes", .gauge, "Prefixes that the feed puts into the table.", samples { "\($0.prefixes)" })
    family(
      "nftbgpd_set_elements", .gauge, "Elements that the sets of the table should hold.", samples { "\($0.wanted)" })
    family(
      "nftbgpd_set_kernel_elements", .gauge, "Elements that they hold, as far as the kernel has acknowledged.",
      samples { $0.inKernel.map { "\($0)" } })
    family(
      "nftbgpd_table_held_prefixes", .gauge, "Prefixes that only the shrink guard keeps in the table.",
      report.guards.map { Sample(labels: [("table", $0.table)], value: "\($0.held)") })
    family(
      "nftbgpd_table_refused_routes", .gauge, "Routes that guards keep out of the table.", samples { "\($0.refused)" })
    family(
      "nftbgpd_table_changed_timestamp_seconds", .gauge, "When the kernel last acknowledged a change of the table.",
      samples { $0.lastChange.map(report.timestamp) })
    func active(_ name: String, _ labels: [(name: String, value: String)], _ isActive: Bool) -> Sample {
      Sample(labels: labels + [("guard", name)], value: isActive ? "1" : "0")
    }
    family(
      "nftbgpd_guard_active", .gauge, "1 while a guard holds or keeps out what the feed says.",
      report.guards.map { active("shrink", [("table", $0.table)], $0.held > 0) }
        + report.tables.map { active("refused", $0.labels, $0.refused > 0) }
        + report.neighbors.map { active("max-prefix", $0.labels, $0.statistics.overLimit > 0) })
  }

  // MARK: The kernel

  private mutating func writeSync(_ report: MetricsReport) {
    let counters = report.counters
    histogram("nftbgpd_sync_duration_seconds", "How long the kernel took for a commit.", counters.commits)
    family(
      "nftbgpd_sync_lag_seconds", .gauge, "For how long the kernel has been owed what it has not acknowledged.",
      Self.seconds(report.syncLag.nanoseconds))
    family(
      "nftbgpd_sync_failing", .gauge, "1 while a failed look or commit, or elements left out, wait for the next try.",
      report.isSyncFailing ? "1" : "0")
    family(
      "nftbgpd_sync_failures", .counter, "Commits and looks at the sets that have failed.",
      [("commit", counters.failedCommits), ("read", counters.failedReads)].map {
        Sample(labels: [("kind", $0.0)], value: "\($0.1)")
      })
    family(
      "nftbgpd_sync_refused_elements", .counter, "Elements that the kernel did not take, at each try.",
      "\(counters.refusedElements)")
    family(
      "nftbgpd_external_changes", .counter, "Changes of other programs to the sets that were found and repaired.",
      "\(counters.externalChanges)")
  }

  // MARK: Files

  private mutating func writeFiles(_ report: MetricsReport) {
    func samples(_ value: (MetricsReport.Export) -> String?) -> [Sample] {
      report.exports.compactMap { file in
        value(file).map { Sample(labels: [("file", file.path), ("table", file.table)], value: $0) }
      }
    }
    family(
      "nftbgpd_export_timestamp_seconds", .gauge, "When the export file was last written in this run.",
      samples { $0.counters.lastWritten.map(report.timestamp) })
    family(
      "nftbgpd_export_entries", .gauge, "Entries in it then.",
      samples { file in file.counters.lastWritten.map { _ in "\(file.counters.entries)" } })
    family(
      "nftbgpd_export_outdated", .gauge, "1 while the file is not what the table is.",
      samples { $0.isOutdated ? "1" : "0" })
    family(
      "nftbgpd_export_failures", .counter, "Attempts to write it that have failed.",
      samples { "\($0.counters.failures)" })
    family(
      "nftbgpd_snapshot_timestamp_seconds", .gauge, "When the snapshot was last written in this run.",
      report.counters.lastSnapshot.map(report.timestamp))
    family(
      "nftbgpd_snapshot_failures", .counter, "Attempts to write the snapshot that have failed.",
      "\(report.counters.failedSnapshots)")
  }

  /// Under the names that the client libraries of Prometheus have for them.
  private mutating func write(_ process: MetricsReport.Process) {
    family(
      "process_cpu_seconds", .counter, "Total user and system CPU time spent in seconds.",
      Self.seconds(process.cpuTime.nanoseconds))
    family(
      "process_resident_memory_bytes", .gauge, "Resident memory size in bytes.", "\(process.residentMemory)")
    family("process_virtual_memory_bytes", .gauge, "Virtual memory size in bytes.", "\(process.virtualMemory)")
    family("process_open_fds", .gauge, "Number of open file descriptors.", "\(process.openFiles)")
    family(
      "process_start_time_seconds", .gauge, "Start time of the process since unix epoch in seconds.",
      Self.seconds(process.started))
  }
}

extension MetricsReport {
  /// Seconds since the beginning of 1970. Milliseconds, so that the inaccuracy of the two clocks does not show.
  fileprivate func timestamp(_ instant: Instant) -> String {
    let (time, overflow) = clockOrigin.addingReportingOverflow(instant.nanoseconds)
    let million: Int64 = 1_000_000
    return Exposition.seconds(overflow ? .max : time / million * million)
  }
}

extension MetricsReport.Neighbor {
  fileprivate var labels: [(name: String, value: String)] { [("peer", "\(address)")] }
}

extension MetricsReport.Table {
  fileprivate var labels: [(name: String, value: String)] {
    [("table", name), ("afi", family == .ipv4 ? "ipv4" : "ipv6")]
  }
}

extension NeighborReport.Messages {
  fileprivate var byType: [(type: String, count: UInt64)] {
    [
      ("open", open), ("update", update), ("notification", notification), ("keepalive", keepalive),
      ("route-refresh", routeRefresh),
    ]
  }
}
