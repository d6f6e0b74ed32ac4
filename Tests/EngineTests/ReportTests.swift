import BGPWire
import ConfigFile
import Control
import Engine
import Export
import Primitives
import Tables
import TestSupport
import Testing

@Suite("What the daemon tells")
struct ReportTests {
  private static func rows(_ lab: inout Laboratory, _ query: RIBQuery) -> [String] {
    var paths: [UInt32: PathReport] = [:]
    var rows: [String] = []
    for reply in lab.replies(.showRIB(query)) {
      switch reply {
      case .path(let path): paths[path.number] = path
      case .routes(let routes):
        for route in routes {
          let peer = paths[route.path].map { "\($0.neighborAddress)" } ?? "?"
          rows.append(
            "\(route.isValid ? "*" : "")\(route.isBest ? ">" : "")\(route.isStale ? "S" : "") \(route.prefix) \(peer)")
        }
      case .neighbor, .table, .role, .prefixes, .why, .refused, .conflicts, .metrics, .failure, .end: break
      }
    }
    return rows
  }

  private static func twoPeers() -> Laboratory {
    var lab = Laboratory(Laboratory.configuration(peers: 2) { $0.neighbors[1].description = "eu" })
    for index in 0..<2 {
      lab.up(index)
      lab.announce(index, ["192.0.2.1", "198.51.100.0/24"], 666)
    }
    lab.announce(0, ["192.0.2.2", "2001:db8::25"], 42, 7)
    return lab
  }

  @Test("show rib lists every path sorted by prefix, the best path of each prefix first")
  func showRIB() {
    var lab = Self.twoPeers()
    #expect(
      Self.rows(&lab, RIBQuery()) == [
        "*> 192.0.2.1/32 127.0.0.2", "* 192.0.2.1/32 127.0.0.3", "*> 192.0.2.2/32 127.0.0.2",
        "*> 198.51.100.0/24 127.0.0.2",
        "* 198.51.100.0/24 127.0.0.3", "*> 2001:db8::25/128 127.0.0.2",
      ])
  }

  @Test("What has changed since show rib was asked is not in its answer, whenever that is worked out")
  func snapshot() {
    var lab = Self.twoPeers()
    let expected = lab.replies(.showRIB(RIBQuery()))
    let late = lab.engine.answer(.showRIB(RIBQuery()), at: lab.now)
    var early = late
    early.prepare()
    for index in 0..<2 { lab.withdraw(index, "192.0.2.1", "198.51.100.0/24") }
    lab.announce(0, ["203.0.113.1"], 42)
    for answer in [early, late] {
      var answer = answer
      var replies: [ControlReply] = []
      while let reply = answer.next() { replies.append(reply) }
      #expect(replies == expected)
    }
  }

  @Test("Filters of show rib must all hold")
  func filters() throws {
    var lab = Self.twoPeers()
    let community = { RIBQuery.CommunityFilter(global: 65066, local: $0) }
    #expect(Self.rows(&lab, RIBQuery(community: community(42))).count == 2)
    #expect(Self.rows(&lab, RIBQuery(community: community(42), family: .ipv6)).count == 1)
    #expect(Self.rows(&lab, RIBQuery(community: .init(global: nil, local: 7))).count == 2)
    #expect(Self.rows(&lab, RIBQuery(community: community(666), neighbor: .description("eu"))).count == 2)
    #expect(Self.rows(&lab, RIBQuery(community: community(666), selectedOnly: true)).count == 2)
    #expect(Self.rows(&lab, RIBQuery(sourceAS: 1)).isEmpty)
    #expect(Self.rows(&lab, RIBQuery(peerAS: 65066)).count == 6)
    let address = try #require(IPAddress("198.51.100.77"))
    #expect(
      Self.rows(&lab, RIBQuery(prefix: .longestMatch(address))) == [
        "*> 198.51.100.0/24 127.0.0.2", "* 198.51.100.0/24 127.0.0.3",
      ])
    let net = try #require(Prefix("192.0.2.0/24"))
    #expect(Self.rows(&lab, RIBQuery(prefix: .all(net))).count == 3)
    #expect(Self.rows(&lab, RIBQuery(prefix: .exact(net))).isEmpty)
    let host = try #require(Prefix("198.51.100.1/32"))
    #expect(Self.rows(&lab, RIBQuery(prefix: .orShorter(host))).count == 2)
  }

  @Test("Routes that the rules deny are in Adj-RIB-In alone")
  func denied() {
    var lab = Laboratory(Laboratory.configuration(peers: 1) { $0.defaultAction = .deny })
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    #expect(Self.rows(&lab, RIBQuery()).isEmpty)
    #expect(Self.rows(&lab, RIBQuery(adjRIBIn: true)) == [" 192.0.2.1/32 127.0.0.2"])
    #expect(lab.kernel.table("black").isEmpty)
  }

  @Test("Stale routes are marked")
  func stale() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.close(0)
    #expect(Self.rows(&lab, RIBQuery()) == ["*>S 192.0.2.1/32 127.0.0.2"])
    let tables = lab.replies(.showTables).compactMap { if case .table(let table) = $0 { table } else { nil } }
    #expect(tables.first { $0.name == "black" && $0.family == .ipv4 }?.stale == 1)
  }

  @Test("show tables counts prefixes, wanted elements and what the kernel acknowledged")
  func showTables() {
    var lab = Laboratory(Laboratory.configuration(peers: 1))
    lab.up(0)
    lab.announce(0, ["192.0.2.1", "10.0.0.0/8", "10.1.0.0/16"], 666)
    let tables = lab.replies(.showTables).compactMap { if case .table(let table) = $0 { table } else { nil } }
    let black = tables.first { $0.name == "black" && $0.family == .ipv4 }
    #expect(black?.prefixes == 3)
    #expect(black?.wanted == 2)
    #expect(black?.inKernel == 2)
    #expect(black?.sets == ["black", "black_net"])
    #expect(tables.count == 4)
  }

  @Test("Hosts with equal tables show equal hashes, whatever each of them protects")
  func hashes() {
    let hashes = { (prefixes: [String], never: String) in
      let configuration = Laboratory.configuration(peers: 1) { configuration in
        Prefix(never).map { configuration.never = [$0] }
      }
      var lab = Laboratory(configuration)
      lab.up(0)
      for prefix in prefixes { lab.announce(0, [prefix], 666) }
      return lab.replies(.showTables).compactMap { if case .table(let table) = $0 { table.hash } else { nil } }
    }
    let prefixes = ["45.0.2.0/24", "45.0.3.1", "2a00:db8::25"]
    let shown = hashes(prefixes, "45.0.2.7")
    #expect(shown.count == 4)
    #expect(hashes(prefixes.reversed(), "45.0.3.1") == shown)
    #expect(hashes(prefixes.dropLast(), "45.0.2.7") != shown)
  }

  @Test("An unknown neighbor and an unknown table are failures")
  func unknown() {
    var lab = Self.twoPeers()
    #expect(lab.replies(.showNeighbor(.description("us"))) == [.failure("no such neighbor: us")])
    #expect(lab.replies(.export(table: "grey")) == [.failure("no such table: grey (tables: bypass, black)")])
    #expect(lab.replies(.showRIB(RIBQuery(neighbor: .group("x")))) == [.failure("no neighbor in group x")])
  }

  @Test("A table is exported only once some neighbor has completed its own")
  func export() throws {
    var lab = Self.twoPeers()
    guard case .failure = lab.replies(.export(table: "black")).first else { return #expect(Bool(false)) }
    lab.endOfRIB(1)
    let expected = PrefixList(["192.0.2.1/32", "198.51.100.0/24"].compactMap { Prefix($0) })
    #expect(lab.replies(.export(table: "black")) == [.role(.black), .prefixes(expected), .end])
  }

  @Test("Export files are written after the first complete table, once for a burst of changes")
  func exportFiles() {
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.exports = [ExportFile(table: "black", path: "/nowhere", format: .spamd, allowEmpty: false)]
      })
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.advance(.seconds(5))
    #expect(lab.exports.isEmpty)
    lab.endOfRIB(0)
    lab.advance(.seconds(1))
    #expect(lab.exports.map(\.prefixes.count) == [1])
    for index in 2..<20 { lab.announce(0, ["192.0.2.\(index)"], 666) }
    lab.advance(.seconds(1))
    #expect(lab.exports.map(\.prefixes.count) == [1, 19])
    lab.announce(0, ["192.0.2.99"], 42)
    lab.advance(.seconds(1))
    #expect(lab.exports.count == 2)
    lab.receive(0, .update(UpdateMessage(withdrawn: PrefixList((1..<20).compactMap { Prefix("192.0.2.\($0)") }))))
    lab.advance(.seconds(1))
    #expect(lab.exports.count == 2, "an empty table must not empty the file")
    #expect(lab.log.contains { $0.contains("stays as it was (allow-empty") })
  }

  @Test("A neighbor's report follows its session")
  func neighbor() {
    var lab = Self.twoPeers()
    lab.advance(.seconds(10))
    guard case .neighbor(let report) = lab.replies(.showNeighbor(.description("eu"))).first else {
      return #expect(Bool(false))
    }
    #expect(report.state == .established)
    #expect(report.lastUpDown == 10)
    #expect(report.bgpID == IPv4Address(0x7F00_0003))
    #expect(report.statistics.prefixes == 2)
    #expect(report.session?.holdTime == 90)
    #expect(report.session?.negotiated.multiprotocol == [.ipv4, .ipv6])
    #expect(report.timers.map(\.name) == ["KeepaliveTimer", "HoldTimer"])
  }
}
