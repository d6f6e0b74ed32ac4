import BGPSession
import BGPWire
import ConfigFile
import Control
package import Metrics
package import Primitives
import RIB
import Tables

/// What the engine tells a monitoring system.
extension Engine {
  /// - Parameter clockOrigin: nanoseconds from the beginning of 1970 (UTC) to `Instant.zero`.
  package func metrics(at now: Instant, clockOrigin: Int64) -> MetricsReport {
    var report = MetricsReport(release: Release.version)
    report.clockOrigin = clockOrigin
    report.neighbors = peers.map(\.measurements)
    report.tables = tables.parts.map { part in
      MetricsReport.Table(
        name: part.name, family: part.family, prefixes: tables.membership.count(part.table, part.family),
        wanted: tables.wanted(part), inKernel: part.inKernel, refused: part.refusedRoutes, lastChange: part.lastChange)
    }
    report.guards = zip(tables.names, tables.shrinkGuards).map { MetricsReport.Guard(table: $0, held: $1.heldCount) }
    report.exports = configuration.exports.indices.map { index in
      let file = configuration.exports[index]
      return MetricsReport.Export(
        path: file.path, table: file.table, isOutdated: exports.isOutdated(index),
        counters: counters.exports[file.path] ?? ExportCounters())
    }
    report.counters = counters
    report.feedConfirmed = peers.contains(where: \.isSynchronized) ? now : lastConfirmation
    report.syncLag = (committingSince ?? owedSince).map { now - $0 } ?? .zero
    report.isSyncFailing = tables.failure != nil
    return report
  }

  /// The end of a turn: what has been decided in it is owed to the kernel until that has acknowledged it.
  mutating func noteOwed(_ now: Instant) {
    if tables.isOwing {
      owedSince = owedSince ?? now
    } else {
      owedSince = nil
    }
  }

  /// A timer of a session is due: if it is that of the next KEEPALIVE, notes how late it is.
  mutating func noteKeepalive(_ index: Int, _ now: Instant) {
    guard case .established(let running, _) = peers[index].session.state, let deadline = running.keepaliveDeadline,
      deadline <= now
    else { return }
    counters.keepaliveLateness.add(now - deadline)
  }
}

extension Peer {
  fileprivate var measurements: MetricsReport.Neighbor {
    MetricsReport.Neighbor(
      address: neighbor.address, description: neighbor.description, group: neighbor.group,
      remoteAS: neighbor.remoteAS.value, state: session.state.reportState, established: isUp ? lastUpDown : nil,
      isSynchronized: isSynchronized, ipv4Prefixes: rib.ipv4.routes.count, ipv6Prefixes: rib.ipv6.routes.count,
      stalePrefixes: rib.staleCount, statistics: statistics, counters: counters)
  }
}

extension TableKeeper {
  /// Whether the kernel has not been given everything that was decided, or has not taken all of it.
  fileprivate var isOwing: Bool {
    !isInStep || !refused.isEmpty || membership.hasChanges || exclusions.haveChanged
  }
}
