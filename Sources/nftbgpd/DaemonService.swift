import Logging
import NIOPosix
import ServiceLifecycle

/// The daemon as a service: it runs until SIGTERM or SIGINT, then ends its sessions.
struct DaemonService: Service {
  let daemon: Daemon
  let kernel: KernelTables

  func run() async throws {
    // The first look is made before anything else: without the right to change the tables there is nothing to run for.
    let contents = try await kernel.read()
    try await daemon.start(contents)
    try? await gracefulShutdown()
    await daemon.stop()
  }
}
