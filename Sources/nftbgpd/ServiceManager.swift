import NIOCore
import Netfilter
import Primitives
import Synchronization
import Transport

/// systemd, or whoever else has set `NOTIFY_SOCKET`, and what it is told: the protocol of sd_notify(3).
///
/// It is told what nobody else can see: when the sets are filled, how things stand, and that the daemon lives. Signs of life come from the
/// event loop of the sessions, and only while the table thread makes progress: that of a daemon which keeps its sessions up and its sets
/// wrong is none.
final class ServiceManager: Sendable {
  private struct State {
    var isReady = false
    var status = ""
    /// What the table thread's count was when it was last looked at.
    var exchanges: UInt64 = 0
  }

  private let socket: DatagramSocket
  /// Half of the time after which a daemon without a sign of life is killed; nil: it is not.
  private let watchdogPeriod: TimeAmount?
  private let state = Mutex(State())

  /// How often it is asked for more time to start where there is no watchdog.
  private static let startPeriod = TimeAmount.seconds(10)
  /// How often the status line may change.
  private static let statusPeriod = TimeAmount.seconds(5)

  /// - Parameters:
  ///   - environment: `NOTIFY_SOCKET`, without which there is no service manager, `WATCHDOG_USEC` and `WATCHDOG_PID`.
  ///   - process: the number of this process: what is meant for another one does not count.
  init?(environment: [String: String], process: Int32) throws(SystemError) {
    guard let name = environment["NOTIFY_SOCKET"], !name.isEmpty else { return nil }
    socket = try DatagramSocket(to: name)
    let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
    watchdogPeriod = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
      .flatMap { isMeant && $0 > 0 ? .microseconds($0 / 2) : nil }
  }

  // MARK: What it is told

  /// The start, or a reload, is over.
  func ready() {
    state.withLock { $0.isReady = true }
    send("READY=1")
  }

  /// A reload begins; `ready` ends it, whether it has changed anything or not.
  func reloading() {
    // systemd takes READY for the answer to this reload, and not to an earlier one, by the time (Type=notify-reload).
    send("RELOADING=1", "MONOTONIC_USEC=\(NIODeadline.now().uptimeNanoseconds / 1000)")
  }

  func stopping() {
    send("STOPPING=1", "STATUS=ending the sessions")
  }

  /// Says how things stand, in a line; nothing when they stand as before.
  func report(_ status: String) {
    let isNews = state.withLock { state in
      defer { state.status = status }
      return state.status != status
    }
    // A line feed would begin another assignment.
    if isNews { send("STATUS=\(status.replacing("\n", with: " "))") }
  }

  // MARK: From the event loop

  /// Says every few seconds how things stand, if that has changed.
  func report(from loop: any EventLoop, _ status: @escaping @Sendable () -> String) {
    loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.statusPeriod) { _ in self.report(status()) }
  }

  /// Gives signs of life, from `loop` and for as long as the thread of the tables does so too: until the daemon is ready, by asking for
  /// more time, as a first look at big sets takes; from then on for the watchdog.
  func watch(_ tables: KernelTables, from loop: any EventLoop) {
    let period = watchdogPeriod ?? Self.startPeriod
    state.withLock { $0.exchanges = tables.exchanges.value }
    // The thread's own event loop: that it comes to this is progress, too.
    let ask: @Sendable () -> Void = { tables.loop.execute { tables.exchanges.increment() } }
    ask()
    loop.scheduleRepeatedTask(initialDelay: period, delay: period) { task in
      let (isReady, isAlive) = self.state.withLock { state in
        let exchanges = tables.exchanges.value
        defer { state.exchanges = exchanges }
        return (state.isReady, state.exchanges != exchanges)
      }
      if isReady, self.watchdogPeriod == nil { return task.cancel() }
      guard isAlive else { return }
      self.send(isReady ? "WATCHDOG=1" : "EXTEND_TIMEOUT_USEC=\(3 * period.nanoseconds / 1000)")
      ask()
    }
  }

  /// A manager that does not listen is no reason to end.
  private func send(_ assignments: String...) {
    try? socket.send(Array(assignments.joined(separator: "\n").utf8))
  }
}
