import ConfigFile
import Engine
import NIOPosix
import Netfilter
import Primitives

/// Another configuration while the daemon runs: SIGHUP, or nftbgpctl(8) `reload`.
extension Daemon {
  /// Reads the configuration file again and goes over to what it says, once reloads that are under way are done.
  ///
  /// - Returns: why everything stays as it was; nil when it does not.
  func reload() async -> String? {
    guard isReloadable else { return "nftbgpd is starting or ending" }
    let previous = reloading
    let task = Task {
      _ = await previous?.value
      return await reloadNow()
    }
    reloading = task
    return await task.value
  }

  /// All or nothing: what can fail is done first.
  private func reloadNow() async -> String? {
    manager?.reloading()
    // Before, a reload is part of the start.
    defer { if isReady { manager?.ready() } }
    do {
      let source = source
      let reading = try await NIOThreadPool.singleton.runIfActive { try source.read() }
      for finding in reading.findings {
        write(LogRecord(reading.configuration == nil ? .error : .warning, finding, kind: .reloaded))
      }
      guard let new = reading.configuration else {
        throw Refusal(words: reading.findings.prefix(Refusal.mostFindings).joined(separator: "\n"))
      }
      let old = configuration
      guard old.nftTable.isOwned == new.nftTable.isOwned || old.nftTable.name != new.nftTable.name else {
        throw Refusal(words: "nft table \(new.nftTable): whether it has an owner can change only at a start")
      }
      let opened = try await openSockets(new)
      do {
        // Nothing may come between this and the engine's own part: what the sets hold is told by the numbers of the tables.
        try await kernel.adopt(new)
      } catch {
        await giveUp(opened)
        throw error
      }
      configuration = new
      engine.reload(new, at: now)
      for (listener, channel) in sockets.neighborListeners { protect(channel, listener.address.family) }
      settle()
      await host.watch(neighbors: new.neighbors.map(\.address))
      checkHost()
      await adoptSockets(opened, old)
      await adoptMetricsFile(new.metricsFile)
      return nil
    } catch {
      write(LogRecord(.error, "configuration not reloaded: everything stays as it was", kind: .reloaded))
      return "\(error)"
    }
  }

  /// Why a file is not taken.
  private struct Refusal: Error, CustomStringConvertible {
    /// As many as fit on a screen; the log has all.
    static let mostFindings = 20

    let words: String
    var description: String { words }
  }
}
