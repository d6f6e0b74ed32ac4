import Foundation
import Glibc
import Testing

/// nftbgpd with its configuration, and nftbgpctl that asks it.
final class NftbgpdUnderTest {
  private let laboratory: Laboratory
  private let daemon: Child
  private let export: String?
  private let name: String
  let socket: String

  /// Tables as in the published configuration, with quick attempts to connect and no servers that are not there.
  static func configuration(neighbors: [String]) -> String {
    """
    AS 65500
    connect-retry 1
    group "feed" {
      remote-as 65066
      multihop 64
    \(neighbors.map { "  neighbor \($0)\n" }.joined())
    }
    allow from any
    match from group "feed" community 65066:42 set pftable "bgp_spamd_bypass"
    match from group "feed" community 65066:666 set pftable "bgp_spamd"

    """
  }

  /// For tests that withdraw much at once, and mean it.
  static let shrinking = ["bgp_spamd", "bgp_spamd_bypass"].map { "table \"\($0)\" { shrink-limit no }\n" }.joined()

  /// The published configuration, unchanged, and the names that it is given for its two servers.
  static let published = "include \"\(Laboratory.fixtures)/v2.conf\"\n"
  static let publishedNames = ["-D", "spam_rs1=127.0.0.2", "-D", "spam_rs2=127.0.0.3"]

  /// Starts it.
  ///
  /// - Parameters:
  ///   - configuration: to which the control socket, the snapshot and the export are added.
  ///   - export: a file for `bgp_spamd`.
  ///   - name: begins the names of its files, where there are several of them.
  ///   - log: the name of its log; what an earlier run has written stays before what this one does.
  ///   - launcher: a command that becomes nftbgpd, such as env(1).
  ///   - program: where it is.
  init(
    _ laboratory: Laboratory, _ configuration: String, _ arguments: [String] = [], export: String? = nil,
    name: String = "", log: String = "nftbgpd.log", launcher: [String] = [],
    program: String = Laboratory.product("nftbgpd")
  ) throws {
    self.laboratory = laboratory
    self.export = export
    self.name = name
    socket = laboratory.path(name + "nftbgpd.sock")
    let file = laboratory.path(name + "nftbgpd.conf")
    try Self.write(configuration, laboratory, export: export, name)
    let command = launcher + [program, "-f", file] + arguments
    daemon = try laboratory.start(command[0], Array(command.dropFirst()), log: name + log)
  }

  private static func write(
    _ configuration: String, _ laboratory: Laboratory, export: String?, _ name: String
  ) throws {
    var text = configuration + "socket \"\(laboratory.path(name + "nftbgpd.sock"))\"\n"
    text += "snapshot \"\(laboratory.path(name + "snapshot"))\"\n"
    if let export { text += "export table \"bgp_spamd\" to \"\(export)\"\n" }
    try laboratory.write(text, to: name + "nftbgpd.conf")
  }

  /// Changes its configuration file, of which it is to be told.
  func rewrite(_ configuration: String) throws { try Self.write(configuration, laboratory, export: export, name) }

  /// SIGHUP.
  func hangUp() throws { try daemon.signal(SIGHUP) }

  /// With the tables of the published configuration, for these servers.
  convenience init(
    _ laboratory: Laboratory, neighbors: [String], export: String? = nil, log: String = "nftbgpd.log"
  ) throws {
    try self.init(laboratory, Self.configuration(neighbors: neighbors), export: export, log: log)
  }

  var log: String { daemon.printed }
  var pid: Int32 { daemon.pid }

  /// Lines of the log so far that contain the words.
  func lines(with words: String) -> Int {
    log.split(separator: "\n").count { $0.contains(words) }
  }

  func waitForLog(
    _ words: String, times: Int = 1, seconds: Double = 20, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try laboratory.wait(
      "nftbgpd logs '\(words)' \(times) times", seconds: seconds, sourceLocation: sourceLocation
    ) { lines(with: words) >= times }
  }

  /// SIGTERM; answers once it has ended.
  func terminate(sourceLocation: SourceLocation = #_sourceLocation) throws {
    try daemon.signal(SIGTERM)
    let status = try daemon.wait(seconds: 20)
    #expect(status == 0, "after SIGTERM", sourceLocation: sourceLocation)
  }

  /// SIGKILL, at whatever moment.
  func kill() throws {
    try daemon.signal(SIGKILL)
    _ = try daemon.wait(seconds: 5)
  }

  /// Nothing moves in it any more, but its connections stay open.
  func freeze() throws { try daemon.signal(SIGSTOP) }
  func thaw() throws { try daemon.signal(SIGCONT) }

  /// `nftbgpd restore` with the configuration of the last start.
  static func restore(_ laboratory: Laboratory) throws -> Laboratory.Outcome {
    try laboratory.run(Laboratory.product("nftbgpd"), ["restore", "-f", laboratory.path("nftbgpd.conf")])
  }

  /// The exit status of a daemon that ends by itself.
  func wait() throws -> Int { try daemon.wait(seconds: 20) }

  var hasEnded: Bool { daemon.hasEnded }

  /// SIGTERM at whatever moment, also before it heeds that.
  func terminateEarly() throws {
    try daemon.signal(SIGTERM)
    let status = try daemon.wait(seconds: 20)
    guard status == 0 || status == -Int(SIGTERM) else { throw Unexpected("after SIGTERM the status is \(status)") }
  }

  /// Lets some of its system calls fail, by strace(1), until that ends. Its netlink sockets use others than its sessions
  /// do.
  ///
  /// - Parameters:
  ///   - expression: as after `inject=`.
  ///   - file: for the calls that failed.
  func injectFaults(_ expression: String, into file: String) throws -> Child {
    let strace = try laboratory.start(
      "strace",
      [
        "-f", "-qq", "-Z", "-o", laboratory.path(file), "-e", "trace=sendto,recvmsg", "-e", "inject=\(expression)",
        "-p", "\(daemon.pid)",
      ], log: "strace.log")
    // Threads that are not attached yet go on for a moment.
    try laboratory.wait("strace has attached to nftbgpd") {
      if strace.hasEnded { throw Unexpected("strace has ended: \(strace.printed)") }
      return !Child.text("/proc/\(daemon.pid)/status").contains("TracerPid:\t0\n")
    }
    return strace
  }

  /// nftbgpctl with these words.
  func command(_ words: String...) -> [String] { [Laboratory.product("nftbgpctl"), "-s", socket] + words }

  /// Runs nftbgpctl.
  func control(_ words: String...) throws -> Laboratory.Outcome {
    try laboratory.run(Laboratory.product("nftbgpctl"), ["-s", socket] + words)
  }

  /// The prefixes that `show rib` lists with these filters.
  func routes(_ filters: String...) throws -> [String] {
    let outcome = try laboratory.run(
      Laboratory.product("nftbgpctl"), ["-s", socket, "--format", "list", "show", "rib"] + filters)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return outcome.output.split(separator: "\n").map(String.init)
  }

  /// Resident memory in KiB.
  func residentMemory() throws -> Int {
    let line = try #require(
      Child.text("/proc/\(daemon.pid)/status").split(separator: "\n").first { $0.hasPrefix("VmRSS") })
    return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
  }
}
