import BGPSession
import BGPWire
import ConfigFile
import Engine
import Logging
import NIOCore
import NIOPosix
import Primitives
import Transport

/// The sockets of the neighbors: those that we open, those that they open to us, and what protects them.
extension Daemon {
  /// What is read from a neighbor in one turn: some thousand small UPDATEs, which take some 20 ms. Other neighbors, timers and operators
  /// have theirs in between. Less would make many small commits of a load.
  private static let portion = AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 65536, maximum: 1 << 18)

  // MARK: To a neighbor

  func connect(_ connection: ConnectionID) {
    guard let neighbor = engine.neighbor(of: connection) else { return }
    let remote: SocketAddress
    var bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(connectTimeout)
      .channelOption(.socketOption(.so_keepalive), value: 1)  // a hold time of 0 has no other sign of life
      .channelOption(.recvAllocator, value: Self.portion)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelInitializer { channel in
        let signed = self.assumeIsolated { daemon in
          // Already now, so that an attempt that is given up ends at once.
          daemon.connections[connection] = channel
          return neighbor.signature?.set(on: channel) ?? channel.eventLoop.makeSucceededVoidFuture()
        }
        return signed.flatMapThrowing { try self.assumeIsolated { try $0.attach(channel, connection) } }
      }
    for (option, value) in distanceOptions(neighbor) { bootstrap = bootstrap.channelOption(option, value: value) }
    do {
      remote = try SocketAddress(neighbor.address, port: neighbor.port)
      if let local = neighbor.localAddress { bootstrap = bootstrap.bind(to: try SocketAddress(local, port: 0)) }
    } catch {
      return turn(.connectionFailed(connection, systemWords(error)))
    }
    bootstrap.connect(to: remote).whenComplete { result in
      self.assumeIsolated { daemon in
        switch result {
        case .success(let channel): daemon.connected(connection, channel)
        case .failure(let error): daemon.failed(connection, error)
        }
      }
    }
  }

  /// Long enough for a lost SYN or two, and over before the next attempt is due.
  private var connectTimeout: TimeAmount {
    .milliseconds(min(10_000, Int64(configuration.connectRetry) * 750))
  }

  private func connected(_ connection: ConnectionID, _ channel: any Channel) {
    guard connections[connection] != nil else { return channel.close(promise: nil) }
    guard let local = channel.localAddress?.endpoint, let remote = channel.remoteAddress?.endpoint else {
      connections[connection] = nil
      channel.close(promise: nil)
      return turn(.connectionFailed(connection, "the peer closed at once"))
    }
    turn(
      .connected(
        connection, local: Endpoint(address: local.address, port: local.port),
        remote: Endpoint(address: remote.address, port: remote.port)))
  }

  private func failed(_ connection: ConnectionID, _ error: any Error) {
    connections[connection] = nil
    if case ChannelError.connectTimeout = error { return turn(.connectionFailed(connection, nil)) }
    turn(.connectionFailed(connection, systemWords(error)))
  }

  private func attach(_ channel: any Channel, _ connection: ConnectionID) throws {
    try channel.pipeline.syncOperations.addHandler(
      OctetStreamHandler(
        waitsForReader: true,
        receive: { octets in self.received(connection, octets) },
        closed: { error in
          let words = error.map { systemWords($0) }
          self.assumeIsolated { $0.closed(connection, words) }
        }))
  }

  private nonisolated func received(_ connection: ConnectionID, _ octets: Span<UInt8>) -> Int {
    assumeIsolated { daemon in
      guard daemon.connections[connection] != nil else { return octets.count }
      let used = daemon.engine.received(connection, octets, at: daemon.now)
      daemon.settle()
      return used
    }
  }

  private func closed(_ connection: ConnectionID, _ words: String?) {
    guard connections.removeValue(forKey: connection) != nil else { return }
    turn(.connectionClosed(connection, words))
  }

  /// How long the other side may take to close a connection that is over.
  private static let closeTime = TimeAmount.seconds(1)
  /// More at once are closed without waiting.
  private static let mostClosing = 64

  /// Closes a connection once what was sent has left.
  ///
  /// What the other side sends meanwhile is still read, and dropped: if a connection is closed with unread data, TCP resets it, and the
  /// NOTIFICATION that was sent last may be lost.
  func disconnect(_ channel: any Channel) {
    guard channel.isActive, closing < Self.mostClosing else { return channel.close(promise: nil) }
    closing += 1
    let limit = loop.assumeIsolated().scheduleTask(in: Self.closeTime) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in
      limit.cancel()
      self.assumeIsolated { $0.closing -= 1 }
    }
    channel.close(mode: .output, promise: nil)
  }

  // MARK: From a neighbor

  /// Waits for neighbors that connect to us.
  func listen(on listener: Listener, for neighbors: [Neighbor]) async throws -> any Channel {
    let family = listener.address.family
    let neighbors = neighbors.filter { $0.address.family == family }
    var bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // The answer to a SYN leaves before it is known whose it is: a neighbor with ttl-security takes no other.
      .serverChannelOption(ChannelOptions.timeToLive(family), value: 255)
      .serverChannelOption(ChannelOptions.minimumTimeToLive(family), value: Self.leastTimeToLive(neighbors))
      .serverChannelInitializer { channel in
        .andAllSucceed(neighbors.compactMap { $0.signature?.set(on: channel) }, on: channel.eventLoop)
      }
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.recvAllocator, value: Self.portion)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try self.assumeIsolated { try $0.accept(channel) } }
      }
    if family == .ipv6 {
      // IPv4 neighbors come in by a listener of their own, under their own address.
      bootstrap = bootstrap.serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
    }
    do {
      return try await bootstrap.bind(to: try SocketAddress(listener.address, port: listener.port)).get()
    } catch {
      throw SystemError(
        call: "listen on \(listener.address) port \(listener.port)",
        errorNumber: (error as? IOError)?.errnoCode ?? 0, explanation: systemWords(error))
    }
  }

  /// Makes a listener protect what comes from the neighbors that there are now: at once, before any of them can come back.
  func protect(_ listener: any Channel, _ family: AddressFamily) {
    let neighbors = configuration.neighbors.filter { $0.address.family == family }
    let distance = listener.setOption(
      ChannelOptions.minimumTimeToLive(family), value: Self.leastTimeToLive(neighbors))
    for change in [distance] + neighbors.compactMap({ $0.signature?.set(on: listener) }) {
      change.whenFailure { error in
        self.assumeIsolated { $0.write(LogRecord(.error, systemWords(error), kind: .reloaded)) }
      }
    }
  }

  /// Takes from a listener the keys of neighbors that have none any more.
  func unsign(_ listener: any Channel, _ family: AddressFamily, from old: [Neighbor]) async {
    for neighbor in old where neighbor.address.family == family && neighbor.signature != nil {
      guard !configuration.neighbors.contains(where: { $0.address == neighbor.address && $0.signature != nil }) else {
        continue
      }
      // A listener that is new has never had it.
      try? await TCPSignature(removedOf: neighbor.address).set(on: listener).get()
    }
  }

  private func accept(_ channel: any Channel) throws {
    guard let remote = channel.remoteAddress?.endpoint, let connection = engine.accept(from: remote.address, at: now),
      let neighbor = engine.neighbor(of: connection)
    else {
      let address = channel.remoteAddress?.endpoint.map { "\($0.address)" } ?? "?"
      if let line = refusals.line(from: address, at: now) {
        write(LogRecord(.notice, line, peer: channel.remoteAddress?.endpoint?.address, kind: .connectionRefused))
      }
      return try reject(channel)
    }
    connections[connection] = channel
    do {
      for (option, value) in distanceOptions(neighbor) {
        try channel.syncOptions?.setOption(option, value: value)
      }
      // It has the key of the listener, unless it was waiting there before the neighbor got one.
      neighbor.signature?.set(on: channel).whenFailure { _ in channel.close(promise: nil) }
      try attach(channel, connection)
    } catch {
      // Only once the channel is closed.
      loop.execute { self.assumeIsolated { $0.closed(connection, systemWords(error)) } }
      throw error
    }
    loop.execute { self.assumeIsolated { $0.connected(connection, channel) } }
  }

  /// More strangers at once are turned away without a word: they are not to take the places of neighbors.
  private static let mostRejected = 16

  /// RFC 4486 §4: the other side is told, which may be a neighbor whose address is not the one that was expected.
  private func reject(_ channel: any Channel) throws {
    guard rejected < Self.mostRejected else { throw ChannelError.ioOnClosedChannel }
    rejected += 1
    channel.closeFuture.whenComplete { _ in self.assumeIsolated { $0.rejected -= 1 } }
    let octets = Message.notification(.cease(.connectionRejected)).encode(.initial)
    // Only once the channel is open.
    loop.execute {
      channel.writeAndFlush(ByteBuffer(bytes: octets)).whenComplete { _ in
        self.assumeIsolated { $0.disconnect(channel) }
      }
    }
  }

  // MARK: What protects them

  /// How far away the neighbor may be, and how far our packets go.
  ///
  /// RFC 4271 leaves it to the implementation; OpenBGPD sends 1 to a neighbour of another AS unless it is `multihop`.
  private func distanceOptions(_ neighbor: Neighbor) -> [(ChannelOptions.Types.SocketOption, Int)] {
    let sent = ChannelOptions.timeToLive(neighbor.address.family)
    guard !neighbor.ttlSecurity else {
      return [(sent, 255), (ChannelOptions.minimumTimeToLive(neighbor.address.family), Self.leastTimeToLive(neighbor))]
    }
    if let multihop = neighbor.multihop { return [(sent, Int(multihop))] }
    return neighbor.remoteAS == neighbor.localAS ?? configuration.localAS ? [] : [(sent, 1)]
  }

  /// What a neighbor sends before its connection is accepted is not held to its own distance yet, but to that of the farthest one.
  private static func leastTimeToLive(_ neighbors: [Neighbor]) -> Int {
    neighbors.map { leastTimeToLive($0) }.min() ?? 0
  }

  /// RFC 5082 §3: a packet that began with 255 has lost one at each router on its way. 0: any will do.
  private static func leastTimeToLive(_ neighbor: Neighbor) -> Int {
    neighbor.ttlSecurity ? 256 - Int(neighbor.multihop ?? 1) : 0
  }
}

extension Neighbor {
  fileprivate var signature: TCPSignature? {
    md5Key.map { TCPSignature(of: address, key: $0) }
  }
}
