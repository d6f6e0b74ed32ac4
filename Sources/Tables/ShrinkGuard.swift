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

  private let limit: Int
  private let hold: Interval
  private var departures: [(time: Instant, prefixes: [Prefix])] = []
  package private(set) var held: Set<Prefix> = []
  /// When what is held is let go; nil: nothing is.
  package private(set) var deadline: Instant?

  package init(_ policy: TablePolicy) {
    limit = Int(policy.shrinkLimit)
    hold = policy.shrinkHold
  }

  /// Prefixes have left the table.
  ///
  /// - Parameter size: how many are still there, those that are held included.
  /// - Returns: those that must come back, which count as held from now on: none, or all of the window.
  package mutating func note(_ prefixes: [Prefix], size: Int, at now: Instant) -> [Prefix] {
    guard limit < 100, !prefixes.isEmpty else { return [] }
    departures.removeAll { $0.time + Self.window <= now }
    departures.append((now, prefixes))
    let gone = departures.reduce(0) { $0 + $1.prefixes.count }
    // What is held counts with what goes: while much of a table is missing, nothing more of it leaves.
    let missing = gone + held.count
    guard missing >= Self.floor, missing * 100 > limit * (size + gone) else { return [] }
    let returning = Set(departures.flatMap(\.prefixes)).subtracting(held)
    departures = []
    held.formUnion(returning)
    deadline = now + hold
    return Array(returning)
  }

  /// The feed asks for a prefix again, or has other plans with it.
  ///
  /// - Returns: whether it was held.
  package mutating func release(_ prefix: Prefix) -> Bool {
    guard held.remove(prefix) != nil else { return false }
    if held.isEmpty { deadline = nil }
    return true
  }

  /// Lets go everything.
  ///
  /// - Returns: what was held.
  package mutating func releaseAll() -> Set<Prefix> {
    defer {
      held = []
      deadline = nil
      departures = []
    }
    return held
  }
}
