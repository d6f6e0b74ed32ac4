import Logging
import NIOPosix
import Netfilter
import ServiceLifecycle
import Snapshot
import Tables
import UnixSignals

/// The daemon as a service: it runs until SIGTERM or SIGINT, then ends its sessions. SIGHUP makes it read
/// its configuration again.
struct DaemonService: Service {
  let daemon: Daemon
  let kernel: KernelTables
  let snapshotPath: String?
  let logger: Logger

  func run() async throws {
    // From here on SIGHUP does not end the process.
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    // The first look is made before anything else: without the right to change the tables there is nothing to run for.
    // Where other programs change the ruleset all the time, a look may have to be repeated.
    let snapshot = snapshotPath.map { SnapshotFile.load($0) }
    let contents: [TableContents]
    do {
      contents = try await cancelWhenGracefulShutdown { try await firstLook(snapshot?.kernel) }
    } catch is CancellationError {
      return
    }
    try await daemon.start(contents, snapshot)
    for await _ in hangups.cancelOnGracefulShutdown() { _ = await daemon.reload() }
    await daemon.stop()
  }

  private func firstLook(_ left: Snapshot.KernelState?) async throws -> [TableContents] {
    while true {
      do {
        return try await kernel.read(left)
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
