/// A point on the monotonic clock, in nanoseconds since an origin that only the shell knows.
///
/// The core never reads a clock: every `Instant` enters as an argument and leaves as a deadline, so a test can play an hour in a
/// microsecond. Arithmetic saturates instead of trapping.
package struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the origin.
  package let nanoseconds: Int64

  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// The origin of the clock.
  package static let zero = Instant(nanoseconds: 0)
  /// Later than every deadline.
  package static let distantFuture = Instant(nanoseconds: .max)

  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  package static func + (instant: Instant, interval: Interval) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(interval.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  package static func - (later: Instant, earlier: Instant) -> Interval {
    let (difference, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return Interval(nanoseconds: overflow ? .max : difference)
  }
}

/// A length of time in nanoseconds. Half the size of `Swift.Duration` and without its 128-bit arithmetic.
package struct Interval: Hashable, Comparable, Sendable {
  /// Nanoseconds; negative when the second operand of a subtraction was later.
  package let nanoseconds: Int64

  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  package static let zero = Interval(nanoseconds: 0)

  /// `count` seconds, saturating.
  package static func seconds(_ count: Int) -> Interval {
    let (product, overflow) = Int64(count).multipliedReportingOverflow(by: 1_000_000_000)
    return Interval(nanoseconds: overflow ? .max : product)
  }

  /// `count` milliseconds, saturating.
  package static func milliseconds(_ count: Int) -> Interval {
    let (product, overflow) = Int64(count).multipliedReportingOverflow(by: 1_000_000)
    return Interval(nanoseconds: overflow ? .max : product)
  }

  /// Whole seconds, rounded towards zero.
  package var seconds: Int { Int(nanoseconds / 1_000_000_000) }
  /// Whole milliseconds, rounded towards zero.
  package var milliseconds: Int { Int(nanoseconds / 1_000_000) }

  package static func < (left: Interval, right: Interval) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}
