import BGPSession
import BGPWire
import ConfigFile
package import Control
package import Primitives
import RIB
import Tables

/// What the operator asks for that changes something.
extension Engine {
  /// Carries out a request that changes something, or answers one that does not.
  package mutating func carryOut(_ request: ControlRequest, at now: Instant) -> ControlAnswer {
    // Who asks for a change wants to see it.
    if request.isChange { paceDeadline = nil }
    switch request {
    case .neighbor(let selector, let action):
      let selected = peers.indices.filter { selector.selects(peers[$0].neighbor) }
      guard !selected.isEmpty else { return ControlAnswer([.failure(selector.notFound)]) }
      var complaints: [String] = []
      for index in selected {
        if let complaint = carryOut(action, index, now) { complaints.append(complaint) }
      }
      return ControlAnswer(complaints.isEmpty ? [.end] : [.failure(complaints.joined(separator: "; "))])
    case .accept(let name):
      guard let table = tables.table(named: name) else { return ControlAnswer([.failure(noSuchTable(name))]) }
      let count = letGo(table, now)
      log(
        .notice, "table \(name): \(count) held prefixes leave, the operator has accepted it", kind: .held, sets: [name]
      )
      return ControlAnswer([.end])
    case .log(let isVerbose):
      effects.append(.setVerbosity(isVerbose))
      return ControlAnswer([.end])
    case .showSummary, .showNeighbor, .showRIB, .showTables, .export, .why, .showRefused, .showConflicts, .showMetrics,
      .reload:
      return answer(request, at: now)
    }
  }

  /// - Returns: why it was not done.
  private mutating func carryOut(_ action: NeighborAction, _ index: Int, _ now: Instant) -> String? {
    switch action {
    case .up:
      peers[index].isShutDown = false
      step(index, .start, "neighbor up", now)
    case .down(let flush, let text):
      peers[index].isShutDown = true
      step(index, .stop(.init(.administrativeShutdown, text: text)), "neighbor down", now)
      if flush { removeRoutes(index, now, because: "the operator has said so") }
      releaseInheritedWhenComplete()
    case .clear(let text):
      step(index, .stop(.init(.administrativeReset, text: text)), "neighbor clear", now)
      if !peers[index].isShutDown { step(index, .start, "neighbor clear", now) }
    case .refresh:
      guard requestRefresh(index, now) else {
        return "\(peers[index].logName) has no session, or none that knows route refresh (RFC 2918)"
      }
    }
    return nil
  }

  mutating func removeRoutes(_ index: Int, _ now: Instant, because reason: String) {
    var prefixes = PrefixList()
    prefixes.ipv4 = peers[index].rib.ipv4.routes.keys
    prefixes.ipv6 = peers[index].rib.ipv6.routes.keys
    guard !prefixes.isEmpty else { return }
    log(
      .notice, "\(peers[index].logName): removing its \(prefixes.count) prefixes, \(reason)", index,
      kind: .routesRemoved)
    withoutHolding(now) { engine in engine.withdraw(prefixes, index) }
    peers[index].staleDeadline = nil
    peers[index].lostAt = nil
  }

  /// Asks a neighbour to send its table again.
  ///
  /// - Returns: whether it can be asked.
  private mutating func requestRefresh(_ index: Int, _ now: Instant) -> Bool {
    guard peers[index].session.isEstablished, let negotiated = peers[index].session.negotiated, negotiated.routeRefresh
    else { return false }
    for family in negotiated.families { send(.routeRefresh(.init(family: family)), index, now) }
    return true
  }

  /// Stale routes have left: asks a neighbour that had too many prefixes beside them to send them again.
  mutating func takeUpRoom(_ index: Int, _ now: Instant) {
    guard peers[index].hasRoom else { return }
    peers[index].hasRoom = false
    guard !peers[index].ignoresRefresh, requestRefresh(index, now) else { return }
    peers[index].restartDeadline = nil
    peers[index].answerDeadline = now + Self.answerTime
    log(.info, "\(peers[index].logName): there is room again, asking for its prefixes", index, kind: .prefixLimit)
  }

  /// Asks a neighbour that had too many prefixes to send them again, or starts its session anew where it cannot be asked.
  mutating func askAgain(_ index: Int, _ now: Instant) {
    peers[index].restartDeadline = nil
    guard peers[index].session.isEstablished else { return }
    log(.info, "\(peers[index].logName): asking for its prefixes again", index, kind: .prefixLimit)
    guard !peers[index].ignoresRefresh, requestRefresh(index, now) else { return startAnew(index, now) }
    peers[index].answerDeadline = now + Self.answerTime
  }

  /// A neighbour that was asked for its prefixes has sent none: OpenBGPD 7.7 offers route refresh and then refuses every request.
  mutating func notAnswered(_ index: Int, _ now: Instant) {
    peers[index].answerDeadline = nil
    peers[index].ignoresRefresh = true
    guard peers[index].session.isEstablished else { return }
    log(.warning, "\(peers[index].logName): does not answer a route refresh, starting the session anew", index)
    startAnew(index, now)
  }

  private mutating func startAnew(_ index: Int, _ now: Instant) {
    _ = carryOut(.clear("prefix limit"), index, now)
  }

  /// Why a table is not there.
  func noSuchTable(_ name: String) -> String {
    let known = tables.names.isEmpty ? "no rule fills any" : tables.names.joined(separator: ", ")
    return "no such table: \(name) (tables: \(known))"
  }
}
