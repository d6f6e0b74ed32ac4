import Foundation
import Glibc

/// A program that runs beside the test, or that the test waits for.
///
/// Not Foundation's Process, which does not always notice that its child has ended when it is started from a test.
final class Child {
  let name: String
  let pid: pid_t
  /// Files with what it has printed; the same one twice for a daemon.
  let output: String
  let errors: String
  private var input: Int32
  private var waitStatus: Int32?

  /// - Parameters:
  ///   - program: a path, or a name that PATH leads to.
  ///   - directory: where it is started; that of the test when nil.
  init(
    _ program: String, _ arguments: [String], output: String, errors: String? = nil, directory: String? = nil
  ) throws {
    name = URL(fileURLWithPath: program).lastPathComponent
    self.output = output
    self.errors = errors ?? output
    // A pair of sockets, because writing to one whose reader has died is an error and no signal.
    var ends: [Int32] = [-1, -1]
    guard unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw Unexpected("socketpair: \(errno)")
    }
    input = ends[0]
    defer { close(ends[1]) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    let creation = O_WRONLY | O_CREAT | O_APPEND
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, creation, 0o644)
    if let errors {
      unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, creation, 0o644)
    } else {
      unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    }
    // A thread of the test may block signals, which a child would go on to do.
    var attributes = posix_spawnattr_t()
    var none = sigset_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let command = (directory.map { ["env", "--chdir=\($0)"] } ?? []) + [program] + arguments
    var words = unsafe command.map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var started: pid_t = 0
    // Safety: the words end with nil and live until the call has returned.
    let result = unsafe posix_spawnp(&started, command[0], &actions, &attributes, &words, environ)
    guard result == 0, started > 0 else {
      close(input)
      throw Unexpected("\(program) cannot be started: error \(result)")
    }
    // Last: without it nothing is initialized, so that `deinit` never signals process 0, which is everybody.
    pid = started
  }

  deinit {
    end()
    close(input)
  }

  /// A line for its standard input.
  func send(_ line: String) throws {
    let octets = Array((line + "\n").utf8)
    // Safety: the pointer and the length describe the array, which lives through the call.
    guard unsafe Glibc.send(input, octets, octets.count, Int32(MSG_NOSIGNAL)) == octets.count else {
      throw Unexpected("\(name) does not read its standard input: error \(errno)")
    }
  }

  func signal(_ number: Int32) throws {
    guard !hasEnded, kill(pid, number) == 0 else { throw Unexpected("\(name) has ended: nobody to signal") }
  }

  /// The same to it and to the processes that it has started.
  func signalFamily(_ number: Int32) throws {
    // All of them first: what is left of a family that has lost its head belongs to somebody else.
    let family = Self.descendants(of: pid)
    try signal(number)
    for descendant in family { _ = kill(descendant, number) }
  }

  private static func descendants(of parent: pid_t) -> [pid_t] {
    let children = text("/proc/\(parent)/task/\(parent)/children").split(separator: " ").compactMap { pid_t($0) }
    return children + children.flatMap(descendants)
  }

  var hasEnded: Bool {
    if waitStatus == nil {
      var status: Int32 = 0
      if unsafe waitpid(pid, &status, WNOHANG) == pid { waitStatus = status }
    }
    return waitStatus != nil
  }

  /// The exit status, or the number of the signal below zero.
  ///
  /// - Throws: when it has not ended in time; then it is killed.
  func wait(seconds: Double) throws -> Int {
    guard ended(within: seconds), let waitStatus else {
      _ = kill(pid, SIGKILL)
      throw Unexpected("\(name) has not ended within \(seconds) s")
    }
    return waitStatus & 0x7F == 0 ? Int(waitStatus >> 8 & 0xFF) : -Int(waitStatus & 0x7F)
  }

  /// SIGTERM, and SIGKILL to what does not heed it, with all that it has started. Who is stopped goes on before that.
  func end() {
    guard !hasEnded else { return }
    let family = [pid] + Self.descendants(of: pid)
    _ = kill(pid, SIGTERM)
    for member in family { _ = kill(member, SIGCONT) }
    if ended(within: 5) { return }
    for member in family { _ = kill(member, SIGKILL) }
    _ = ended(within: 5)
  }

  private func ended(within seconds: Double) -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var pause: UInt32 = 200
    while !hasEnded {
      guard ContinuousClock.now < deadline else { return false }
      usleep(pause)
      pause = min(pause * 5 / 4, 20_000)
    }
    return true
  }

  /// What it has printed to standard output, or to both for a daemon.
  var printed: String { Self.text(output) }

  static func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }
}
