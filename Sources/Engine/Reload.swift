import BGPSession
import BGPWire
package import ConfigFile
import Control
package import Primitives
import RIB
import Tables

/// Another configuration in place of the one that there is.
///
/// A neighbour is known again by its address and a table by its name. What the new configuration leaves as it is, is not touched: no
/// session, no route, no element. Where the rules or the guards have changed, each route is decided anew, and what comes out otherwise is
/// one commit. A session that is to be another one ends (RFC 4486: Other Configuration Change) and begins again, while its routes stay
/// as those of any lost session do.
extension Engine {
  /// Goes over to another configuration.
  package mutating func reload(_ new: Configuration, at now: Instant) {
    let rules = RuleSet(new)
    let neighborRules = new.neighbors.map { rules.rules(for: $0, in: new) }
    let inheritedTimes = tables.names.indices.map { inheritedTime($0) }
    let old = configuration
    let restarting = endSessions(new, now)
    configuration = new
    // Whoever asks for a change wants to see it.
    paceDeadline = nil
    withoutHolding(now) { engine in
      let before = (peers: engine.peers, policies: engine.tables.policies)
      engine.peers = zip(new.neighbors, neighborRules).map { neighbor, rules in
        engine.takeOver(neighbor, rules, from: before.peers, restarting: restarting)
      }
      let renumbering = engine.adoptTables(TableArrangement(new, neighborRules), from: old, inheritedTimes, now)
      engine.filterAgain(from: before.peers, before.policies, renumbering)
      // Files may be written before the sets are told.
      if engine.tables.exclusions.haveChanged { engine.tables.exclusions.follow(engine.tables.membership) }
    }
    exports.adopt(new.exports, at: now)
    adoptTimes(now)
    for index in peers.indices {
      if peers[index].statistics.overLimit > 0 { peers[index].restartDeadline = now }
      // Those that run do not heed it.
      if isStarted, !peers[index].isShutDown { step(index, .start, "configuration reloaded", now) }
    }
    releaseInheritedWhenComplete()
    log(.notice, "configuration reloaded", kind: .reloaded)
  }

  // MARK: Sessions

  /// Ends the sessions that are not to go on, and forgets the routes of neighbours that are none any more.
  ///
  /// - Returns: the neighbours whose session is to be another one.
  private mutating func endSessions(_ new: Configuration, _ now: Instant) -> Set<IPAddress> {
    var restarting: Set<IPAddress> = []
    for index in peers.indices {
      let old = peers[index].neighbor
      guard let neighbor = new.neighbors.first(where: { $0.address == old.address }) else {
        step(index, .stop(.init(.peerDeconfigured)), "no longer configured", now)
        removeRoutes(index, now, because: "it is no longer configured")
        continue
      }
      if let reason = neighbor.down, old.down == nil {
        peers[index].isShutDown = true
        step(index, .stop(.init(.administrativeShutdown, text: reason)), "down in the configuration", now)
      }
      if old.down != nil, neighbor.down == nil { peers[index].isShutDown = false }
      var wanted = SessionConfiguration(neighbor, in: new, routerID: routerID)
      wanted.connectRetry = peers[index].session.configuration.connectRetry
      guard wanted != peers[index].session.configuration || old.transport != neighbor.transport else { continue }
      restarting.insert(neighbor.address)
      step(index, .stop(.init(.otherConfigurationChange)), "configuration changed", now)
    }
    return restarting
  }

  /// The neighbour with what there is of it.
  private mutating func takeOver(
    _ neighbor: Neighbor, _ rules: PeerRules, from peers: [Peer], restarting: Set<IPAddress>
  ) -> Peer {
    guard var peer = peers.first(where: { $0.neighbor.address == neighbor.address }) else {
      return newPeer(neighbor, rules)
    }
    if restarting.contains(neighbor.address) {
      peer.session = newSession(neighbor)
    } else {
      peer.session.adopt(connectRetry: .seconds(Int(configuration.connectRetry)))
    }
    peer.adopt(neighbor, rules)
    return peer
  }

  // MARK: Tables

  private mutating func adoptTables(
    _ new: TableArrangement, from old: Configuration, _ inheritedTimes: [Interval], _ now: Instant
  ) -> TableRenumbering {
    let oldNames = tables.names
    let renumbering = tables.adopt(
      new, isElsewhere: old.nftTable != configuration.nftTable || old.marks != configuration.marks)
    for name in oldNames where !new.names.contains(name) {
      log(
        .warning, "table \(name): no rule fills it any more: its sets are emptied", kind: .reloaded, sets: [name])
    }
    var deadlines: [TableID: Instant] = [:]
    for (table, deadline) in inheritedDeadlines {
      guard let target = renumbering[table] else { continue }
      // As much earlier or later as the time has become.
      let change = inheritedTime(Int(target.index)).nanoseconds - inheritedTimes[Int(table.index)].nanoseconds
      deadlines[target] = deadline + Interval(nanoseconds: change)
    }
    inheritedDeadlines = deadlines
    protect(host)
    readSetsIfNeeded()
    return renumbering
  }

  /// Decides anew over all routes where the outcome may be another one.
  ///
  /// - Parameters:
  ///   - before: the neighbours with the rules that they had.
  ///   - policies: how the tables of before were guarded.
  private mutating func filterAgain(
    from before: [Peer], _ policies: [TablePolicy], _ renumbering: TableRenumbering
  ) {
    let isSameGuard = policies == tables.policies && !renumbering.hasNew && !renumbering.hasGone
    let isSame = peers.allSatisfy { peer in
      before.first { $0.id == peer.id }.map {
        $0.rules == peer.rules && $0.neighbor.allowsMartians == peer.neighbor.allowsMartians
      } ?? true
    }
    guard !isSameGuard || !isSame else { return }
    tables.forgetRefused()
    for index in peers.indices {
      guard let old = before.first(where: { $0.id == peers[index].id }) else { continue }
      filterAgain(index, from: old, policies, renumbering)
    }
  }

  private mutating func filterAgain(
    _ index: Int, from before: Peer, _ policies: [TablePolicy], _ renumbering: TableRenumbering
  ) {
    peers[index].routesInTables = 0
    peers[index].refusedRoutes = 0
    peers[index].loggedRefusals = []
    var before = before
    for (prefix, route) in before.rib.ipv4.routes {
      filterAgain(.v4(prefix), route.attributes, index, &before, policies, renumbering)
    }
    for (prefix, route) in before.rib.ipv6.routes {
      filterAgain(.v6(prefix), route.attributes, index, &before, policies, renumbering)
    }
  }

  private mutating func filterAgain(
    _ prefix: Prefix, _ attributes: AttributesID, _ index: Int, _ before: inout Peer, _ policies: [TablePolicy],
    _ renumbering: TableRenumbering
  ) {
    let left = renumbering[before.place(prefix, attributes, policies).tables]
    let placement = peers[index].place(prefix, attributes, tables.policies)
    note(placement, prefix, index)
    guard placement.tables != left else { return }
    for table in placement.tables.subtracting(left) { logProtection(prefix, table, index) }
    tables.membership.move(prefix, from: left, to: placement.tables)
  }

  // MARK: Times

  private mutating func adoptTimes(_ now: Instant) {
    hostDeadline = configuration.protectsHost && isStarted ? now : nil
    if configuration.snapshotPath == nil { snapshotDeadline = nil } else { snapshotDeadline = now + Self.snapshotTime }
    for index in peers.indices where peers[index].staleDeadline != nil { setStaleDeadline(index, now) }
  }
}

extension Neighbor {
  /// What decides over the connection below the session.
  fileprivate struct Transport: Equatable {
    let port: UInt16
    let localAddress: IPAddress?
    let multihop: UInt8?
    let ttlSecurity: Bool
    let md5Key: [UInt8]?
  }

  fileprivate var transport: Transport {
    Transport(
      port: port, localAddress: localAddress, multihop: multihop, ttlSecurity: ttlSecurity, md5Key: md5Key)
  }
}
