/// A seeded SplitMix64 generator, for jitter and for tests.
///
/// The core draws no entropy of its own: the shell seeds one of these from the system's generator, a test from a constant.
package struct RandomSource: RandomNumberGenerator, Hashable, Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func next() -> UInt64 {
    defer { state &+= spreader }
    return state.mixed
  }
}
