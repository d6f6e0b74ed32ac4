import Foundation
import Glibc
import Synchronization
import Testing

/// What one test has set up: a directory, children, mounts. All of it is gone afterwards, and so is the nft table.
final class Laboratory {
  let directory: String
  private var children: [Child] = []
  private var mounts: [String] = []
  private var commands = 0

  /// The logs of the running test by name, or what they said at the end of the last one.
  private enum Logs {
    case files([(name: String, path: String)])
    case kept(String)
  }
  private static let logFiles = Mutex(Logs.kept(""))

  /// The directory of the programs under test: that of the running test executable, unless `NFTBGPD_PRODUCTS` names one.
  static let products: String = {
    if let chosen = ProcessInfo.processInfo.environment["NFTBGPD_PRODUCTS"] { return chosen }
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().path
  }()

  /// Tests/Fixtures/config.
  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/config").path

  static func run(_ body: (Laboratory) throws -> Void) throws {
    let laboratory = try Laboratory()
    defer { laboratory.close() }
    try body(laboratory)
  }

  private init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("nftbgpd-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    Self.logFiles.withLock { $0 = .files([]) }
    try Kernel.removeTable(self)
  }

  private func close() {
    for child in children.reversed() { child.end() }
    let last = Self.logs()
    Self.logFiles.withLock { $0 = .kept(last) }
    try? Kernel.removeTable(self)
    // Lazily, so that a file still open in there cannot keep it.
    for mount in mounts { _ = try? run("umount", ["-l", mount]) }
    try? FileManager.default.removeItem(atPath: directory)
  }

  // MARK: Files

  func path(_ name: String) -> String { directory + "/" + name }

  /// Writes a file, replacing what is there; only its owner may read it, as bgpd(8) demands of its configuration.
  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    let path = path(name)
    let isWritten = FileManager.default.createFile(
      atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    guard isWritten else { throw Unexpected("\(path) cannot be written") }
    return path
  }

  /// A new directory with a file system of its own that is full after a few octets.
  func smallDisk(_ name: String, kibibytes: Int) throws -> String {
    let path = path(name)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let mounted = try run("mount", ["-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", path])
    try #require(mounted.status == 0, "\(mounted.errors)")
    mounts.append(path)
    return path
  }

  // MARK: Children

  /// Starts a daemon, whose output becomes a log of this test.
  func start(_ program: String, _ arguments: [String], log: String, directory: String? = nil) throws -> Child {
    children.removeAll(where: \.hasEnded)
    let child = try Child(program, arguments, output: path(log), directory: directory)
    children.append(child)
    Self.logFiles.withLock { logs in
      guard case .files(var files) = logs else { return }
      files.removeAll { $0.path == child.output }
      files.append((log, child.output))
      logs = .files(files)
    }
    return child
  }

  struct Outcome {
    let status: Int
    let output: String
    let errors: String
  }

  /// Runs a program to its end.
  @discardableResult
  func run(_ program: String, _ arguments: [String], in directory: String? = nil) throws -> Outcome {
    commands += 1
    let output = path("command-\(commands).out")
    let errors = path("command-\(commands).err")
    defer {
      try? FileManager.default.removeItem(atPath: output)
      try? FileManager.default.removeItem(atPath: errors)
    }
    let child = try Child(program, arguments, output: output, errors: errors, directory: directory)
    let status = try child.wait(seconds: 60)
    return Outcome(status: status, output: Child.text(output), errors: Child.text(errors))
  }

  /// One of the programs under test.
  static func product(_ name: String) -> String { products + "/" + name }

  /// Waits for something to become true.
  func wait(
    _ what: String, seconds: Double = 20, sourceLocation: SourceLocation = #_sourceLocation,
    until condition: () throws -> Bool
  ) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try !condition() {
      try #require(ContinuousClock.now < deadline, "not within \(seconds) s: \(what)", sourceLocation: sourceLocation)
      usleep(20_000)
    }
  }

  // MARK: Logs

  /// The last lines of every log of this test.
  static func logs() -> String {
    logFiles.withLock { logs in
      switch logs {
      case .kept(let text): text
      case .files(let files):
        files.map { file in
          let lines = Child.text(file.path).split(separator: "\n").suffix(25)
          return "\(file.name):\n" + lines.map { "  \($0)\n" }.joined()
        }.joined()
      }
    }
  }
}
