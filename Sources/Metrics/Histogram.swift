package import Primitives

/// How often something took how long.
package struct Histogram: Hashable, Sendable {
  /// The upper bounds of the buckets, and how they are written; beyond the last one there is another bucket.
  package static let bounds: [(limit: Interval, text: String)] = [
    (.milliseconds(1), "0.001"), (.milliseconds(5), "0.005"), (.milliseconds(10), "0.01"), (.milliseconds(50), "0.05"),
    (.milliseconds(100), "0.1"), (.milliseconds(500), "0.5"), (.seconds(1), "1.0"), (.seconds(5), "5.0"),
    (.seconds(10), "10.0"),
  ]

  /// How many fell into each bucket, and into none of those before it.
  package private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  package private(set) var sum = Interval.zero

  package init() {}

  package mutating func add(_ duration: Interval) {
    let bucket = Self.bounds.firstIndex { duration <= $0.limit } ?? Self.bounds.count
    counts[bucket] += 1
    sum = Interval(nanoseconds: (Instant(nanoseconds: sum.nanoseconds) + duration).nanoseconds)
  }
}
