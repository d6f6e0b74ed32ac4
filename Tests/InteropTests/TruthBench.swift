import Foundation
import Testing

/// Carries out plans with a real daemon, real servers and the kernel.
final class TruthBench {
  private let laboratory: Laboratory
  private var servers: [FeedServer?] = []
  private var nftbgpd: NftbgpdUnderTest
  private var strace: Child?
  private let addresses: [String]
  private(set) var tally = TruthTally()

  /// Long enough for several failures in a row, each of which doubles the pause before the next attempt.
  private static let patience = 30.0

  init(_ laboratory: Laboratory) throws {
    self.laboratory = laboratory
    addresses = (0..<TruthPlan.servers).map { "127.0.0.\($0 + 2)" }
    for address in addresses { servers.append(try FeedServer(laboratory, address: address, Feed())) }
    nftbgpd = try NftbgpdUnderTest(
      laboratory, NftbgpdUnderTest.configuration(neighbors: addresses) + NftbgpdUnderTest.shrinking)
    // So that a sequence that is tried again finds what it found when it was one of many.
    try nftbgpd.waitForLog("table complete", times: addresses.count)
  }

  /// - Throws: the seed, the steps up to the one that failed, and why it did.
  func run(_ plan: TruthPlan) throws {
    for (index, step) in plan.steps.enumerated() {
      do {
        for action in step.actions { try perform(action) }
      } catch {
        let steps = plan.steps[...index].map { "  \($0)\n" }.joined()
        throw Unexpected("seed \(plan.seed), after these steps:\n\(steps)\(error)")
      }
      tally.steps[step.kind, default: 0] += 1
    }
    tally.sequences += 1
  }

  private func perform(_ action: TruthStep.Action) throws {
    switch action {
    case .say(let server, let line): try servers[server]?.send(line)
    case .stop(let server):
      try servers[server]?.stop()
      servers[server] = nil
    case .die(let server):
      try servers[server]?.kill()
      servers[server] = nil
    case .start(let server, let feed):
      servers[server] = try FeedServer(laboratory, address: addresses[server], feed)
    case .restart:
      try requireAlive()
      try nftbgpd.terminateEarly()
      try startAgain()
    case .kill(let milliseconds):
      usleep(UInt32(milliseconds) * 1000)
      try requireAlive()
      try nftbgpd.kill()
      try startAgain()
    case .nft(let commands):
      tally.refused += try laboratory.run("nft", [commands]).status == 0 ? 0 : 1
    case .fail(let expression):
      strace = try nftbgpd.injectFaults(expression, into: "strace.out")
    case .endFailures: endFailures()
    case .pause(let milliseconds): usleep(UInt32(milliseconds) * 1000)
    case .check(let expected): try check(expected)
    }
  }

  private func startAgain() throws {
    nftbgpd = try NftbgpdUnderTest(
      laboratory, NftbgpdUnderTest.configuration(neighbors: addresses) + NftbgpdUnderTest.shrinking)
  }

  /// Nothing that happens to the sets ends the daemon, not while it starts either.
  private func requireAlive() throws {
    guard nftbgpd.hasEnded else { return }
    throw Unexpected("nftbgpd has ended with status \(try nftbgpd.wait())")
  }

  private func endFailures() {
    strace?.end()
    strace = nil
    tally.failures += Child.text(laboratory.path("strace.out")).split(separator: "\n").count { $0.contains("INJECTED") }
    try? FileManager.default.removeItem(atPath: laboratory.path("strace.out"))
  }

  private func check(_ expected: [String: Set<String>]) throws {
    let clock = ContinuousClock()
    let start = clock.now
    var difference = ""
    repeat {
      try requireAlive()
      var found = (try? Kernel.sets(laboratory)) ?? [:]
      for name in found.keys where expected[name] == nil && found[name]?.isEmpty == true {
        // Where the operator lets one set take everything, the other may be left from before, without an element.
        if name.hasSuffix("_net") { found[name] = nil }
      }
      if found == expected {
        tally.longestWait = max(tally.longestWait, clock.now - start)
        return
      }
      difference = Kernel.difference(found, expected)
      usleep(5000)
    } while clock.now - start < .seconds(Self.patience)
    throw Unexpected("after \(Self.patience) s: \(difference)")
  }
}

/// What has been done.
struct TruthTally {
  var sequences = 0
  var steps: [TruthStep.Kind: Int] = [:]
  var refused = 0
  var failures = 0
  /// Starts of the daemon that had to be repeated.
  var longestWait = Duration.zero

  static func += (left: inout TruthTally, right: TruthTally) {
    left.sequences += right.sequences
    left.steps.merge(right.steps, uniquingKeysWith: +)
    left.refused += right.refused
    left.failures += right.failures
    left.longestWait = max(left.longestWait, right.longestWait)
  }

  var description: String {
    let kinds = TruthStep.Kind.allCases.compactMap { kind in steps[kind].map { "\($0) \(kind.rawValue)" } }
    let total = steps.values.reduce(0, +)
    return
      "\(sequences) sequences, \(total) steps (\(kinds.joined(separator: ", "))), \(failures) system calls failed, "
      + "\(refused) commands of nft refused, the longest wait \(longestWait)"
  }
}
