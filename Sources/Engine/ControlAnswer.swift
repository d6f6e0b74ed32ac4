package import Control
package import Primitives
import RIB
import Tables

/// The answer to a request of nftbgpctl(8): a snapshot that is read reply by reply, so that a slow reader of a million routes costs
/// memory, not time.
package struct ControlAnswer: Sendable {
  private var replies: [ControlReply]
  private var position = 0
  private var listing: RIBListing?

  package init(_ replies: [ControlReply]) {
    self.replies = replies
  }

  init(_ listing: RIBListing) {
    replies = []
    self.listing = listing
  }

  /// Does what takes a second for a million routes, before `next` does it: on any thread, so that no session has to wait.
  package mutating func prepare() {
    listing?.prepare()
  }

  /// The next reply; the last one is `.end` or `.failure`, then nil.
  package mutating func next() -> ControlReply? {
    if let reply = listing?.next() { return reply }
    if listing != nil {
      listing = nil
      replies = [.end]
    }
    guard position < replies.count else { return nil }
    defer { position += 1 }
    return replies[position]
  }
}

extension Engine {
  /// Answers a request that changes nothing.
  package func answer(_ request: ControlRequest, at now: Instant) -> ControlAnswer {
    switch request {
    case .showSummary:
      return ControlAnswer(peers.map { .neighbor(report($0, now)) } + [.end])
    case .showNeighbor(let selector):
      let selected = peers.filter { selector.selects($0.neighbor) }
      guard !selected.isEmpty else { return ControlAnswer([.failure(selector.notFound)]) }
      return ControlAnswer(selected.map { .neighbor(report($0, now)) } + [.end])
    case .showRIB(let query):
      guard query.neighbor == .all || peers.contains(where: { query.neighbor.selects($0.neighbor) }) else {
        return ControlAnswer([.failure(query.neighbor.notFound)])
      }
      return ControlAnswer(RIBListing(query, peers, at: now))
    case .showTables:
      return ControlAnswer(tables.parts.map { .table(report($0, now)) } + [.end])
    case .export(let name):
      return export(name)
    case .why(let prefix):
      return answer(why: prefix, kernel: [:], at: now)
    case .showRefused:
      return ControlAnswer([.refused(refused()), .end])
    case .showConflicts:
      return ControlAnswer([.conflicts(conflicts()), .end])
    case .neighbor, .accept, .reload, .log:
      return ControlAnswer([.failure("this changes something")])
    case .showMetrics:
      return ControlAnswer([.failure("metrics are the shell's: they tell of the process and of the time of day")])
    }
  }

  /// Answers `why`.
  ///
  /// - Parameter kernel: what a look at the sets of each table, by its name, has found.
  package func answer(
    why prefix: Prefix, kernel: [String: WhyReport.Kernel], at now: Instant
  ) -> ControlAnswer {
    ControlAnswer([.why(why(prefix, kernel: kernel, at: now)), .end])
  }

  private func export(_ name: String) -> ControlAnswer {
    guard let table = tables.table(named: name) else { return ControlAnswer([.failure(noSuchTable(name))]) }
    guard peers.contains(where: \.hasEverSynchronized) else {
      return ControlAnswer([
        .failure("table \(name) is not known yet: no neighbor has sent a complete table since nftbgpd started")
      ])
    }
    var prefixes = tables.contents(of: table)
    prefixes.sort()
    let size = 65536
    var replies: [ControlReply] = [.role(role(table))]
    for start in stride(from: 0, to: prefixes.ipv4.count, by: size) {
      replies.append(.prefixes(PrefixList(ipv4: Array(prefixes.ipv4[start..<min(start + size, prefixes.ipv4.count)]))))
    }
    for start in stride(from: 0, to: prefixes.ipv6.count, by: size) {
      replies.append(.prefixes(PrefixList(ipv6: Array(prefixes.ipv6[start..<min(start + size, prefixes.ipv6.count)]))))
    }
    return ControlAnswer(replies + [.end])
  }
}
