import BGPSession
import BGPWire
import ConfigFile
import Control
import Primitives
import RIB
import Tables

/// Neighbours and tables as `show` prints them.
extension Engine {
  func report(_ peer: Peer, _ now: Instant) -> NeighborReport {
    var statistics = peer.statistics
    statistics.lastRead = peer.lastRead.map { UInt64(clamping: (now - $0).seconds) }
    statistics.lastWrite = peer.lastWrite.map { UInt64(clamping: (now - $0).seconds) }
    statistics.prefixes = UInt64(peer.rib.count)
    statistics.stalePrefixes = UInt64(peer.rib.staleCount)
    statistics.refused = UInt64(clamping: peer.refusedRoutes)
    let neighbor = peer.neighbor
    return NeighborReport(
      address: neighbor.address, remoteAS: neighbor.remoteAS.value, description: neighbor.description,
      group: neighbor.group,
      bgpID: peer.bgpIdentifier, state: peer.session.state.reportState,
      lastUpDown: peer.lastUpDown.map { UInt64(clamping: (now - $0).seconds) },
      configuration: NeighborReport.Configuration(
        passive: neighbor.passive, down: peer.isShutDown, multihop: neighbor.multihop,
        ttlSecurity: neighbor.ttlSecurity,
        holdTime: neighbor.holdTime ?? configuration.holdTime,
        minimumHoldTime: neighbor.minimumHoldTime ?? configuration.minimumHoldTime,
        // The default is ours alone: bgpctl(8) shows what the file says.
        maxPrefix: neighbor.maxPrefix == Configuration.defaultMaxPrefix ? 0 : neighbor.maxPrefix ?? 0,
        maxPrefixRestart: neighbor.maxPrefixRestart ?? 0,
        capabilities: NeighborReport.Capabilities(peer.session.configuration.capabilities)),
      statistics: statistics, session: session(peer), timers: timers(peer, now), lastErrorSent: peer.lastErrorSent,
      lastErrorReceived: peer.lastErrorReceived, lastShutdownReason: peer.lastShutdownReason,
      lastConnectError: peer.lastConnectError)
  }

  private func session(_ peer: Peer) -> NeighborReport.Session? {
    guard peer.session.isEstablished, let negotiated = peer.session.negotiated, let local = peer.connection?.local,
      let remote = peer.connection?.remote
    else { return nil }
    let localCapabilities = NeighborReport.Capabilities(negotiated.localCapabilities)
    let remoteCapabilities = NeighborReport.Capabilities(negotiated.peerCapabilities)
    return NeighborReport.Session(
      holdTime: negotiated.holdTime, keepalive: UInt16(clamping: negotiated.keepaliveTime.seconds),
      local: .init(address: local.address, port: local.port, capabilities: localCapabilities),
      remote: .init(address: remote.address, port: remote.port, capabilities: remoteCapabilities),
      negotiated: NeighborReport.Capabilities(
        multiprotocol: negotiated.families, fourOctetAS: negotiated.context.fourOctetAS,
        refresh: negotiated.routeRefresh,
        enhancedRefresh: negotiated.enhancedRouteRefresh,
        extendedMessage: negotiated.context.maximumLength > IANA.maximumMessageLength,
        gracefulRestart: negotiated.gracefulRestart != nil,
        restartTime: negotiated.gracefulRestart.flatMap { $0.families.isEmpty ? nil : $0.restartTime }))
  }

  private func timers(_ peer: Peer, _ now: Instant) -> [NeighborReport.Timer] {
    var timers: [(String, Instant?)] = []
    switch peer.session.state {
    case .idle(let until): timers.append(("IdleHoldTimer", until))
    case .connect(let until): timers.append(("ConnectRetryTimer", until))
    case .active(let until): timers.append(("ConnectRetryTimer", until))
    case .openSent(let deadline): timers.append(("HoldTimer", deadline))
    case .openConfirm(let running), .established(let running, _):
      timers.append(("KeepaliveTimer", running.keepaliveDeadline))
      timers.append(("HoldTimer", running.holdDeadline))
    }
    timers.append(("StaleTimer", peer.staleDeadline))
    timers.append(("RestartTimer", peer.restartDeadline))
    return timers.compactMap { name, deadline in
      deadline.map { NeighborReport.Timer(name: name, due: UInt64(clamping: ($0 - now).seconds)) }
    }
  }

  func report(_ part: TableKeeper.Part, _ now: Instant) -> TableReport {
    TableReport(
      name: part.name, role: tables.policies[Int(part.table.index)].role == .black ? .black : .bypass,
      family: part.family, nftTable: configuration.nftTable.description, sets: part.sets.map(\.name),
      prefixes: UInt64(tables.membership.count(part.table, part.family)), wanted: UInt64(clamping: tables.wanted(part)),
      inKernel: part.inKernel.map { UInt64(clamping: $0) }, stale: UInt64(staleCount(part)),
      held: UInt64(tables.held(part)),
      refused: UInt64(clamping: part.refusedRoutes + tables.carvedOut(part.table, part.family).count),
      hash: tables.membership.hash(part.table, part.family),
      lastChange: part.lastChange.map { UInt64(clamping: (now - $0).seconds) }, error: tables.failure)
  }

  /// Prefixes that are in the table only because of lost sessions or of an earlier run.
  private func staleCount(_ part: TableKeeper.Part) -> Int {
    var stale: Set<Prefix> = []
    if let inherited = tables.inherited[part.table] {
      stale.formUnion(part.family == .ipv4 ? inherited.ipv4.map(Prefix.v4) : inherited.ipv6.map(Prefix.v6))
    }
    for index in peers.indices where peers[index].rib.staleCount > 0 {
      forEachRoute(of: index, part) { if $1 { stale.insert($0) } }
    }
    guard !stale.isEmpty else { return 0 }
    for index in peers.indices where peers[index].rib.staleCount < peers[index].rib.count {
      forEachRoute(of: index, part) { if !$1 { stale.remove($0) } }
    }
    return stale.count
  }

  /// Calls `body` with each prefix of the peer that is in the table, and whether it is stale.
  private func forEachRoute(of index: Int, _ part: TableKeeper.Part, _ body: (Prefix, Bool) -> Void) {
    var peer = peers[index]
    switch part.family {
    case .ipv4:
      for (prefix, route) in peer.rib.ipv4.routes
      where peer.place(.v4(prefix), route.attributes, tables.policies).tables.contains(part.table) {
        body(.v4(prefix), route.isStale)
      }
    case .ipv6:
      for (prefix, route) in peer.rib.ipv6.routes
      where peer.place(.v6(prefix), route.attributes, tables.policies).tables.contains(part.table) {
        body(.v6(prefix), route.isStale)
      }
    }
  }
}

extension Peer {
  /// The identifier of the peer's OPEN in this session or, failing that, in the one before.
  var bgpIdentifier: IPv4Address? {
    session.negotiated?.peerIdentifier ?? lastIdentifier
  }
}

extension NeighborReport.Capabilities {
  init(_ capabilities: [Capability]) {
    var restart: Capability.GracefulRestart?
    for case .gracefulRestart(let offered) in capabilities { restart = offered }
    self.init(
      multiprotocol: AddressFamily.allCases.filter { capabilities.contains(.unicast($0)) },
      fourOctetAS: capabilities.contains { if case .fourOctetAS = $0 { true } else { false } },
      refresh: capabilities.contains(.routeRefresh), enhancedRefresh: capabilities.contains(.enhancedRouteRefresh),
      extendedMessage: capabilities.contains(.extendedMessage), gracefulRestart: restart != nil,
      restartTime: restart.flatMap { $0.families.isEmpty ? nil : $0.restartTime })
  }
}
