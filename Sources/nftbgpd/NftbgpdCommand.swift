import ArgumentParser
import AtomicFile
import ConfigFile
import Control
import Engine
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOPosix
import Netfilter
import Primitives
import ServiceLifecycle
import SystemPackage
import Transport
import UnixSignals

/// nftbgpd(8): options, the configuration, and the daemon's start.
@main
struct NftbgpdCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nftbgpd",
    abstract: "Receives blocklists over BGP and keeps nftables sets true to them.",
    version: "nftbgpd \(Release.version)",
    subcommands: [RestoreCommand.self])

  @Flag(name: .customShort("d"), help: "Stay in the foreground and log to standard error; it does so in any case.")
  var foreground = false
  @Flag(name: .customShort("n"), help: "Check the configuration and exit; with -v, print it.")
  var checkOnly = false
  @OptionGroup var source: ConfigurationSource
  @Flag(name: .customShort("v"), help: "Log more.") var verbose: Int
  @Flag(name: .customShort("V"), help: "Show the version.") var showVersion = false

  func run() async throws {
    guard !showVersion else { return print("nftbgpd \(Release.version)") }
    let configuration = try source.load()
    guard !checkOnly else {
      if verbose > 0 { print(configuration.print(), terminator: "") }
      return say("configuration OK")
    }
    Allocator.keepBigBlocksApart()
    let environment = ProcessInfo.processInfo.environment
    let hasPrefixes = isatty(FileDescriptor.standardError.rawValue) == 0 && getppid() == 1
    let log = DaemonLog(isVerbose: verbose > 0, environment: environment, hasPrefixes: hasPrefixes)
    LoggingSystem.bootstrap { _ in DaemonLogHandler(log: log) }
    let logger = Logger(label: "nftbgpd")
    logger.log(LogRecord(.notice, "startup, nftbgpd \(Release.version)", kind: .started))
    do {
      let manager = try ServiceManager(environment: environment, process: getpid())
      let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let tableLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let kernel = try KernelTables(on: tableLoops.any(), configuration)
      let host = try HostWatch(on: tableLoops.any(), neighbors: configuration.neighbors.map(\.address))
      let daemon = Daemon(
        on: loops.any(), source, configuration, routerID: try await Self.routerID(configuration), kernel: kernel,
        host: host, logger: logger, manager: manager)
      manager?.watch(kernel, from: daemon.loop)
      let quiet = Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }
      let group = ServiceGroup(
        configuration: .init(
          services: [
            .init(
              service: DaemonService(
                daemon: daemon, kernel: kernel, snapshotPath: configuration.snapshotPath, logger: logger),
              successTerminationBehavior: .gracefullyShutdownGroup)
          ],
          gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
      try await group.run()
      logger.log(LogRecord(.notice, "terminating", kind: .ended))
    } catch {
      logger.critical("fatal: \(error)", metadata: ["MESSAGE_ID": "\(LogRecord.Kind.ended.rawValue)"])
      throw ExitCode.failure
    }
  }

  /// bgpd(8)'s choice: the highest IPv4 address of an interface, loopback only when there is no other.
  private static func routerID(_ configuration: Configuration) async throws -> IPv4Address {
    if let given = configuration.routerID { return given }
    var addresses: [IPv4Address] = []
    for device in try await devices() {
      if case .v4(let address) = device.address?.endpoint?.address { addresses.append(address) }
    }
    let isLoopback = { (address: IPv4Address) in address.value >> 24 == 127 }
    guard let highest = addresses.filter({ !isLoopback($0) }).max() ?? addresses.max() else {
      throw SystemError(
        call: "router-id", errorNumber: 0, explanation: "no interface has an IPv4 address; give router-id")
    }
    return highest
  }

  /// The kernel may lose an answer when much happens at once, as at boot: that is no reason not to start.
  private static func devices() async throws -> [NIONetworkDevice] {
    for _ in 0..<10 {
      if let devices = try? System.enumerateDevices() { return devices }
      try await Task.sleep(for: .milliseconds(100))
    }
    return try System.enumerateDevices()
  }
}
