import AtomicFile
import ConfigFile
import Engine
import NIOCore
import Primitives

/// The sockets that others connect to, by what the configuration says of them.
struct ListeningSockets {
  /// A TCP socket, and for whom it is.
  enum Port: Hashable {
    case neighbors(Listener)
    case metrics(Listener)

    var listener: Listener {
      switch self {
      case .neighbors(let listener), .metrics(let listener): listener
      }
    }

    /// Whether there might not be both: all addresses of a port and one of them cannot be listened on at once.
    fileprivate func isInTheWay(of other: Port) -> Bool {
      listener.port == other.listener.port && listener.address.family == other.listener.address.family
    }
  }

  var control: [ControlSocket: any Channel] = [:]
  var ports: [Port: any Channel] = [:]

  var neighborListeners: [(listener: Listener, channel: any Channel)] {
    ports.compactMap { port, channel in
      guard case .neighbors(let listener) = port else { return nil }
      return (listener, channel)
    }
  }

  func close() async {
    for channel in Array(control.values) + Array(ports.values) { try? await channel.close() }
  }
}

extension Daemon {
  /// What has been done for another configuration that may still be given up.
  struct OpenedSockets {
    fileprivate(set) var sockets = ListeningSockets()
    /// Those that were closed because new ones take their ports.
    fileprivate var replaced: [ListeningSockets.Port] = []
  }

  /// Opens the sockets of a configuration that are not open already: all of them, or none.
  func openSockets(_ configuration: Configuration) async throws -> OpenedSockets {
    var opened = OpenedSockets()
    do {
      for socket in configuration.allControlSockets where sockets.control[socket] == nil {
        // One that only becomes restricted, or ceases to be, takes the place of itself in the end.
        guard !sockets.control.keys.contains(where: { $0.path == socket.path }) else { continue }
        opened.sockets.control[socket] = try await listen(on: socket)
      }
      let wanted = configuration.ports
      for port in wanted where sockets.ports[port] == nil {
        for (old, channel) in sockets.ports where old.isInTheWay(of: port) && !wanted.contains(old) {
          sockets.ports[old] = nil
          opened.replaced.append(old)
          try await channel.close()
        }
        opened.sockets.ports[port] = try await listen(on: port, for: configuration.neighbors)
      }
      return opened
    } catch {
      await giveUp(opened)
      throw error
    }
  }

  private func listen(on port: ListeningSockets.Port, for neighbors: [Neighbor]) async throws -> any Channel {
    switch port {
    case .neighbors(let listener): try await listen(on: listener, for: neighbors)
    case .metrics(let listener): try await listenForScrapes(on: listener)
    }
  }

  /// Goes back to the sockets that there were.
  func giveUp(_ opened: OpenedSockets) async {
    await opened.sockets.close()
    for port in opened.replaced {
      do {
        sockets.ports[port] = try await listen(on: port, for: configuration.neighbors)
      } catch {
        write(LogRecord(.error, "\(error)", kind: .reloaded))
      }
    }
  }

  /// Goes over to the sockets of the configuration that holds now.
  func adoptSockets(_ opened: OpenedSockets, _ old: Configuration) async {
    var closed = ListeningSockets()
    for (socket, channel) in sockets.control where !configuration.allControlSockets.contains(socket) {
      closed.control[socket] = channel
      sockets.control[socket] = nil
    }
    for (port, channel) in sockets.ports where !configuration.ports.contains(port) {
      closed.ports[port] = channel
      sockets.ports[port] = nil
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
    for (listener, channel) in sockets.neighborListeners {
      await unsign(channel, listener.address.family, from: old.neighbors)
    }
    sockets.control.merge(opened.sockets.control) { $1 }
    sockets.ports.merge(opened.sockets.ports) { $1 }
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
  fileprivate var allControlSockets: [ControlSocket] {
    guard controlSockets.allSatisfy(\.restricted) else { return controlSockets }
    return controlSockets + [ControlSocket(path: Daemon.defaultSocket, restricted: false)]
  }

  fileprivate var ports: [ListeningSockets.Port] {
    listeners.map { .neighbors($0) } + metricsListeners.map { .metrics($0) }
  }
}
