import BGPSession
import BGPWire
import ConfigFile
import Control
import Primitives
import RIB
import Tables

/// `show rib`: the routes that a query selects, sorted by prefix, the best path of each prefix first.
///
/// A listing is a snapshot: it holds the peers as they were (copy on write) until it has been prepared, then the keys of the selected
/// routes and the attributes, and renders them as they are asked for.
struct RIBListing: Sendable {
  private struct Row: Sendable {
    let prefix: Prefix
    let peer: Int
    let attributes: AttributesID
    let lastUpdate: UInt32
    let isStale: Bool
    let isValid: Bool
    let isBest: Bool
  }

  private let query: RIBQuery
  private var peers: [Peer]
  private let now: UInt32
  private var isPrepared = false
  private var rows: [Row] = []
  /// Places in `rows`, in the order of the answer.
  private var order: [Int] = []
  private var position = 0
  /// The numbers of paths that have been declared, by peer and by the index of the attribute set in its pool.
  private var numbers: [[UInt32?]] = []
  private var pathCount: UInt32 = 0
  private var pending: [ControlReply] = []

  /// Rows of one `.routes` reply.
  private static let batch = 2048

  init(_ query: RIBQuery, _ peers: [Peer], at now: Instant) {
    self.query = query
    self.peers = peers
    self.now = UInt32(clamping: now.nanoseconds / 1_000_000_000)
  }

  /// Selects and sorts the routes. It needs nobody else, and so may be done anywhere before `next`, which does it otherwise.
  mutating func prepare() {
    guard !isPrepared else { return }
    isPrepared = true
    for index in peers.indices where query.neighbor.selects(peers[index].neighbor) {
      select(index)
    }
    if case .longestMatch = query.prefix {
      let longest = rows.map(\.prefix.length).max()
      rows.removeAll { $0.prefix.length != longest }
    }
    if query.selectedOnly { rows.removeAll { !$0.isBest } }
    sort()
    numbers = peers.map { Array(repeating: nil, count: $0.rib.pool.capacity) }
    // Who reads slowly is not to keep routes that have long changed.
    for index in peers.indices { peers[index].rib.forgetRoutes() }
  }

  /// By prefix, the best path of each first.
  private mutating func sort() {
    // What is moved about is the keys of IPv4 routes, nearly all there are, and not the rows.
    var keys: [(packed: UInt64, place: Int)] = []
    keys.reserveCapacity(rows.count)
    var others: [Int] = []
    for place in rows.indices {
      if case .v4(let prefix) = rows[place].prefix {
        keys.append((prefix.packed, place))
      } else {
        others.append(place)
      }
    }
    let isBefore = { [rows] (left: Int, right: Int) in
      if rows[left].prefix != rows[right].prefix { return rows[left].prefix < rows[right].prefix }
      return rows[left].isBest != rows[right].isBest ? rows[left].isBest : rows[left].peer < rows[right].peer
    }
    keys.sort { $0.packed != $1.packed ? $0.packed < $1.packed : isBefore($0.place, $1.place) }
    others.sort(by: isBefore)
    order = keys.map(\.place) + others
  }

  private mutating func select(_ index: Int) {
    // Whether an attribute set passes the filters that look only at attributes, by its index in the pool.
    var passes: [Bool?] = Array(repeating: nil, count: peers[index].rib.pool.capacity)
    let rib = peers[index].rib
    let take = { (listing: inout RIBListing, prefix: Prefix, route: AdjRIBIn.Route) in
      let slot = Int(route.attributes.index)
      let isWanted = passes[slot] ?? listing.query.selects(rib.pool[route.attributes])
      passes[slot] = isWanted
      guard isWanted, listing.query.selects(prefix) else { return }
      let isAllowed = listing.peers[index].decide(prefix, route.attributes).isAllowed
      guard isAllowed || listing.query.adjRIBIn else { return }
      listing.rows.append(
        Row(
          prefix: prefix, peer: index, attributes: route.attributes, lastUpdate: route.lastUpdate,
          isStale: route.isStale,
          isValid: isAllowed, isBest: isAllowed && listing.isBest(index, prefix, route.attributes)))
    }
    // One address or one prefix is looked up, not searched for.
    if let candidates = query.candidates {
      for prefix in candidates {
        if let route = rib.route(prefix) { take(&self, prefix, route) }
      }
      return
    }
    if query.family != .ipv6 {
      for (prefix, route) in rib.ipv4.routes { take(&self, .v4(prefix), route) }
    }
    if query.family != .ipv4 {
      for (prefix, route) in rib.ipv6.routes { take(&self, .v6(prefix), route) }
    }
  }

  /// Whether no other peer has a better path for the prefix.
  private mutating func isBest(_ index: Int, _ prefix: Prefix, _ attributes: AttributesID) -> Bool {
    for other in peers.indices where other != index {
      guard let route = peers[other].rib.route(prefix), peers[other].decide(prefix, route.attributes).isAllowed else {
        continue
      }
      if rank(other, route.attributes) < rank(index, attributes) { return false }
    }
    return true
  }

  /// The decision process as far as it applies (RFC 4271 §9.1.2.2): the smaller rank is the better path.
  private func rank(_ index: Int, _ identifier: AttributesID) -> Rank {
    let attributes = peers[index].rib.pool[identifier]
    return Rank(
      preference: UInt32.max - (attributes.localPreference ?? 100), length: attributes.asPath.length,
      origin: attributes.origin.rawValue, isInternal: peers[index].session.configuration.isInternal ? 1 : 0,
      identifier: peers[index].bgpIdentifier?.value ?? .max, peer: index)
  }

  private struct Rank: Comparable {
    let preference: UInt32
    let length: Int
    let origin: UInt8
    let isInternal: UInt8
    let identifier: UInt32
    let peer: Int

    static func < (left: Rank, right: Rank) -> Bool {
      (left.preference, left.length, left.origin, left.isInternal, left.identifier, left.peer)
        < (right.preference, right.length, right.origin, right.isInternal, right.identifier, right.peer)
    }
  }

  /// The next `.path` or `.routes` reply; nil at the end.
  mutating func next() -> ControlReply? {
    prepare()
    if pending.isEmpty {
      guard position < order.count else { return nil }
      var routes: [RouteReport] = []
      routes.reserveCapacity(min(Self.batch, order.count - position))
      while position < order.count, routes.count < Self.batch {
        let row = rows[order[position]]
        position += 1
        routes.append(
          RouteReport(
            prefix: row.prefix, path: number(row), isValid: row.isValid, isBest: row.isBest, isStale: row.isStale,
            age: now >= row.lastUpdate ? now - row.lastUpdate : 0))
      }
      pending.append(.routes(routes))
      pending.reverse()
    }
    return pending.popLast()
  }

  /// The number of the row's path, which is declared when it is new.
  private mutating func number(_ row: Row) -> UInt32 {
    let slot = Int(row.attributes.index)
    if let known = numbers[row.peer][slot] { return known }
    let number = pathCount
    pathCount += 1
    numbers[row.peer][slot] = number
    let peer = peers[row.peer]
    let attributes = peer.rib.pool[row.attributes]
    let origin: PathReport.Origin =
      switch attributes.origin {
      case .igp: .igp
      case .egp: .egp
      case .incomplete: .incomplete
      }
    pending.append(
      .path(
        PathReport(
          number: number, neighborAddress: peer.neighbor.address, neighborDescription: peer.neighbor.description,
          bgpID: peer.bgpIdentifier, asPath: attributes.asPath.description, origin: origin,
          nextHop: attributes.nextHop, multiExitDiscriminator: attributes.multiExitDiscriminator ?? 0,
          localPreference: attributes.localPreference ?? 100, isInternal: peer.session.configuration.isInternal,
          communities: attributes.communities.map(\.description),
          largeCommunities: attributes.largeCommunities.map(\.description),
          extendedCommunities: attributes.extendedCommunities.map(\.description))))
    return number
  }
}

extension AdjRIBIn {
  func route(_ prefix: Prefix) -> Route? {
    switch prefix {
    case .v4(let prefix): ipv4.routes[prefix]
    case .v6(let prefix): ipv6.routes[prefix]
    }
  }
}

extension RIBQuery {
  /// The filters that look only at attributes.
  fileprivate func selects(_ attributes: PathAttributes) -> Bool {
    if let community {
      guard
        attributes.communities.contains(where: {
          (community.global ?? $0.global) == $0.global && (community.local ?? $0.local) == $0.local
        })
      else { return false }
    }
    if let largeCommunity {
      guard
        attributes.largeCommunities.contains(where: {
          (largeCommunity.global ?? $0.global) == $0.global && (largeCommunity.data1 ?? $0.data1) == $0.data1
            && (largeCommunity.data2 ?? $0.data2) == $0.data2
        })
      else { return false }
    }
    if let asn, !attributes.asPath.contains(ASN(asn)) { return false }
    if let sourceAS, attributes.asPath.origin != ASN(sourceAS) { return false }
    if let peerAS, attributes.asPath.leftmost != ASN(peerAS) { return false }
    return true
  }

  fileprivate func selects(_ candidate: Prefix) -> Bool {
    if let family, candidate.family != family { return false }
    return switch prefix {
    case nil: true
    case .longestMatch(let address): candidate.contains(Prefix(host: address))
    case .exact(let wanted): candidate == wanted
    case .all(let outer): outer.contains(candidate)
    case .orShorter(let inner): candidate.contains(inner)
    }
  }

  /// The only prefixes that can match, where they are few; nil: any can.
  fileprivate var candidates: [Prefix]? {
    switch prefix {
    case nil, .all: nil
    case .exact(let prefix): [prefix]
    case .longestMatch(let address): Self.covering(Prefix(host: address))
    case .orShorter(let prefix): Self.covering(prefix)
    }
  }

  /// A prefix and all that cover it.
  private static func covering(_ prefix: Prefix) -> [Prefix] {
    (0...prefix.length).reversed().compactMap { Prefix(prefix.address, length: $0) }
  }
}

extension NeighborSelector {
  func selects(_ neighbor: Neighbor) -> Bool {
    switch self {
    case .all: true
    case .address(let address): neighbor.address == address
    case .description(let text): neighbor.description == text
    case .group(let name): neighbor.group == name
    }
  }

  /// Why nothing was selected.
  var notFound: String {
    switch self {
    case .all: "no neighbors are configured"
    case .address(let address): "no such neighbor: \(address)"
    case .description(let text): "no such neighbor: \(text)"
    case .group(let name): "no neighbor in group \(name)"
    }
  }
}
