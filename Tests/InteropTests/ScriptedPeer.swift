import Foundation
import Testing

/// One of the programs in Tests/Fixtures/peers, which behave as no good BGP speaker or client does.
final class ScriptedPeer {
  private let laboratory: Laboratory
  private let child: Child

  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/peers").path

  /// - Parameters:
  ///   - script: without `.py`.
  ///   - log: of a name of its own where a test starts a script twice.
  init(_ laboratory: Laboratory, _ script: String, _ arguments: [String], log: String? = nil) throws {
    self.laboratory = laboratory
    child = try laboratory.start(
      "python3", ["-B", "\(Self.directory)/\(script).py"] + arguments, log: log ?? "\(script).log")
  }

  /// A peer with a table of the hosts that `Feed.hosts` numbers, ten of them with each attribute set and one in each UPDATE.
  ///
  /// - Parameter options: `--octets` or `--deaf`.
  convenience init(
    _ laboratory: Laboratory, load routes: Int, address: String = "127.0.0.2", holdTime: Int, _ options: String...
  ) throws {
    try self.init(laboratory, "load", options + [address, "\(holdTime)", "\(routes)", "10"])
    try waitFor("listening", seconds: 120)
  }

  var lines: [String] { child.printed.split(separator: "\n").map(String.init) }

  func send(_ line: String) throws { try child.send(line) }

  func end() { child.end() }

  /// Waits for lines that begin with these words, and gives the last of them.
  @discardableResult
  func waitFor(
    _ words: String, times: Int = 1, seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    var found: [String] = []
    try laboratory.wait(
      "the script says '\(words)' \(times) times", seconds: seconds, sourceLocation: sourceLocation
    ) {
      found = lines.filter { $0.hasPrefix(words) }
      if found.count < times, child.hasEnded { throw Unexpected("the script has ended: \(child.printed)") }
      return found.count >= times
    }
    return found.last ?? ""
  }

  /// Gives a command and waits for what is said when it has been carried out.
  @discardableResult
  func tell(_ command: String, until words: String, seconds: Double = 60) throws -> String {
    let before = lines.count { $0.hasPrefix(words) }
    try send(command)
    return try waitFor(words, times: before + 1, seconds: seconds)
  }

  /// What it has heard on its session.
  struct Hearing {
    /// `up`, or how many sessions are.
    let state: String
    let keepalives: Int
    /// The longest time between two KEEPALIVEs, in seconds.
    let gap: Double
  }

  /// Also works while it is being sent to.
  func report() throws -> Hearing {
    let words = try tell("report", until: "report").split(separator: " ")
    guard words.count == 6, let keepalives = Int(words[3]), let gap = Double(words[5]) else {
      throw Unexpected("a report '\(words)'")
    }
    return Hearing(state: String(words[1]), keepalives: keepalives, gap: gap)
  }
}

extension NftbgpdUnderTest {
  /// One of the figures of proc_pid_status(5), in MiB.
  func memory(_ figure: String) throws -> Int {
    let line = try #require(
      Child.text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix(figure + ":") })
    return try #require(line.split { $0 == " " || $0 == "\t" }.compactMap { Int($0) }.first) / 1024
  }

  /// Seconds of processor time so far.
  func processorTime() throws -> Double {
    let text = Child.text("/proc/\(pid)/stat")
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
      throw Unexpected("/proc/\(pid)/stat: \(text)")
    }
    return (user + system) / 100
  }

  /// Elements of the black IPv4 sets as it counts them.
  func elementsInKernel() throws -> Int? {
    let output = try control("-j", "show", "tables").output
    let object = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
    let row = (object?["tables"] as? [[String: Any]])?.first {
      $0["table"] as? String == "bgp_spamd" && $0["family"] as? String == "IPv4"
    }
    return row?["kernel"] as? Int
  }

  /// Its open descriptors.
  func descriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
  }

  /// Waits while asking for the summary and the tables all the time.
  ///
  /// - Returns: how long the slowest answer took.
  func waitAsking(
    _ laboratory: Laboratory, _ what: String, seconds: Double, until condition: () throws -> Bool
  ) throws -> Duration {
    var slowest = Duration.zero
    let clock = ContinuousClock()
    try laboratory.wait(what, seconds: seconds) {
      for ask in [{ try self.control("show") }, { try self.control("show", "tables") }] {
        let start = clock.now
        let outcome = try ask()
        try #require(outcome.status == 0, "\(outcome.errors)")
        slowest = max(slowest, clock.now - start)
      }
      return try condition()
    }
    return slowest
  }
}
