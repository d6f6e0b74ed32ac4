import Primitives
import Testing

@testable import Engine

@Suite("What is written of the log")
struct LogDigestTests {
  private func commit(_ added: Int, _ removed: Int = 0, _ name: String = "black") -> LogRecord {
    LogRecord(KernelChanges([.init(name: name, added: added, removed: removed)], in: .milliseconds(20)))
  }

  private func instant(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  @Test("The first of many commits is written at once, the others become a line with sums each second")
  func commits() {
    var digest = LogDigest()
    #expect(digest.take(commit(3), at: instant(0)).message == "+3 -0 black in 20 ms")
    for number in 1...9 {
      let name = number == 9 ? "bypass" : "black"
      #expect(digest.take(commit(100, number, name), at: instant(number * 100)).level == .debug)
    }
    #expect(digest.nextDeadline == instant(1000))
    #expect(digest.advance(to: instant(999)).isEmpty)
    let lines = digest.advance(to: instant(1000))
    #expect(lines.map(\.message) == ["+800 -36 black, +100 -9 bypass in 180 ms, 9 commits"])
    #expect(lines.first?.sets == ["black", "bypass"] && lines.first?.kind == .committed)
    // A second without any ends it.
    #expect(digest.advance(to: instant(2000)).isEmpty)
    #expect(digest.nextDeadline == nil)
    #expect(digest.take(commit(1), at: instant(2100)).level == .info)
  }

  @Test("A complaint that is repeated is counted for a minute, and one about something else is not held up")
  func complaints() {
    var digest = LogDigest()
    let complaint = LogRecord(.error, "no room", kind: .kernelFailed, sets: ["black"])
    #expect(digest.take(complaint, at: instant(0)) == complaint)
    for second in 1...5 { #expect(digest.take(complaint, at: instant(second * 1000)).level == .debug) }
    let other = LogRecord(.error, "no room", kind: .kernelFailed, sets: ["bypass"])
    #expect(digest.take(other, at: instant(6000)) == other)
    #expect(digest.advance(to: instant(60_000)).map(\.message) == ["no room (5 more times within 60 s)"])
    // The other one has had its minute without another word.
    #expect(digest.advance(to: instant(66_000)).isEmpty)
    #expect(digest.take(complaint, at: instant(67_000)).level == .debug)
    #expect(digest.advance(to: instant(120_000)).map(\.message) == ["no room (once more within 60 s)"])
    #expect(digest.advance(to: instant(180_000)).isEmpty)
    #expect(digest.nextDeadline == nil)
    #expect(digest.take(complaint, at: instant(181_000)) == complaint)
  }

  @Test(
    "What happens in a session is written each time, and so is what nobody complains about",
    arguments: [
      LogRecord(.warning, "received notification: Cease", kind: .notification),
      LogRecord(.notice, "state change Idle -> Connect", kind: .sessionChanged), LogRecord(.info, "no kind"),
    ])
  func events(record: LogRecord) {
    var digest = LogDigest()
    for second in 0..<3 { #expect(digest.take(record, at: instant(second * 1000)) == record) }
    #expect(digest.nextDeadline == nil)
  }

  @Test("At the end nothing is left out")
  func end() {
    var digest = LogDigest()
    let complaint = LogRecord(.warning, "repairing", kind: .foreignChange)
    for _ in 0..<3 {
      _ = digest.take(commit(1), at: instant(0))
      _ = digest.take(complaint, at: instant(0))
    }
    #expect(
      digest.finish().map(\.message) == ["+2 -0 black in 40 ms, 2 commits", "repairing (2 more times within 60 s)"])
    #expect(digest.finish().isEmpty)
  }

  @Test("More different complaints than are remembered are written each time")
  func many() {
    var digest = LogDigest()
    for number in 0..<LogDigest.mostComplaints { _ = digest.take(LogRecord(.error, "\(number)"), at: instant(0)) }
    for _ in 0..<2 { #expect(digest.take(LogRecord(.error, "one more"), at: instant(1)).level == .error) }
    #expect(digest.take(LogRecord(.error, "0"), at: instant(1)).level == .debug)
  }
}
