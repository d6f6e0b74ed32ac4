import BGPWire
import ConfigFile
package import Control
package import Primitives
import RIB
package import Tables

/// Why something is in the tables or is not: `why`, `show refused`, `show conflicts`. All of it is worked out when it is asked for.
extension Engine {
  // MARK: why

  /// The sets, by table, in which the kernel is to be asked for an address before `why`.
  package func sets(of family: AddressFamily) -> [(table: String, sets: [KernelSet])] {
    tables.parts.filter { $0.family == family }.map { ($0.name, $0.sets) }
  }

  /// Everything that decides over a prefix.
  ///
  /// - Parameter kernel: what a look at the sets of each table, by its name, has found.
  package func why(_ asked: Prefix, kernel: [String: WhyReport.Kernel], at now: Instant) -> WhyReport {
    let covering = (0...asked.length).reversed().compactMap { Prefix(asked.address, length: $0) }
    return WhyReport(
      asked: asked,
      tables: tables.names.indices.map { index in
        let table = TableID(index: UInt8(truncatingIfNeeded: index))
        return WhyReport.Table(
          name: tables.names[index], role: role(table),
          members: covering.filter { tables.membership.contains($0, in: table) },
          wanted: tables.element(holding: asked, table),
          kernel: kernel[tables.names[index]] ?? .unknown("it was not asked"), notes: notes(asked, covering, table, now)
        )
      },
      routes: covering.flatMap { prefix in peers.indices.compactMap { route(prefix, $0, now) } })
  }

  func role(_ table: TableID) -> TableReport.Role {
    switch tables.policies[Int(table.index)].role {
    case .black: .black
    case .bypass: .bypass
    }
  }

  private func notes(_ asked: Prefix, _ covering: [Prefix], _ table: TableID, _ now: Instant) -> [WhyReport.Note] {
    var notes: [WhyReport.Note] = []
    let members = covering.filter { tables.membership.contains($0, in: table) }
    if let inherited = tables.inherited[table] {
      for prefix in members where inherited.contains(prefix) && !isAnnounced(prefix, table) {
        notes.append(.inherited(prefix))
      }
    }
    let shrinkGuard = tables.shrinkGuards[Int(table.index)]
    for prefix in members {
      guard let until = shrinkGuard.heldUntil(prefix) else { continue }
      notes.append(.held(prefix, UInt64(clamping: (until - now).seconds)))
    }
    guard !members.isEmpty else { return notes }
    if tables.exclusions.isProtected(table), let found = tables.exclusions.overlapping(asked) {
      notes.append(.protected(found.prefix, found.reason))
    }
    if tables.exclusions.yields(table) {
      for index in tables.names.indices {
        let other = TableID(index: UInt8(truncatingIfNeeded: index))
        guard !tables.exclusions.yields(other) else { continue }
        for prefix in covering where tables.membership.contains(prefix, in: other) {
          notes.append(.preferred(prefix, table: tables.names[index]))
        }
      }
    }
    for part in tables.parts where part.table == table && part.family == asked.family {
      for set in part.sets {
        guard let refused = tables.refused[set] else { continue }
        for prefix in covering where refused.prefixes.contains(prefix) {
          notes.append(.refusedByKernel(prefix, refused.reason))
        }
      }
    }
    return notes
  }

  /// Whether a route of any neighbour puts the prefix into the table.
  private func isAnnounced(_ prefix: Prefix, _ table: TableID) -> Bool {
    peers.contains { peer in
      guard let route = peer.rib.route(prefix) else { return false }
      var peer = peer
      return peer.place(prefix, route.attributes, tables.policies).tables.contains(table)
    }
  }

  private func route(_ prefix: Prefix, _ index: Int, _ now: Instant) -> WhyReport.Route? {
    guard let route = peers[index].rib.route(prefix) else { return nil }
    var peer = peers[index]
    let attributes = peer.rib.pool[route.attributes]
    let seconds = UInt64(clamping: now.nanoseconds / 1_000_000_000)
    return WhyReport.Route(
      prefix: prefix, neighborAddress: peer.neighbor.address, neighborDescription: peer.neighbor.description,
      asPath: attributes.asPath.description, communities: attributes.communities.map(\.description),
      largeCommunities: attributes.largeCommunities.map(\.description),
      age: seconds >= UInt64(route.lastUpdate) ? seconds - UInt64(route.lastUpdate) : 0,
      staleFor: route.isStale ? UInt64(clamping: (now - (peer.lostAt ?? now)).seconds) : nil,
      outcome: outcome(prefix, route.attributes, &peer))
  }

  private func outcome(_ prefix: Prefix, _ identifier: AttributesID, _ peer: inout Peer) -> WhyReport.Outcome {
    let decision = peer.decide(prefix, identifier)
    guard decision.isAllowed else { return .denied(line: decision.decidingLine.map { UInt32(clamping: $0) }) }
    guard let table = decision.tables.first else { return .noTable }
    let name = tables.names[Int(table.index)]
    let line = UInt32(clamping: decision.tableLine)
    guard let refusal = peer.place(prefix, identifier, tables.policies).refusal else {
      return .fills(table: name, line: line)
    }
    return .refused(table: name, line: line, reason: refusal.description)
  }

  // MARK: show refused

  /// What guards keep out of the tables altogether.
  func refused() -> [RefusedReport] {
    var reports: [RefusedReport] = []
    for index in peers.indices where peers[index].refusedRoutes > 0 {
      var peer = peers[index]
      let prefixes =
        peer.rib.ipv4.routes.map { (Prefix.v4($0.key), $0.value) }
        + peer.rib.ipv6.routes.map { (Prefix.v6($0.key), $0.value) }
      for (prefix, route) in prefixes {
        let placement = peer.place(prefix, route.attributes, tables.policies)
        guard let refusal = placement.refusal else { continue }
        for table in placement.named {
          reports.append(
            RefusedReport(
              prefix: prefix, table: tables.names[Int(table.index)], neighborAddress: peer.neighbor.address,
              neighborDescription: peer.neighbor.description, reason: refusal.description))
        }
      }
    }
    for part in tables.parts {
      for prefix in tables.carvedOut(part.table, part.family) {
        guard let found = tables.exclusions.overlapping(prefix) else { continue }
        reports.append(
          RefusedReport(
            prefix: prefix, table: part.name, neighborAddress: nil, neighborDescription: "",
            reason: "protected: \(found.reason)"))
      }
    }
    return reports.sorted { ($0.prefix, $0.table) < ($1.prefix, $1.table) }
  }

  // MARK: show conflicts

  /// More pairs are no list that anybody reads.
  private static let mostConflicts = 10_000

  /// Members of bypass tables that are, overlap or lie in members of black tables.
  func conflicts() -> [ConflictReport] {
    let all = tables.names.indices.map { TableID(index: UInt8(truncatingIfNeeded: $0)) }
    let preferred = tables.exclusions.preferred.map { $0 == .black ? TableReport.Role.black : .bypass }
    var reports: [ConflictReport] = []
    for bypass in all where role(bypass) == .bypass {
      for black in all where role(black) == .black {
        for (good, bad) in overlaps(bypass, black, atMost: Self.mostConflicts - reports.count) {
          reports.append(
            ConflictReport(
              bypass: good, bypassTable: tables.names[Int(bypass.index)], black: bad,
              blackTable: tables.names[Int(black.index)], preferred: preferred))
        }
      }
    }
    return reports.sorted { ($0.bypass, $0.black) < ($1.bypass, $1.black) }
  }

  /// Pairs of members of two tables of which one covers the other.
  private func overlaps(_ first: TableID, _ second: TableID, atMost limit: Int) -> [(Prefix, Prefix)] {
    let left = tables.membership.prefixes(of: first)
    let right = tables.membership.prefixes(of: second)
    let ipv4 = left.ipv4.sorted().overlaps(with: right.ipv4.sorted(), atMost: limit)
    let ipv6 = left.ipv6.sorted().overlaps(with: right.ipv6.sorted(), atMost: limit - ipv4.count)
    return ipv4.map { (.v4($0), .v4($1)) } + ipv6.map { (.v6($0), .v6($1)) }
  }
}

extension PrefixList {
  fileprivate func contains(_ prefix: Prefix) -> Bool {
    switch prefix {
    case .v4(let prefix): ipv4.contains(prefix)
    case .v6(let prefix): ipv6.contains(prefix)
    }
  }
}
