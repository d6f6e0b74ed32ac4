import AtomicFile
import BGPSession
import BGPWire
import ConfigFile
import Control
import Engine
import Export
import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import Primitives
import Tables
import Transport

/// The shell around the engine: it owns every descriptor and every timer, reports what happens and performs what the engine asks for.
/// It decides nothing.
///
/// All of it runs on one event loop, the actor's executor. One turn is: an input, or octets, or a deadline goes into the engine; its
/// effects are performed; the timer is set to its next deadline. The kernel's tables have a thread of their own, and export files are
/// written on another.
actor Daemon: LoopActor {
  /// An attempt or a connection; the number tells its callbacks from those of an earlier one.
  private struct Connection {
    let number: Int
    var channel: (any Channel)?
  }

  let loop: any EventLoop
  private let configuration: Configuration
  private let kernel: KernelTables
  private let host: HostWatch
  private let logger: Logger
  private var engine: Engine
  private var connections: [PeerID: Connection] = [:]
  private var connectionCount = 0
  private var listeners: [any Channel] = []
  private var timer: Scheduled<Void>?
  private var isSettling = false
  private var clients = 0

  init(
    on loop: any EventLoop, _ configuration: Configuration, routerID: IPv4Address, kernel: KernelTables,
    host: HostWatch, logger: Logger
  ) {
    self.loop = loop
    self.configuration = configuration
    self.kernel = kernel
    self.host = host
    self.logger = logger
    var random = SystemRandomNumberGenerator()
    engine = Engine(configuration, routerID: routerID, random: RandomSource(seed: random.next()))
  }

  /// Opens the sockets and starts the sessions. The tables must have been read once: then they are known to be usable.
  func start(_ contents: [TableContents]) async throws {
    var sockets = configuration.controlSockets
    // As with bgpd(8), a restricted socket stands beside the ordinary one and not in its place.
    if sockets.allSatisfy(\.restricted) { sockets.append(ControlSocket(path: Self.defaultSocket, restricted: false)) }
    for socket in sockets { listeners.append(try await listen(on: socket)) }
    for listener in configuration.listeners { listeners.append(try await listen(on: listener)) }
    if configuration.protectsHost {
      do {
        if let addresses = try await host.check() { engine.handle(.hostAddresses(addresses), at: now) }
      } catch {
        logger.error("\(error); trying again")
      }
    }
    loadSnapshot()
    engine.handle(.setsRead(contents), at: now)
    turn(.start)
  }

  private func loadSnapshot() {
    guard let path = configuration.snapshotPath else { return }
    switch SnapshotFile.load(path) {
    case .tables(let tables, let age):
      logger.info("snapshot \(path), \(age.seconds) s old")
      engine.handle(.snapshotLoaded(tables, age: age), at: now)
    case .absent: logger.info("no snapshot \(path)")
    case .refused(let reason): logger.warning("snapshot refused: \(reason)")
    }
  }

  /// Ends the sessions with Cease and leaves the tables in place.
  func stop() async {
    for listener in listeners { try? await listener.close() }
    let open = connections.values.compactMap(\.channel)
    turn(.stop(.init(.administrativeShutdown)))
    for channel in open { try? await channel.closeFuture.get() }
    timer?.cancel()
    // What the next start begins with, as of now.
    if let path = configuration.snapshotPath {
      do throws(SystemError) {
        try SnapshotFile.save(engine.snapshot, age: engine.snapshotAge(at: now), to: path)
      } catch {
        logger.error("\(error); the snapshot stays as it was")
      }
    }
  }

  static let defaultSocket = "/run/nftbgpd/nftbgpd.sock"

  // MARK: The turn

  private var now: Instant { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }

  private func turn(_ input: Input) {
    engine.handle(input, at: now)
    settle()
  }

  /// Performs what the engine asks for, then sleeps until its next deadline.
  ///
  /// What a performed effect reports at once, such as a write that fails, waits for the loop that is under way.
  private func settle() {
    guard !isSettling else { return }
    isSettling = true
    defer { isSettling = false }
    var effects = engine.takeEffects(at: now)
    while !effects.isEmpty {
      for effect in effects { perform(effect) }
      effects = engine.takeEffects(at: now)
    }
    timer?.cancel()
    timer = nil
    guard let deadline = engine.nextDeadline else { return }
    timer = loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(clamping: deadline.nanoseconds))) {
      self.assumeIsolated {
        $0.engine.advance(to: $0.now)
        $0.settle()
      }
    }
  }

  private func perform(_ effect: Effect) {
    switch effect {
    case .connect(let peer): connect(peer)
    case .disconnect(let peer): connections.removeValue(forKey: peer)?.channel?.close(promise: nil)
    case .send(let peer, let octets): connections[peer]?.channel?.writeAndFlush(ByteBuffer(bytes: octets), promise: nil)
    case .readSets: readSets()
    case .checkSets: checkSets()
    case .checkHost: checkHost()
    case .saveSnapshot(let tables, let age): saveSnapshot(tables, age)
    case .commit(let serial, let changes, let isRepair): commit(serial, changes, isRepair: isRepair)
    case .export(let index, let file, let prefixes): export(index, file, prefixes)
    case .log(let record): logger.log(level: Logger.Level(record.level), "\(record.message)")
    }
  }

  // MARK: Peers

  private func connect(_ peer: PeerID) {
    guard configuration.neighbors.indices.contains(peer.index) else { return }
    let neighbor = configuration.neighbors[peer.index]
    connectionCount += 1
    let number = connectionCount
    connections[peer] = Connection(number: number)
    do {
      var bootstrap = ClientBootstrap(group: loop)
        .channelOption(.socketOption(.so_keepalive), value: 1)  // a hold time of 0 has no other sign of life
        .channelOption(
          .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 65536, maximum: 1 << 20)
        )
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try self.assumeIsolated { try $0.attach(channel, peer, number) } }
        }
      if let hops = timeToLive(neighbor) {
        bootstrap = bootstrap.channelOption(ChannelOptions.timeToLive(neighbor.address.family), value: hops)
      }
      if let local = neighbor.localAddress { bootstrap = bootstrap.bind(to: try SocketAddress(local, port: 0)) }
      bootstrap.connect(to: try SocketAddress(neighbor.address, port: neighbor.port)).whenComplete { result in
        self.assumeIsolated { $0.connected(peer, number, result) }
      }
    } catch {
      connections[peer] = nil
      turn(.connectionFailed(peer, systemWords(error)))
    }
  }

  /// RFC 4271 leaves it to the implementation; OpenBGPD sends 1 to a neighbour of another AS unless it is `multihop`.
  private func timeToLive(_ neighbor: Neighbor) -> Int? {
    if let multihop = neighbor.multihop { return Int(multihop) }
    return neighbor.remoteAS == neighbor.localAS ?? configuration.localAS ? nil : 1
  }

  private func attach(_ channel: any Channel, _ peer: PeerID, _ number: Int) throws {
    try channel.pipeline.syncOperations.addHandler(
      OctetStreamHandler(
        receive: { octets in self.received(peer, number, octets) },
        closed: { error in
          let words = error.map { systemWords($0) }
          self.assumeIsolated { $0.closed(peer, number, words) }
        }))
  }

  private func connected(_ peer: PeerID, _ number: Int, _ result: Result<any Channel, any Error>) {
    guard connections[peer]?.number == number else {
      if case .success(let channel) = result { channel.close(promise: nil) }
      return
    }
    switch result {
    case .success(let channel):
      established(peer, channel)
    case .failure(let error):
      connections[peer] = nil
      turn(.connectionFailed(peer, systemWords(error)))
    }
  }

  private func established(_ peer: PeerID, _ channel: any Channel) {
    guard let local = channel.localAddress?.endpoint, let remote = channel.remoteAddress?.endpoint else {
      connections[peer] = nil
      channel.close(promise: nil)
      return turn(.connectionFailed(peer, "the peer closed at once"))
    }
    connections[peer]?.channel = channel
    turn(
      .connected(
        peer, local: Endpoint(address: local.address, port: local.port),
        remote: Endpoint(address: remote.address, port: remote.port)))
  }

  private nonisolated func received(_ peer: PeerID, _ number: Int, _ octets: Span<UInt8>) -> Int {
    assumeIsolated { daemon in
      guard daemon.connections[peer]?.number == number else { return octets.count }
      let used = daemon.engine.received(peer, octets, at: daemon.now)
      daemon.settle()
      return used
    }
  }

  private func closed(_ peer: PeerID, _ number: Int, _ words: String?) {
    guard let connection = connections[peer], connection.number == number, connection.channel != nil else { return }
    connections[peer] = nil
    turn(.connectionClosed(peer, words))
  }

  /// A neighbour that connects to us, in the place of an attempt of ours.
  private func listen(on listener: Listener) async throws -> any Channel {
    var bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try self.assumeIsolated { try $0.accept(channel) } }
      }
    if listener.address.family == .ipv6 {
      // IPv4 neighbors come in by a listener of their own, under their own address.
      bootstrap = bootstrap.serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
    }
    return try await bootstrap.bind(to: try SocketAddress(listener.address, port: listener.port)).get()
  }

  private func accept(_ channel: any Channel) throws {
    guard let remote = channel.remoteAddress?.endpoint, let peer = engine.peerAwaiting(remote.address),
      connections[peer]?.channel == nil
    else {
      let address = channel.remoteAddress?.endpoint.map { "\($0.address)" } ?? "?"
      logger.notice("connection from \(address) refused: no neighbor with that address waits for one")
      throw ChannelError.ioOnClosedChannel
    }
    connectionCount += 1
    let number = connectionCount
    connections[peer] = Connection(number: number)
    try attach(channel, peer, number)
    loop.execute { self.assumeIsolated { $0.connected(peer, number, .success(channel)) } }
  }

  // MARK: The control socket

  private func listen(on socket: ControlSocket) async throws -> any Channel {
    try Directory.createParent(of: socket.path)
    if let other = try? await ClientBootstrap(group: loop).connect(unixDomainSocketPath: socket.path).get() {
      try? await other.close()
      throw SystemError(call: "bind \(socket.path)", errorNumber: 0, explanation: "another nftbgpd is running there")
    }
    let mask = FileModeMask(socket.restricted ? 0o111 : 0o117)  // as bgpd(8): 0666 and 0660
    defer { mask.restore() }
    return try await ServerBootstrap(group: loop)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try self.assumeIsolated { try $0.accept(client: channel, isRestricted: socket.restricted) }
        }
      }
      .bind(unixDomainSocketPath: socket.path, cleanupExistingSocketFile: true).get()
  }

  /// More clients at once are no operators: the descriptors are for neighbours.
  private static let mostClients = 64
  /// How long a client may do nothing.
  private static let clientPatience = TimeAmount.minutes(5)

  private func accept(client channel: any Channel, isRestricted: Bool) throws {
    guard clients < Self.mostClients else { throw ChannelError.ioOnClosedChannel }
    clients += 1
    channel.closeFuture.whenComplete { _ in self.assumeIsolated { $0.clients -= 1 } }
    try channel.pipeline.syncOperations.addHandlers([
      IdleStateHandler(allTimeout: Self.clientPatience),
      ControlHandler(isRestricted: isRestricted) { request in
        self.assumeIsolated { $0.answer(request, on: channel.eventLoop) }
      },
    ])
  }

  /// Carries out a request.
  private func answer(_ request: ControlRequest, on loop: any EventLoop) -> EventLoopFuture<ControlAnswer> {
    if case .why(let prefix) = request { return loop.makeFutureWithTask { await self.why(prefix) } }
    let answer = engine.carryOut(request, at: now)
    settle()
    return loop.makeSucceededFuture(answer)
  }

  /// What the kernel holds right now belongs to the answer.
  private func why(_ prefix: Prefix) async -> ControlAnswer {
    var found: [String: WhyReport.Kernel] = [:]
    for (table, sets) in engine.sets(of: prefix.family) {
      do {
        found[table] = try await kernel.holds(prefix.address, sets) ? .holds : .doesNotHold
      } catch {
        found[table] = .unknown("\(error)")
      }
    }
    return engine.answer(why: prefix, kernel: found, at: now)
  }

  // MARK: The kernel and the files

  private func readSets() {
    Task {
      do {
        turn(.setsRead(try await kernel.read()))
      } catch {
        turn(.setsUnreadable("\(error)"))
      }
    }
  }

  private func checkSets() {
    Task { turn(.setsChecked(await kernel.check())) }
  }

  private func checkHost() {
    Task {
      do {
        if let addresses = try await host.check() { turn(.hostAddresses(addresses)) }
      } catch {
        logger.error("\(error); what was protected stays protected")
      }
    }
  }

  private func saveSnapshot(_ tables: [String: PrefixList], _ age: Interval) {
    guard let path = configuration.snapshotPath else { return }
    NIOThreadPool.singleton.runIfActive(eventLoop: loop) { () -> SystemError? in
      do throws(SystemError) {
        try SnapshotFile.save(tables, age: age, to: path)
        return nil
      } catch {
        return error
      }
    }.whenSuccess { error in
      self.assumeIsolated { $0.turn(.snapshotSaved(error)) }
    }
  }

  private func commit(_ serial: UInt64, _ changes: [SetChange], isRepair: Bool) {
    let start = now
    Task {
      do {
        let refusals = try await kernel.commit(changes, isRepair: isRepair)
        turn(.committed(serial: serial, refusing: refusals, now - start))
      } catch {
        turn(.commitFailed(serial: serial, "\(error)"))
      }
    }
  }

  private func export(_ index: Int, _ file: ExportFile, _ prefixes: PrefixList) {
    let header = ExportHeader(
      table: file.table, generator: "nftbgpd \(Release.version)",
      time: Timestamp(unixSeconds: Int64(Date.now.timeIntervalSince1970)).description)
    NIOThreadPool.singleton.runIfActive(eventLoop: loop) { () -> Result<Int, SystemError> in
      let format = ExportFormat(file.format)
      do throws(SystemError) {
        try FileReplacement(path: file.path).write(format.render(prefixes, header: header))
        return .success(format.entries(in: prefixes))
      } catch {
        return .failure(error)
      }
    }.whenSuccess { result in
      self.assumeIsolated { $0.turn(.exported(index: index, result)) }
    }
  }
}

extension ExportFormat {
  init(_ format: ExportFile.Format) {
    switch format {
    case .spamd: self = .spamd
    case .plain: self = .plain
    }
  }
}

extension Logger.Level {
  init(_ level: LogRecord.Level) {
    switch level {
    case .debug: self = .debug
    case .info: self = .info
    case .notice: self = .notice
    case .warning: self = .warning
    case .error: self = .error
    }
  }
}
