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
  let loop: any EventLoop
  let configuration: Configuration
  private let kernel: KernelTables
  private let host: HostWatch
  let logger: Logger
  var engine: Engine
  /// Connections with neighbors, and attempts at one.
  var connections: [ConnectionID: any Channel] = [:]
  private var listeners: [any Channel] = []
  var refusals = RefusalLog()
  private var timer: Scheduled<Void>?
  var metricsOutlets = MetricsOutlets()
  /// When it was, in nanoseconds since the beginning of 1970 (UTC).
  let started = ProcessFigures.unixTime
  private var isSettling = false
  /// Connections that are closed as soon as the other side has done so.
  var closing = 0
  /// Those that were refused and are not closed yet.
  var rejected = 0

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
    let scrapes = try await openMetricsListeners(configuration.metricsListeners)
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
    await adoptMetricsOutlets(configuration.metricsListeners, scrapes, file: configuration.metricsFile)
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
    let open = Array(connections.values)
    turn(.stop(.init(.administrativeShutdown)))
    for channel in open { try? await channel.closeFuture.get() }
    let limit = now + Self.lastCommitTime
    while engine.isCommitting, now < limit { try? await Task.sleep(for: .milliseconds(10)) }
    timer?.cancel()
    await adoptMetricsOutlets([], [:], file: nil)
    // What the next start begins with, as of now.
    if let path = configuration.snapshotPath {
      do throws(SystemError) {
        try SnapshotFile.save(engine.snapshot, age: engine.snapshotAge(at: now), to: path)
      } catch {
        logger.error("\(error); the snapshot stays as it was")
      }
    }
  }

  /// How long the end waits for the kernel.
  private static let lastCommitTime = Interval.seconds(2)
  static let defaultSocket = "/run/nftbgpd/nftbgpd.sock"

  // MARK: The turn

  var now: Instant { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }

  func turn(_ input: Input) {
    engine.handle(input, at: now)
    settle()
  }

  /// Performs what the engine asks for, then sleeps until its next deadline.
  ///
  /// What a performed effect reports at once, such as a write that fails, waits for the loop that is under way.
  func settle() {
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
    case .connect(let connection): connect(connection)
    case .disconnect(let connection):
      if let channel = connections.removeValue(forKey: connection) { disconnect(channel) }
    case .send(let connection, let octets):
      connections[connection]?.writeAndFlush(ByteBuffer(bytes: octets)).assumeIsolated().whenSuccess {
        self.assumeIsolated { $0.turn(.sent(connection)) }
      }
    case .readSets: readSets()
    case .checkSets: checkSets()
    case .checkHost: checkHost()
    case .saveSnapshot(let tables, let age): saveSnapshot(tables, age)
    case .commit(let serial, let changes): commit(serial, changes)
    case .export(let index, let file, let prefixes): export(index, file, prefixes)
    case .log(let record): logger.log(level: Logger.Level(record.level), "\(record.message)")
    }
  }

  // MARK: The control socket

  private func listen(on socket: ControlSocket) async throws -> any Channel {
    try Directory.createParent(of: socket.path)
    if let other = try? await ClientBootstrap(group: loop).connect(unixDomainSocketPath: socket.path).get() {
      try? await other.close()
      throw SystemError(call: "bind \(socket.path)", errorNumber: 0, explanation: "another nftbgpd is running there")
    }
    let quota = NIOLoopBound(ClientQuota(), eventLoop: loop)
    let mask = FileModeMask(socket.restricted ? 0o111 : 0o117)  // as bgpd(8): 0666 and 0660
    defer { mask.restore() }
    return try await ServerBootstrap(group: loop)
      // Clients do not wait for a place in the queue: those for whom there is none could not be told why.
      .serverChannelOption(.backlog, value: 512)
      .childChannelInitializer { channel in
        PeerCredentials.read(from: channel).flatMapThrowing { peer in
          try self.assumeIsolated { try $0.accept(client: channel, peer, quota.value, isRestricted: socket.restricted) }
        }
      }
      .bind(unixDomainSocketPath: socket.path, cleanupExistingSocketFile: true).get()
  }

  /// How long a client may do nothing.
  private static let clientPatience = TimeAmount.minutes(5)

  private func accept(
    client channel: any Channel, _ peer: PeerCredentials?, _ quota: ClientQuota, isRestricted: Bool
  ) throws {
    guard quota.clients < ClientQuota.mostClients else {
      return try channel.pipeline.syncOperations.addHandler(RefusingHandler())
    }
    quota.clients += 1
    channel.closeFuture.assumeIsolated().whenComplete { _ in quota.clients -= 1 }
    let refusal: String? =
      if isRestricted {
        "this socket is restricted: it takes no request that changes anything"
      } else if peer?.isTrusted == true {
        nil
      } else {
        "only root, the user of nftbgpd and members of its group may change anything"
      }
    try channel.pipeline.syncOperations.addHandlers([
      IdleStateHandler(allTimeout: Self.clientPatience),
      ControlHandler(refusingChanges: refusal, quota: quota) { request in
        self.assumeIsolated { daemon in
          if request.isChange, let peer {
            daemon.logger.notice("control request of user \(peer.user), process \(peer.process)")
          }
          return daemon.answer(request, on: channel.eventLoop)
        }
      },
    ])
  }

  /// Carries out a request.
  private func answer(_ request: ControlRequest, on loop: any EventLoop) -> EventLoopFuture<ControlAnswer> {
    if case .showMetrics(let openMetrics) = request {
      return loop.makeSucceededFuture(metricsAnswer(openMetrics: openMetrics))
    }
    if case .why(let prefix) = request { return loop.makeFutureWithTask { await self.why(prefix) } }
    let answer = engine.carryOut(request, at: now)
    settle()
    guard request.isLong else { return loop.makeSucceededFuture(answer) }
    return NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
      var answer = answer
      answer.prepare()
      return answer
    }
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

  private func commit(_ serial: UInt64, _ changes: [SetChange]) {
    Task {
      do {
        let (refusals, duration) = try await kernel.timed(changes)
        turn(.committed(serial: serial, refusing: refusals, duration))
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
