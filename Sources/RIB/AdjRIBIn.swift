package import BGPWire
package import Primitives

/// What one peer has announced and not withdrawn (RFC 4271 §3.2), before any rule.
///
/// It refuses to judge: it knows no rules, no tables and no other peer. An UPDATE goes in, the net changes of that peer's routes come
/// out, with the RFC 7606 verdict already applied (the routes of a treat-as-withdraw leave).
///
/// Routes outlive their session: `markStale()` keeps them with a mark when it is lost, an announcement takes the mark off, and
/// `sweep(_:)` withdraws what still bears it at End-of-RIB or when the operator's patience ends.
///
/// The wart: handles in the changes stay good only until `collect()`, which the caller runs once it has acted on the changes.
package struct AdjRIBIn: Sendable {
  /// One route: 8 octets.
  package struct Route: Hashable, Sendable {
    package let attributes: AttributesID
    /// Seconds of the last announcement in the upper 31 bits, the stale mark in the lowest.
    fileprivate var stamp: UInt32

    fileprivate init(_ attributes: AttributesID, seconds: UInt32) {
      self.attributes = attributes
      stamp = seconds << 1
    }

    /// Whether the route's session was lost since the peer last announced it.
    package var isStale: Bool { stamp & 1 != 0 }
    /// The whole seconds of the `Instant` of the last announcement that changed anything.
    package var lastUpdate: UInt32 { stamp >> 1 }
  }

  package private(set) var pool = AttributePool()
  package private(set) var ipv4 = RouteTable<IPv4Prefix>()
  package private(set) var ipv6 = RouteTable<IPv6Prefix>()

  package init() {}

  /// Prefixes held.
  package var count: Int { ipv4.routes.count + ipv6.routes.count }
  /// Prefixes that the peer has announced in this session.
  package var freshCount: Int { count - staleCount }
  /// Those of them that are stale.
  package var staleCount: Int { ipv4.staleCount + ipv6.staleCount }

  /// Applies an UPDATE: withdrawals first (RFC 4271 §4.3: a prefix in both lists is announced).
  ///
  /// - Parameters:
  ///   - limit: with this many routes, stale ones included, no further prefix is taken.
  ///   - changes: gets one element for each route that was announced or is gone, appended.
  /// - Returns: how many prefixes were over the limit.
  @discardableResult
  package mutating func apply(
    _ update: UpdateMessage, limit: Int = .max, at now: Instant, into changes: inout [RouteChange]
  ) -> Int {
    withdraw(update.withdrawn, into: &changes)
    guard !update.announced.isEmpty else { return 0 }
    guard !update.isTreatedAsWithdraw else {
      withdraw(update.announced, into: &changes)
      return 0
    }
    guard count + update.announced.count > limit else {
      announce(update.announced, update.shared, at: now, into: &changes)
      return 0
    }
    var announced = update.announced
    let overLimit = leaveOut(&announced, limit: limit)
    // Without a route nothing would ever take the attributes out of the pool again.
    if !announced.isEmpty { announce(announced, update.shared, at: now, into: &changes) }
    return overLimit
  }

  private mutating func announce(
    _ announced: PrefixList, _ shared: SharedAttributes, at now: Instant, into changes: inout [RouteChange]
  ) {
    let attributes = pool.intern(shared)
    let route = Route(attributes, seconds: UInt32(clamping: now.nanoseconds / 1_000_000_000) & 0x7FFF_FFFF)
    pool.retain(attributes, UInt32(clamping: announced.count))
    for prefix in announced.ipv4 {
      let previous = ipv4.announce(prefix, route)
      if let previous { pool.release(previous) }
      changes.append(.announced(.v4(prefix), attributes: attributes, replacing: previous))
    }
    for prefix in announced.ipv6 {
      let previous = ipv6.announce(prefix, route)
      if let previous { pool.release(previous) }
      changes.append(.announced(.v6(prefix), attributes: attributes, replacing: previous))
    }
  }

  /// Leaves out what there is no room for. Prefixes that are there already need none.
  private func leaveOut(_ announced: inout PrefixList, limit: Int) -> Int {
    var room = max(0, limit - count)
    let before = announced.count
    announced.ipv4.removeAll { prefix in
      guard ipv4.routes[prefix] == nil else { return false }
      room -= 1
      return room < 0
    }
    announced.ipv6.removeAll { prefix in
      guard ipv6.routes[prefix] == nil else { return false }
      room -= 1
      return room < 0
    }
    return before - announced.count
  }

  /// Withdraws prefixes as if the peer had done so.
  package mutating func withdraw(_ prefixes: PrefixList, into changes: inout [RouteChange]) {
    for prefix in prefixes.ipv4 {
      guard let attributes = ipv4.withdraw(prefix) else { continue }
      pool.release(attributes)
      changes.append(.withdrawn(.v4(prefix), attributes: attributes))
    }
    for prefix in prefixes.ipv6 {
      guard let attributes = ipv6.withdraw(prefix) else { continue }
      pool.release(attributes)
      changes.append(.withdrawn(.v6(prefix), attributes: attributes))
    }
  }

  /// The session is lost: every route stays, marked.
  package mutating func markStale() {
    ipv4.markStale()
    ipv6.markStale()
  }

  /// The peer begins to send a family anew (RFC 7313 §4): its routes stay, marked.
  package mutating func markStale(_ family: AddressFamily) {
    switch family {
    case .ipv4: ipv4.markStale()
    case .ipv6: ipv6.markStale()
    }
  }

  /// Withdraws the stale routes of a family.
  ///
  /// - Parameter changes: gets one element for each, appended.
  package mutating func sweep(_ family: AddressFamily, into changes: inout [RouteChange]) {
    switch family {
    case .ipv4: withdraw(PrefixList(ipv4: ipv4.stalePrefixes), into: &changes)
    case .ipv6: withdraw(PrefixList(ipv6: ipv6.stalePrefixes), into: &changes)
    }
  }

  /// Forgets attribute sets without routes: call it when the changes have been acted on.
  ///
  /// - Returns: handles that may name other attributes from now on.
  package mutating func collect() -> [AttributesID] {
    pool.collect()
  }

  /// Keeps the attributes only, for a snapshot that has taken what it wants of the routes.
  package mutating func forgetRoutes() {
    ipv4 = RouteTable()
    ipv6 = RouteTable()
  }
}

/// The routes of one family.
package struct RouteTable<Key: AddressPrefix>: Sendable {
  package private(set) var routes = PrefixMap<Key, AdjRIBIn.Route>()
  package private(set) var staleCount = 0

  /// - Returns: the attributes of the route that this one replaces.
  fileprivate mutating func announce(_ prefix: Key, _ route: AdjRIBIn.Route) -> AttributesID? {
    guard let previous = routes.updateValue(route, forKey: prefix) else { return nil }
    if previous.isStale { staleCount -= 1 }
    if previous.attributes == route.attributes {
      routes.modify(prefix, default: route) { $0.stamp = previous.stamp & ~1 }
    }
    return previous.attributes
  }

  fileprivate mutating func withdraw(_ prefix: Key) -> AttributesID? {
    guard let previous = routes.removeValue(forKey: prefix) else { return nil }
    if previous.isStale { staleCount -= 1 }
    return previous.attributes
  }

  fileprivate mutating func markStale() {
    routes.modifyValues { $0.stamp |= 1 }
    staleCount = routes.count
  }

  fileprivate var stalePrefixes: [Key] {
    guard staleCount > 0 else { return [] }
    return routes.compactMap { $0.value.isStale ? $0.key : nil }
  }
}
