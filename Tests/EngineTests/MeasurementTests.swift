import BGPWire
import ConfigFile
import Control
import Engine
import Export
import Metrics
import Primitives
import Tables
import TestSupport
import Testing

@Suite("What the engine counts")
struct MeasurementTests {
  private static func metrics(_ lab: Laboratory) -> MetricsReport { lab.engine.metrics(at: lab.now, clockOrigin: 0) }

  private static func black(_ report: MetricsReport) -> MetricsReport.Table? {
    report.tables.first { $0.name == "black" && $0.family == .ipv4 }
  }

  @Test("A neighbor's metrics follow its session: up, complete, lost")
  func session() throws {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    #expect(Self.metrics(lab).neighbors.first?.established == nil)
    lab.advance(.seconds(3))
    lab.up(0)
    let up = lab.now
    lab.announce(0, ["192.0.2.1", "2001:db8::25"], 666)
    var peer = try #require(Self.metrics(lab).neighbors.first)
    #expect(peer.state == .established && peer.established == up && !peer.isSynchronized)
    #expect(peer.ipv4Prefixes == 1 && peer.ipv6Prefixes == 1 && peer.counters.lastUpdate == up)
    lab.advance(.seconds(10))
    lab.endOfRIB(0)
    lab.advance(.seconds(10))
    #expect(Self.metrics(lab).neighbors.first?.isSynchronized == true)
    #expect(Self.metrics(lab).feedConfirmed == lab.now)
    let lost = lab.now
    lab.close(0)
    lab.advance(.seconds(100))
    peer = try #require(Self.metrics(lab).neighbors.first)
    #expect(peer.established == nil && !peer.isSynchronized && peer.stalePrefixes == 2)
    #expect(Self.metrics(lab).feedConfirmed == lost)
  }

  @Test("Routes that guards keep out are counted by the reason, each time")
  func refused() {
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.neighbors[0].allowsMartians = false
        $0.neighbors[0].maxPrefix = 3
        $0.tables = []
      })
    lab.up(0)
    for _ in 0..<2 {
      lab.announce(0, ["45.0.0.0/7", "10.0.0.1", "45.0.2.1"], 666)
      lab.withdraw(0, "44.0.0.0/7", "10.0.0.1")
    }
    lab.announce(0, ["45.0.2.2", "45.0.2.3", "45.0.2.4", "45.0.2.5"], 666)
    let counters = Self.metrics(lab).neighbors.first?.counters
    #expect(counters?.refusedForLength == 2 && counters?.refusedAsReserved == 2 && counters?.overLimit == 2)
  }

  @Test("A commit is owed from the decision on, until the kernel has acknowledged it")
  func lag() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    #expect(Self.metrics(lab).syncLag == .zero)
    let before = Self.metrics(lab).counters.commits.counts
    lab.holdsCommits = true
    lab.announce(0, ["192.0.2.1"], 666)
    lab.advance(.seconds(2))
    // What comes meanwhile waits for less long.
    lab.announce(0, ["192.0.2.2"], 666)
    lab.advance(.seconds(1))
    #expect(Self.metrics(lab).syncLag == .seconds(3))
    #expect(Self.black(Self.metrics(lab))?.wanted == 2 && Self.black(Self.metrics(lab))?.inKernel == 0)
    lab.commitTime = .milliseconds(3)
    lab.releaseCommits()
    #expect(Self.metrics(lab).syncLag == .seconds(1))
    lab.releaseCommits()
    #expect(Self.metrics(lab).syncLag == .zero)
    let after = Self.metrics(lab).counters.commits.counts
    #expect(zip(after, before).map { $0 - $1 } == [0, 2] + [UInt64](repeating: 0, count: 8))
    #expect(Self.black(Self.metrics(lab))?.inKernel == 2)
  }

  @Test("Failed commits are counted, and the kernel is owed what they were to bring until one succeeds")
  func failures() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.commitFailure = "no"
    lab.announce(0, ["192.0.2.1"], 666)
    lab.advance(.seconds(10))
    var report = Self.metrics(lab)
    #expect(report.isSyncFailing && report.counters.failedCommits >= 2 && report.syncLag == .seconds(10))
    lab.commitFailure = nil
    lab.advance(.seconds(60))
    report = Self.metrics(lab)
    #expect(!report.isSyncFailing && report.syncLag == .zero && Self.black(report)?.inKernel == 1)
    #expect(report.counters.externalChanges == 0)
    lab.foreignChange = "table was changed by another program"
    lab.advance(.seconds(2))
    #expect(Self.metrics(lab).counters.externalChanges == 1)
  }

  @Test("A KEEPALIVE is as late as the clock says")
  func keepalive() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.advance(.seconds(60))
    let lateness = Self.metrics(lab).counters.keepaliveLateness
    #expect(lateness.counts[0] > 0 && lateness.sum == .zero)
    // The loop was busy for half a minute.
    lab.now = lab.now + .seconds(30)
    lab.engine.advance(to: lab.now)
    let late = Self.metrics(lab).counters.keepaliveLateness
    #expect(late.counts[0] == lateness.counts[0] && late.sum > .zero)
  }

  @Test("An export file is outdated from the first change on, until it is written")
  func exports() {
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.exports = [ExportFile(table: "black", path: "/nowhere", format: .spamd, allowEmpty: false)]
      })
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    #expect(Self.metrics(lab).exports.first?.isOutdated == true)
    lab.endOfRIB(0)
    lab.advance(.seconds(1))
    let export = Self.metrics(lab).exports.first
    #expect(export?.isOutdated == false && export?.counters.entries == 1 && export?.counters.lastWritten != nil)
    lab.exportError = SystemError(call: "open", errorNumber: 13, explanation: "denied")
    lab.announce(0, ["192.0.2.2"], 666)
    lab.advance(.seconds(1))
    #expect(Self.metrics(lab).exports.first?.isOutdated == true)
    #expect(Self.metrics(lab).exports.first?.counters.failures == 1)
  }
}
