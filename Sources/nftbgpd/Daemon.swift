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
import Snapshot
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
  /// Where the configuration comes from.
  let source: ConfigurationSource
  var configuration: Configuration
  let kernel: KernelTables
  let host: HostWatch
  let logger: Logger
  private var digest = LogDigest()
  let manager: ServiceManager?
  /// The service manager has been told that the start is over.
  private(set) var isReady = false
  var engine: Engine
  /// Connections with neighbors, and attempts at one.
  var connections: [ConnectionID: any Channel] = [:]
  /// Those that others connect to.
  var sockets = ListeningSockets()
  /// The last reload, perhaps under way.
  var reloading: Task<String?, Never>?
  /// It has started, and does not end yet.
  private(set) var isReloadable = false
  var refusals = RefusalLog()
  private var timer: Scheduled<Void>?
  var metricsFile = MetricsFile()
  /// When it was, in nanoseconds since the beginning of 1970 (UTC).
  let started = ProcessFigures.unixTime
  private var isSettling = false
  /// Connections that are closed as soon as the other side has done so.
  var closing = 0
  /// Those that were refused and are not closed yet.
  var rejected = 0
  /// Those that are running.
  private var hooks: [ExportHook: Task<HookOutcome, Never>] = [:]

  init(
    on loop: any EventLoop, _ source: ConfigurationSource, _ configuration: Configuration, routerID: IPv4Address,
    kernel: KernelTables, host: HostWatch, logger: Logger, manager: ServiceManager?
  ) {
    self.loop = loop
    self.source = source
    self.configuration = configuration
    self.kernel = kernel
    self.host = host
    self.logger = logger
    self.manager = manager
    var random = SystemRandomNumberGenerator()
    engine = Engine(configuration, routerID: routerID, random: RandomSource(seed: random.next()))
  }

  /// Opens the sockets and starts the sessions. The tables must have been read once: then they are known to be usable.
  func start(_ contents: [TableContents], _ snapshot: SnapshotFile.Loaded?) async throws {
    sockets = try await openSockets(configuration).sockets
    if configuration.protectsHost {
      do {
        if let addresses = try await host.check() { engine.handle(.hostAddresses(addresses), at: now) }
      } catch {
        write(LogRecord(.error, "\(error); trying again", kind: .hostFailed))
      }
    }
    if let snapshot, let path = configuration.snapshotPath { take(snapshot, path) }
    engine.handle(.setsRead(contents), at: now)
    turn(.start)
    isReloadable = true
    manager?.report(from: loop) { self.assumeIsolated { $0.engine.summary } }
    if !engine.isCommitting { reportReady() }
    await adoptMetricsFile(configuration.metricsFile)
  }

  /// The sets have been given what an earlier run has left, or the kernel has refused it: boot need not wait for neighbors.
  private func reportReady() {
    guard !isReady else { return }
    isReady = true
    manager?.ready()
  }

  private func take(_ snapshot: SnapshotFile.Loaded, _ path: String) {
    switch snapshot {
    case .tables(let tables, let age, _):
      write(LogRecord(.info, "snapshot \(path), \(age.seconds) s old", kind: .snapshot))
      engine.handle(.snapshotLoaded(tables, age: age), at: now)
    case .absent: write(LogRecord(.info, "no snapshot \(path)", kind: .snapshot))
    case .refused(let reason): write(LogRecord(.warning, "snapshot refused: \(reason)", kind: .snapshot))
    }
  }

  /// Ends the sessions with Cease and leaves the tables in place.
  func stop() async {
    manager?.stopping()
    isReloadable = false
    _ = await reloading?.value
    await sockets.close()
    let open = Array(connections.values)
    turn(.stop(.init(.administrativeShutdown)))
    for channel in open { try? await channel.closeFuture.get() }
    let limit = now + Self.lastCommitTime
    while engine.isCommitting, now < limit { try? await Task.sleep(for: .milliseconds(10)) }
    timer?.cancel()
    // Nobody would be there to see how they end.
    for run in hooks.values { run.cancel() }
    for run in hooks.values { _ = await run.value }
    await adoptMetricsFile(nil)
    // What the next start begins with, as of now.
    if let path = configuration.snapshotPath {
      var left: Snapshot.KernelState?
      if let sets = engine.intervalSets {
        left = await kernel.state(of: sets)
        // What was found out meanwhile about other programs has been told before.
        if engine.intervalSets != sets { left = nil }
      }
      do throws(SystemError) {
        try SnapshotFile.save(engine.snapshot, age: engine.snapshotAge(at: now), kernel: left, to: path)
      } catch {
        write(LogRecord(.error, "\(error); the snapshot stays as it was", kind: .snapshot))
      }
    }
    for record in digest.finish() { logger.log(record) }
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
    guard let deadline = [engine.nextDeadline, digest.nextDeadline].compactMap({ $0 }).min() else { return }
    timer = loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(clamping: deadline.nanoseconds))) {
      self.assumeIsolated {
        for record in $0.digest.advance(to: $0.now) { $0.logger.log(record) }
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
    case .export(let file, let prefixes): export(file, prefixes)
    case .run(let hook): run(hook)
    case .log(let record): write(record)
    case .setVerbosity(let isVerbose): setVerbosity(isVerbose)
    }
  }

  private func setVerbosity(_ isVerbose: Bool) {
    var logger = logger
    // The handler keeps it for all loggers.
    logger.logLevel = isVerbose ? .debug : .info
  }

  /// Writes a line, or sums it up with others.
  func write(_ record: LogRecord) {
    logger.log(digest.take(record, at: now))
  }

  // MARK: The control socket

  func listen(on socket: ControlSocket) async throws -> any Channel {
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
            daemon.write(
              LogRecord(
                .notice, "control request of user \(peer.user), process \(peer.process)", kind: .operatorCommand))
          }
          return daemon.answer(request, on: channel.eventLoop)
        }
      },
    ])
  }

  /// Carries out a request.
  private func answer(_ request: ControlRequest, on loop: any EventLoop) -> EventLoopFuture<ControlAnswer> {
    switch request {
    case .why(let prefix): return loop.makeFutureWithTask { await self.why(prefix) }
    case .reload: return loop.makeFutureWithTask { await ControlAnswer([self.reload().map { .failure($0) } ?? .end]) }
    case .showMetrics(let openMetrics):
      return loop.makeSucceededFuture(metricsAnswer(openMetrics: openMetrics))
    default: break
    }
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

  func checkHost() {
    Task {
      do {
        if let addresses = try await host.check() { turn(.hostAddresses(addresses)) }
      } catch {
        write(LogRecord(.error, "\(error); what was protected stays protected", kind: .hostFailed))
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
      reportReady()
    }
  }

  private func export(_ file: ExportFile, _ prefixes: PrefixList) {
    let table = ExportedTable(name: file.table, role: .init(configuration.policy(of: file.table).role))
    let header = ExportHeader(
      generator: "nftbgpd \(Release.version)",
      time: Timestamp(unixSeconds: Int64(Date.now.timeIntervalSince1970)).description)
    NIOThreadPool.singleton.runIfActive(eventLoop: loop) { () -> Result<ExportOutcome, SystemError> in
      do throws(SystemError) {
        return .success(try file.write(prefixes, of: table, header))
      } catch {
        return .failure(error)
      }
    }.whenSuccess { result in
      self.assumeIsolated { $0.turn(.exported(file, result)) }
    }
  }

  /// Beside the loop, which goes on.
  private func run(_ hook: ExportHook) {
    let run = Task.detached { await HookRun(hook).outcome() }
    hooks[hook] = run
    Task {
      let outcome = await run.value
      hooks[hook] = nil
      turn(.hookEnded(hook, outcome))
    }
  }
}
