import AtomicFile
import ConfigFile
import Engine
import NIOCore
import NIOPosix
import Netfilter
import Primitives
import Transport

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
      for (listener, channel) in sockets.listeners { protect(channel, listener.address.family) }
      settle()
      await host.watch(neighbors: new.neighbors.map(\.address))
      checkHost()
      await adoptSockets(opened, old)
      await adoptMetricsOutlets(new.metricsListeners, opened.metrics, file: new.metricsFile)
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

  /// Sockets by what the configuration says of them.
  struct Sockets {
    var control: [ControlSocket: any Channel] = [:]
    var listeners: [Listener: any Channel] = [:]
    /// Those that have not been handed on to the outlets of the metrics.
    var metrics: [Listener: any Channel] = [:]
    /// Listeners that were closed because new ones take their ports.
    var replaced: [Listener] = []

    func close() async {
      for channel in [Array(control.values), Array(listeners.values), Array(metrics.values)].joined() {
        try? await channel.close()
      }
    }
  }

  /// Opens the sockets of a configuration that are not open already: all of them, or none.
  func openSockets(_ configuration: Configuration) async throws -> Sockets {
    var opened = Sockets()
    do {
      for socket in configuration.allControlSockets where sockets.control[socket] == nil {
        // One that only becomes restricted, or ceases to be, takes the place of itself in the end.
        guard !sockets.control.keys.contains(where: { $0.path == socket.path }) else { continue }
        opened.control[socket] = try await listen(on: socket)
      }
      for listener in configuration.listeners where sockets.listeners[listener] == nil {
        // All addresses of a port and one of them cannot be listened on at once.
        for (old, channel) in sockets.listeners
        where old.port == listener.port && old.address.family == listener.address.family
          && !configuration.listeners.contains(old)
        {
          sockets.listeners[old] = nil
          opened.replaced.append(old)
          try await channel.close()
        }
        opened.listeners[listener] = try await listen(on: listener, for: configuration.neighbors)
      }
      opened.metrics = try await openMetricsListeners(configuration.metricsListeners)
      return opened
    } catch {
      await giveUp(opened)
      throw error
    }
  }

  /// Goes back to the sockets that there were.
  private func giveUp(_ opened: Sockets) async {
    await opened.close()
    for listener in opened.replaced {
      do {
        sockets.listeners[listener] = try await listen(on: listener, for: configuration.neighbors)
      } catch {
        write(LogRecord(.error, "\(error)", kind: .reloaded))
      }
    }
  }

  /// Goes over to the sockets of the configuration that holds now.
  private func adoptSockets(_ opened: Sockets, _ old: Configuration) async {
    var closed = Sockets()
    for (socket, channel) in sockets.control where !configuration.allControlSockets.contains(socket) {
      closed.control[socket] = channel
      sockets.control[socket] = nil
    }
    for (listener, channel) in sockets.listeners where !configuration.listeners.contains(listener) {
      closed.listeners[listener] = channel
      sockets.listeners[listener] = nil
    }
    await closed.close()
    for socket in closed.control.keys where !configuration.allControlSockets.contains(where: { $0.path == socket.path })
    {
      do throws(SystemError) {
        try Directory.removeSocket(socket.path)
      } catch {
        write(LogRecord(.warning, "\(error)", kind: .reloaded))
      }
    }
    for (listener, channel) in sockets.listeners {
      await unsign(channel, listener.address.family, from: old.neighbors)
    }
    sockets.control.merge(opened.control) { $1 }
    sockets.listeners.merge(opened.listeners) { $1 }
    for socket in configuration.allControlSockets where sockets.control[socket] == nil {
      do {
        sockets.control[socket] = try await listen(on: socket)
      } catch {
        write(LogRecord(.error, "\(error)", kind: .reloaded))
      }
    }
  }
}

extension Configuration {
  /// As with bgpd(8), a restricted socket stands beside the ordinary one and not in its place.
  var allControlSockets: [ControlSocket] {
    guard controlSockets.allSatisfy(\.restricted) else { return controlSockets }
    return controlSockets + [ControlSocket(path: Daemon.defaultSocket, restricted: false)]
  }
}
