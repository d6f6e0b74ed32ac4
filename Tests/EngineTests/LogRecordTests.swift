import Control
import Engine
import Primitives
import Testing

@Suite("What the log is given")
struct LogRecordTests {
  @Test("Lines say what they are about: kind, neighbor and table")
  func fields() throws {
    var lab = Laboratory(Laboratory.configuration(peers: 2))
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "198.51.100.0/24"], 666)
    lab.announce(0, ["0.0.0.0/0"], 666)
    let peer = IPAddress("127.0.0.2")
    let established = try #require(lab.records.first { $0.message.contains("-> Established") })
    #expect(established.kind == .sessionChanged && established.peer == peer && established.sets.isEmpty)
    #expect(lab.records.contains { $0.level == .debug && $0.message.contains("received OPEN: AS 65066, hold time ") })
    let committed = try #require(lab.records.first { $0.kind == .committed })
    #expect(committed.message.hasPrefix("+2 -0 black in ") && committed.sets == ["black"] && committed.peer == nil)
    let refused = try #require(lab.records.first { $0.kind == .refused })
    #expect(refused.peer == peer && refused.sets == ["black"] && refused.message.contains("0.0.0.0/0"))
  }

  @Test("No two kinds have the same number")
  func kinds() {
    #expect(Set(LogRecord.Kind.allCases.map(\.rawValue)).count == LogRecord.Kind.allCases.count)
    for kind in LogRecord.Kind.allCases { #expect(kind.rawValue.wholeMatch(of: /[0-9a-f]{32}/) != nil) }
  }

  @Test("log verbose and log brief change what is logged")
  func verbosity() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    #expect(!lab.isVerbose)
    #expect(lab.carryOut(.log(verbose: true)) == .end)
    #expect(lab.isVerbose)
    #expect(lab.carryOut(.log(verbose: false)) == .end)
    #expect(!lab.isVerbose)
  }

  @Test("The summary counts the neighbors that are up, and the prefixes of each table with commas")
  func summary() {
    var lab = Laboratory(Laboratory.configuration(peers: 3))
    lab.up(0)
    lab.up(1)
    #expect(lab.engine.summary == "2/3 neighbors up, 0 prefixes in bypass, 0 in black")
    lab.announce(0, (0..<1204).map { "45.\($0 >> 8).\($0 & 255).1" }, 666)
    lab.announce(1, ["198.51.100.0/24", "45.0.0.1"], 666)
    #expect(lab.engine.summary == "2/3 neighbors up, 0 prefixes in bypass, 1,205 in black")
    _ = lab.carryOut(.neighbor(.address(IPAddress("127.0.0.4") ?? .v4(IPv4Address(0))), .down(flush: false, "")))
    #expect(lab.engine.summary == "2/2 neighbors up, 0 prefixes in bypass, 1,205 in black")
  }
}
