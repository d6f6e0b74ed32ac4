package import NIOCore

/// An actor that lives on an event loop: what runs on the loop may touch its state without waiting.
///
/// Channel handlers and timers of the loop enter it with `assumeIsolated`, which traps at once if that is not so, instead of racing.
package protocol LoopActor: Actor {
  nonisolated var loop: any EventLoop { get }
}

extension LoopActor {
  /// Safety: an unowned executor must not outlive its loop; the actor itself holds the loop.
  package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.executor.asUnownedSerialExecutor() }
}
