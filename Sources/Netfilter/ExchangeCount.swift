import Synchronization

/// Counts what the kernel has answered, for those who watch from another thread whether that goes on.
package final class ExchangeCount: Sendable {
  private let count = Atomic<UInt64>(0)

  package init() {}

  package var value: UInt64 { count.load(ordering: .relaxed) }

  package func increment() {
    count.wrappingAdd(1, ordering: .relaxed)
  }
}
