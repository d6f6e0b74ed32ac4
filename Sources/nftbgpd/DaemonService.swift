import Logging
import NIOPosix
import Netfilter
import ServiceLifecycle
import Tables
import UnixSignals

/// The daemon as a service: it runs until SIGTERM or SIGINT, then ends its sessions. SIGHUP makes it read
/// its configuration again.
struct DaemonService: Service {
  let daemon: Daemon
  let kernel: KernelTables
  let logger: Logger

  func run() async throws {
    // From here on SIGHUP does not end the process.
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    // The first look is made before anything else: without the right to change the tables there is nothing to run for.
    // Where other programs change the ruleset all the time, a look may have to be repeated.
    let contents: [TableContents]
    do {
      contents = try await cancelWhenGracefulShutdown { try await firstLook() }
    } catch is CancellationError {
      return
    }
    try await daemon.start(contents)
    for await _ in hangups.cancelOnGracefulShutdown() { _ = await daemon.reload() }
    await daemon.stop()
  }

  private func firstLook() async throws -> [TableContents] {
    while true {
      do {
        return try await kernel.read()
      } catch let error as NetfilterError where error.isTransient {
        logger.warning("\(error); trying again")
        try await Task.sleep(for: .seconds(1))
      }
    }
  }
}

extension NetfilterError {
  /// Whether the same look may succeed a moment later: other programs have changed the ruleset meanwhile, or an answer was lost.
  fileprivate var isTransient: Bool {
    switch cause {
    case .stale, .lost, .notFound, .exists, .outOfMemory: true
    case .notPermitted, .setFull, .tooBig, .unsuitable, .malformed, .other: false
    }
  }
}
