import Engine
import Foundation
import Logging
import Primitives
import SystemPackage
import TestSupport
import Testing

@testable import nftbgpd

@Suite("The log")
struct DaemonLogTests {
  private static let journal = FileManager.default.temporaryDirectory.appendingPathComponent("nftbgpd-journal").path

  private let receiver: DatagramReceiver

  init() throws {
    receiver = try DatagramReceiver(Self.journal + "-\(UInt32.random(in: .min ... .max))")
  }

  /// A log whose standard error, as far as it knows, leads to the journal.
  private func log(isVerbose: Bool = false) throws -> DaemonLog {
    let stream = try #require(DaemonLog.identity(of: .standardError))
    return DaemonLog(
      isVerbose: isVerbose, environment: ["JOURNAL_STREAM": stream], hasPrefixes: true, journal: receiver.name)
  }

  private func logger(_ log: DaemonLog) -> Logger { Logger(label: "test") { _ in DaemonLogHandler(log: log) } }

  private func entry() throws -> [String] {
    let datagram = try #require(receiver.next(within: 5))
    return String(decoding: datagram, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test("An entry of the journal says what it is about, in fields")
  func fields() throws {
    let peer = try #require(IPAddress("192.0.2.1"))
    try logger(log()).log(
      LogRecord(.warning, "neighbor 192.0.2.1: words", peer: peer, kind: .refused, sets: ["black", "black_net"]))
    #expect(
      try entry() == [
        "PRIORITY=4", "SYSLOG_FACILITY=3", "SYSLOG_IDENTIFIER=nftbgpd", "MESSAGE=neighbor 192.0.2.1: words",
        "BGP_PEER=192.0.2.1", "MESSAGE_ID=\(LogRecord.Kind.refused.rawValue)", "NFT_SET=black", "NFT_SET=black_net",
      ])
  }

  @Test("A value with a line feed is sent with its length, so that nobody can add fields")
  func lineFeed() throws {
    try logger(log()).notice("one\nPRIORITY=0")
    let datagram = try #require(receiver.next(within: 5))
    let expected = Array("MESSAGE\n".utf8) + [14, 0, 0, 0, 0, 0, 0, 0] + Array("one\nPRIORITY=0\n".utf8)
    #expect(Array(datagram.suffix(expected.count)) == expected)
  }

  @Test("A message that is too long for a datagram comes in numbered parts, and no character is cut")
  func parts() throws {
    let message = String(repeating: "0123456789ü", count: 12_000)
    try logger(log()).notice("\(message)")
    var received = ""
    for number in 1...3 {
      let line = try #require(try entry().last)
      #expect(line.utf8.count < JournalSocket.longestMessage + 32)
      let start = "MESSAGE=[\(number) of 3] "
      try #require(line.hasPrefix(start))
      received += line.dropFirst(start.count)
    }
    #expect(received == message)
  }

  @Test("A journal that takes nothing is not waited for again and again, and is told how much it has missed")
  func stuck() throws {
    var sent = 0
    // Until its queue is full, and a few more.
    let socket = try JournalSocket(receiver.name)
    for number in 0..<2000 {
      sent += 1
      #expect(socket.write(.info, "line \(number)", []))
    }
    var lines: [String] = []
    while let datagram = receiver.next(within: 0) { lines.append(String(decoding: datagram, as: UTF8.self)) }
    try #require(lines.count < sent, "the queue was never full")
    #expect(socket.write(.info, "it goes on", []))
    #expect(try entry().last == "MESSAGE=\(sent - lines.count) lines are missing: the journal did not take them")
    #expect(try entry().last == "MESSAGE=it goes on")
  }

  @Test("Where JOURNAL_STREAM names another stream, or there is no journal, the log is not the journal's")
  func otherStream() throws {
    let other = DaemonLog(
      isVerbose: false, environment: ["JOURNAL_STREAM": "1:2"], hasPrefixes: true, journal: receiver.name)
    logger(other).notice("to standard error, in a test")
    #expect(receiver.next(within: 0.1) == nil)
    #expect(try JournalSocket(Self.journal + "-absent").write(.info, "nobody is there", []) == false)
  }

  @Test("The level changes for all loggers, while they are used")
  func level() throws {
    let log = try log()
    let (first, second) = (logger(log), logger(log))
    first.debug("not yet")
    log.level = .debug
    second.debug("now")
    #expect(try entry().last == "MESSAGE=now")
    log.level = .info
    first.debug("no more")
    first.info("end")
    #expect(try entry().last == "MESSAGE=end")
  }

  @Test("The manual lists the MESSAGE_ID of every kind of line, each once")
  func manual() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("Conf/man/nftbgpd.8"), encoding: .utf8)
    let listed = page.matches(of: /\n\.It Li ([0-9a-f]{32})/).map { String($0.output.1) }
    #expect(listed.sorted() == LogRecord.Kind.allCases.map(\.rawValue).sorted())
  }
}
