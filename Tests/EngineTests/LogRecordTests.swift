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
}
