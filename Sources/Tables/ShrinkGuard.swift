package import Primitives

/// Holds mass removals of one table until they prove to be meant.
///
/// A feed that breaks withdraws much or comes back with little. So when more than a share of the table is gone within `window`, what has
/// left in it comes back and stays: until the feed announces it again, the operator accepts the loss, or `hold` is over. Additions are
/// never held.
package struct ShrinkGuard: Sendable {
  /// Departures of this long count together.
  package static let window = Interval.seconds(300)
  /// Fewer prefixes than this are no mass.
  package static let floor = 100
  /// What is held is let go in portions that are at least this far apart.
  package static let portion = Interval.seconds(60)

  private var limit: Int
  private var hold: Interval
  /// Since when a prefix is gone that has left within the window; some may be back.
  private var departures: [Prefix: Instant] = [:]
  /// The same in the order of time, with entries that a later one has made void.
  private var order: [(time: Instant, prefix: Prefix)] = []
  private var oldest = 0
  /// Until when each prefix is held.
  private var until: [Prefix: Instant] = [:]
  /// When some of what is held is let go; nil: nothing is held.
  package private(set) var deadline: Instant?

  package init(_ policy: TablePolicy) {
    limit = Int(policy.shrinkLimit)
    hold = policy.shrinkHold
  }

  /// From now on the table is guarded like this. What is held already stays so for as long as was said.
  package mutating func adopt(_ policy: TablePolicy) {
    limit = Int(policy.shrinkLimit)
    hold = policy.shrinkHold
  }

  /// How many prefixes are held.
  package var heldCount: Int { until.count }
  package var held: some Collection<Prefix> { until.keys }

  /// Until when a prefix is held; nil: it is not.
  package func heldUntil(_ prefix: Prefix) -> Instant? { until[prefix] }

  /// Prefixes have left the table.
  ///
  /// - Parameters:
  ///   - size: how many are still there, those that are held included.
  ///   - isBack: whether a prefix that had left is in the table again.
  /// - Returns: those that must come back, which count as held from now on: none, or all of the window.
  package mutating func note(
    _ prefixes: [Prefix], size: Int, at now: Instant, isBack: (Prefix) -> Bool
  ) -> [Prefix] {
    guard limit < 100, !prefixes.isEmpty else { return [] }
    forget(before: now)
    for prefix in prefixes {
      departures[prefix] = now
      order.append((now, prefix))
    }
    guard isTooMuch(size) else { return [] }
    // Only what is still gone counts: one prefix that comes and goes is no mass.
    departures = departures.filter { !isBack($0.key) }
    guard isTooMuch(size) else { return [] }
    let returning = Array(departures.keys)
    for prefix in returning { until[prefix] = now + hold }
    deadline = deadline ?? now + hold
    forgetAll()
    return returning
  }

  private func isTooMuch(_ size: Int) -> Bool {
    // What is held counts with what goes: while much of a table is missing, nothing more of it leaves.
    let missing = departures.count + until.count
    return missing >= Self.floor && missing * 100 > limit * (size + departures.count)
  }

  private mutating func forget(before now: Instant) {
    while oldest < order.count, order[oldest].time + Self.window <= now {
      let entry = order[oldest]
      if departures[entry.prefix] == entry.time { departures[entry.prefix] = nil }
      oldest += 1
    }
    guard oldest < order.count else { return forgetAll() }
    guard oldest > 1024, oldest * 2 > order.count else { return }
    order = Array(order[oldest...])
    oldest = 0
    departures.releaseUnusedStorage()
  }

  private mutating func forgetAll() {
    departures = [:]
    order = []
    oldest = 0
  }

  /// The feed asks for a prefix again, or has other plans with it.
  ///
  /// - Returns: whether it was held.
  package mutating func release(_ prefix: Prefix) -> Bool {
    guard until.removeValue(forKey: prefix) != nil else { return false }
    if until.isEmpty { deadline = nil }
    until.releaseUnusedStorage()
    return true
  }

  /// Lets go what has been held for long enough.
  ///
  /// - Returns: what was held.
  package mutating func releaseDue(at now: Instant) -> [Prefix] {
    let due = until.filter { $0.value <= now }.map(\.key)
    for prefix in due { until[prefix] = nil }
    until.releaseUnusedStorage()
    deadline = until.values.min().map { max($0, now + Self.portion) }
    return due
  }

  /// Lets go everything.
  ///
  /// - Returns: what was held.
  package mutating func releaseAll() -> [Prefix] {
    defer {
      until = [:]
      deadline = nil
      forgetAll()
    }
    return Array(until.keys)
  }
}
