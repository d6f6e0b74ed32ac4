import BGPWire
import ConfigFile
import Primitives
import Tables
import Testing

@Suite("The client configurations published for bgp-spamd")
struct PublishedFileTests {
  static let spelling = "warning: announce none is a deprecated spelling, expected export none"
  static let open =
    "warning: no inbound allow or deny rule: routes are allowed, as before OpenBSD 6.4; "
    + "write \"allow from any\" above the rules to say so"
  static let empty =
    "warning: group \"spamd-bgp\" has no neighbors: are they commented out? Rules that name it match nothing"

  @Test(
    "load, with exactly these warnings",
    arguments: [
      ("v1.conf", ["8:1: \(empty)", "11:2: \(spelling)", "20:1: \(open)"]),
      ("v1-uncommented.conf", ["11:2: \(spelling)", "20:1: \(open)"]),
      ("v2.conf", ["12:5: \(spelling)", "17:1: \(open)"]),
      ("v3.conf", ["9:2: \(spelling)", "22:1: \(open)"]),
      ("v3a.conf", ["10:1: \(open)"]),
      ("v4.conf", ["21:1: \(open)"]),
      ("v5.conf", []),
    ])
  func warnings(_ name: String, _ expected: [String]) {
    let result = Fixtures.parse(name)
    #expect(result.configuration != nil)
    #expect(result.diagnostics.map(\.description) == expected.map { "\(name):\($0)" })
  }

  static let us = "64.142.121.62"
  static let eu = "217.31.80.170"
  static let eu6 = "2a00:15a8:0:100:0:d91f:50aa:1"

  private static func expected(
    _ localAS: UInt16, _ group: String, _ neighbors: [String], _ tables: [(local: UInt32, name: String)]
  ) throws -> Configuration {
    var configuration = Configuration(localAS: ASN(UInt32(localAS)), twoOctetAS: localAS)
    for text in neighbors {
      var neighbor = Neighbor(address: try #require(IPAddress(text)), remoteAS: ASN(65066))
      neighbor.group = group
      neighbor.multihop = 64
      configuration.neighbors.append(neighbor)
    }
    configuration.rules = tables.map { local, name in
      FilterRule(
        action: .match, peers: [.group(group)],
        conditions: [.community(CommunityPattern(.number(65066), .number(local)))], sets: [.pftable(name)])
    }
    configuration.defaultAction = .allow
    return configuration
  }

  @Test("V1 as shipped has no neighbor, and its rule is there")
  func v1() throws {
    let expected = try Self.expected(65001, "spamd-bgp", [], [(42, "bgp-spamd-bypass")])
    #expect(Fixtures.parse("v1.conf").configuration?.withoutLines == expected)
  }

  @Test("V1 with a neighbor uncommented")
  func v1Uncommented() throws {
    let expected = try Self.expected(65001, "spamd-bgp", [Self.us], [(42, "bgp-spamd-bypass")])
    #expect(Fixtures.parse("v1-uncommented.conf").configuration?.withoutLines == expected)
  }

  @Test("V2 fills two tables")
  func v2() throws {
    let expected = try Self.expected(
      65500, "spam-bgp", [Self.us, Self.eu], [(42, "bgp_spamd_bypass"), (666, "bgp_spamd")])
    let configuration = Fixtures.parse("v2.conf").configuration
    #expect(configuration?.withoutLines == expected)
    #expect(configuration?.tableNames == ["bgp_spamd_bypass", "bgp_spamd"])
    #expect(configuration?.rules.map(\.line) == [17, 18])
    #expect(configuration?.neighbors.map(\.line) == [13, 14])
  }

  @Test("V3 has an IPv6 neighbor", arguments: ["v3.conf", "v4.conf"])
  func v3(_ name: String) throws {
    let expected = try Self.expected(65001, "spamd-bgp", [Self.us, Self.eu, Self.eu6], [(42, "bgp-spamd-bypass")])
    #expect(Fixtures.parse(name).configuration?.withoutLines == expected)
  }

  @Test("V3a, the template with one neighbor")
  func v3a() throws {
    let expected = try Self.expected(65042, "spamd-bgp", [Self.us], [(42, "spamd-white")])
    #expect(Fixtures.parse("v3a.conf").configuration?.withoutLines == expected)
  }

  @Test("V5 denies by default and says what it allows")
  func v5() throws {
    var expected = try Self.expected(65001, "spamd-bgp", [Self.us, Self.eu], [(42, "bgp-spamd-bypass")])
    expected.rules =
      [
        FilterRule(action: .deny, direction: .to), FilterRule(action: .deny),
        FilterRule(action: .allow, peers: [.group("spamd-bgp")]),
      ] + expected.rules
    expected.defaultAction = .deny
    #expect(Fixtures.parse("v5.conf").configuration?.withoutLines == expected)
  }

  @Test("The example that is installed loads without an error, its group still empty")
  func example() throws {
    let result = Fixtures.parse("../../../Conf/nftbgpd.conf")
    #expect(result.errors == [])
    #expect(result.warnings.count == 1)
    #expect(result.warnings.first?.contains("has no neighbors") == true)
  }
}
