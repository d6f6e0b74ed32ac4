import AtomicFile
import ConfigFile
import Control
import Engine
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import Primitives
import Transport

/// The file that the configuration names.
struct MetricsFile {
  fileprivate var path: String?
  fileprivate var writing: Task<Void, Never>?
}

/// Where the metrics go: to who asks over the control socket, into a file for node_exporter, and over HTTP.
extension Daemon {
  /// How often the file is written.
  private static let fileTime = Interval.seconds(15)

  /// Answers `show metrics`.
  func metricsAnswer(openMetrics: Bool) -> ControlAnswer {
    ControlAnswer([.metrics(metrics(openMetrics ? .openMetrics : .text)), .end])
  }

  /// The lines as of now.
  ///
  /// - Parameter includingProcess: with the figures of the process, under the names that they have everywhere.
  private func metrics(_ dialect: Exposition.Dialect, includingProcess: Bool = false) -> [String] {
    let unixTime = ProcessFigures.unixTime
    let now = now
    var report = engine.metrics(at: now, clockOrigin: unixTime - now.nanoseconds)
    if includingProcess { report.process = ProcessFigures.read(started: started) }
    return Exposition.lines(report, dialect)
  }

  // MARK: The file

  /// Goes over to this file.
  func adoptMetricsFile(_ path: String?) async {
    guard metricsFile.path != path else { return }
    metricsFile.writing?.cancel()
    await metricsFile.writing?.value
    // Nobody is to take for news what the old file says no more.
    if let old = metricsFile.path, let error = await replace(old, Exposition.lastLines(.text)) {
      logger.error("\(error); the metrics in \(old) stay as they were")
    }
    metricsFile.path = path
    metricsFile.writing = path.map { path in Task { await writeMetricsFile(path) } }
  }

  /// Writes the file now and every 15 seconds until cancelled.
  private func writeMetricsFile(_ path: String) async {
    var isFailing = false
    while !Task.isCancelled {
      let error = await replace(path, metrics(.text))
      if let error, !isFailing { logger.error("\(error); the metrics in \(path) stay as they were") }
      isFailing = error != nil
      try? await Task.sleep(for: .nanoseconds(Self.fileTime.nanoseconds))
    }
  }

  /// On another thread, which may have to wait for the disk.
  private func replace(_ path: String, _ lines: [String]) async -> SystemError? {
    do {
      return try await NIOThreadPool.singleton.runIfActive {
        do throws(SystemError) {
          try FileReplacement(path: path).write(Exposition.octets(lines))
          return nil
        } catch {
          return error
        }
      }
    } catch {
      return SystemError(call: "write \(path)", errorNumber: 0, explanation: "\(error)")
    }
  }

  // MARK: HTTP

  /// More clients at once are no monitoring systems: the descriptors are for neighbors.
  private static let mostScrapes = 16
  /// How long a client has to ask and to read.
  private static let scrapeTime = TimeAmount.seconds(10)

  /// Answers GET /metrics.
  func listenForScrapes(on listener: Listener) async throws -> any Channel {
    let clients = NIOLoopBoundBox(0, eventLoop: loop)
    var bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard clients.value < Self.mostScrapes else { throw ChannelError.ioOnClosedChannel }
          clients.value += 1
          let limit = channel.eventLoop.scheduleTask(in: Self.scrapeTime) { channel.close(promise: nil) }
          channel.closeFuture.whenComplete { _ in
            limit.cancel()
            clients.value -= 1
          }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(
            MetricsHandler { dialect in self.assumeIsolated { $0.metrics(dialect, includingProcess: true) } })
        }
      }
    if listener.address.family == .ipv6 {
      // As with neighbors: who means IPv4 says so.
      bootstrap = bootstrap.serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
    }
    return try await bootstrap.bind(to: try SocketAddress(listener.address, port: listener.port)).get()
  }
}
