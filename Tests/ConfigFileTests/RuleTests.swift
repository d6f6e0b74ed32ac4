import BGPWire
import ConfigFile
import Primitives
import Tables
import Testing

@Suite("What rules mean")
struct RuleTests {
  private func rules(_ text: String) throws -> [FilterRule] {
    let result = parse(
      """
      AS 65001
      prefix-set plain { 192.0.2.0/24, 2001:db8::/32 }
      prefix-set ranges {
      	192.0.2.0/24 prefixlen 25 - 32
      	198.51.100/24 maxlen 28
      }
      prefix-set none { }
      as-set feeds { 64512, 64513 }
      rde rib other
      group "feed" {
      	remote-as 65066
      	neighbor 192.0.2.1
      }
      \(text)

      """)
    let configuration = try #require(result.configuration, "\(result.diagnostics)")
    return configuration.withoutLines.rules
  }

  private func conditions(_ text: String) throws -> [FilterCondition] {
    try #require(try rules("allow from any \(text)").first).conditions
  }

  private func pattern(_ prefix: String, _ lengths: ClosedRange<UInt8>, inverted: Bool = false) throws -> PrefixPattern
  {
    PrefixPattern(try #require(Prefix(prefix)), lengths: LengthRange(lengths, inverted: inverted))
  }

  @Test("Peers, one or several")
  func peers() throws {
    let address = try #require(IPAddress("192.0.2.1"))
    let rule = try #require(
      try rules("deny quick from { any, ebgp ibgp\n192.0.2.1, group feed AS 65066 }").first)
    #expect(rule.action == .deny && rule.quick && rule.direction == .from)
    #expect(rule.peers == [.any, .ebgp, .ibgp, .address(address), .group("feed"), .remoteAS(ASN(65066))])
  }

  @Test("Communities, all of which must be there")
  func communities() throws {
    #expect(
      try conditions("community 65066:* large-community neighbor-as:local-as:7 community no_export") == [
        .community(CommunityPattern(.number(65066), .any)),
        .largeCommunity(LargeCommunityPattern(.neighborAS, .localAS, .number(7))),
        .community(CommunityPattern(.number(65535), .number(0xFF01))),
      ])
  }

  @Test(
    "Extended communities by the type that their spelling chooses",
    arguments: [
      ("rt 65066:70000", 0x0002_FE2A_0001_1170), ("soo 65066:1", 0x0003_FE2A_0000_0001),
      ("rt 70000:5", 0x0202_0001_1170_0005), ("rt 0.5:6", 0x0202_0000_0005_0006),
      ("soo 192.0.2.1:5", 0x0103_C000_0201_0005),
    ] as [(String, UInt64)])
  func extendedCommunities(_ text: String, _ value: UInt64) throws {
    #expect(try conditions("ext-community \(text)") == [.extendedCommunity(ExtendedCommunity(value))])
  }

  @Test("Prefix lengths of a prefix")
  func prefixes() throws {
    let expected: [(String, PrefixPattern)] = [
      ("192.0.2.1/24", try pattern("192.0.2.0/24", 24...24)),
      ("10/8 or-longer", try pattern("10.0.0.0/8", 8...32)),
      ("192.0.2.0/24 maxlen 28", try pattern("192.0.2.0/24", 24...28)),
      ("192.0.2.0/24 prefixlen >= 25", try pattern("192.0.2.0/24", 25...32)),
      ("192.0.2.0/24 prefixlen > 25", try pattern("192.0.2.0/24", 26...32)),
      ("192.0.2.0/24 prefixlen <= 25", try pattern("192.0.2.0/24", 24...25)),
      ("192.0.2.0/24 prefixlen < 25", try pattern("192.0.2.0/24", 24...24)),
      ("192.0.2.0/24 prefixlen = 32", try pattern("192.0.2.0/24", 32...32)),
      ("192.0.2.0/24 prefixlen != 32", try pattern("192.0.2.0/24", 32...32, inverted: true)),
      ("192.0.2.0/24 prefixlen 25 - 30", try pattern("192.0.2.0/24", 25...30)),
      ("192.0.2.0/24 prefixlen 25-30", try pattern("192.0.2.0/24", 25...30)),
      ("192.0.2.0/24 prefixlen 25 >< 30", try pattern("192.0.2.0/24", 25...30, inverted: true)),
      ("2001:db8::/32 prefixlen = 128", try pattern("2001:db8::/32", 128...128)),
    ]
    for (text, pattern) in expected {
      #expect(try conditions("prefix \(text)") == [.prefixes([pattern])], "\(text)")
    }
    #expect(try conditions("prefix { \(expected.map(\.0).joined(separator: ", ")) }") == [.prefixes(expected.map(\.1))])
    #expect(try conditions("prefix { { 10.0.0.0/8 } { 11.0.0.0/8 12.0.0.0/8 } }").count == 1)
  }

  @Test("A family alone, and with lengths")
  func families() throws {
    #expect(try conditions("inet") == [.family(.ipv4)])
    #expect(try conditions("inet6 prefixlen >= 64") == [.family(.ipv6), .prefixLength(LengthRange(64...128))])
    #expect(try conditions("inet maxlen 24") == [.family(.ipv4), .prefixLength(LengthRange(0...24))])
  }

  @Test("Sets are expanded into the rule")
  func sets() throws {
    #expect(
      try conditions("prefix-set plain") == [
        .prefixes([try pattern("192.0.2.0/24", 24...24), try pattern("2001:db8::/32", 32...32)])
      ])
    #expect(
      try conditions("prefix-set plain or-longer") == [
        .prefixes([try pattern("192.0.2.0/24", 24...32), try pattern("2001:db8::/32", 32...128)])
      ])
    #expect(
      try conditions("prefix-set ranges") == [
        .prefixes([try pattern("192.0.2.0/24", 25...32), try pattern("198.51.100.0/24", 24...28)])
      ])
    #expect(try conditions("prefix-set none") == [.prefixes([])])
    #expect(
      try conditions("source-as as-set feeds") == [.asPath(.source, [.equal(ASN(64512)), .equal(ASN(64513))])])
  }

  @Test("AS numbers")
  func numbers() throws {
    #expect(
      try conditions("AS { 1, != 2 = 3, 4 - 5, 6-7, 8 >< 9 neighbor-as }") == [
        .asPath(
          .any,
          [
            .equal(ASN(1)), .notEqual(ASN(2)), .equal(ASN(3)), .range(4...5), .range(6...7), .outside(8...9),
            .neighborAS,
          ])
      ])
    #expect(try conditions("max-as-len 5") == [.maximumASLength(5)])
    #expect(try conditions("max-as-seq 5") == [.maximumASSequence(5)])
    #expect(try conditions("max-communities 5") == [.maximumCommunities(5)])
  }

  @Test("AS filters of several positions are as many rules, as bgpd expands them")
  func positions() throws {
    let rules = try rules("deny from any community 1:2 { AS 1, source-as { 2, 3 } } inet")
    #expect(rules.count == 2)
    #expect(
      rules.map(\.conditions) == [
        [.community(CommunityPattern(.number(1), .number(2))), .asPath(.any, [.equal(ASN(1))]), .family(.ipv4)],
        [
          .community(CommunityPattern(.number(1), .number(2))), .asPath(.source, [.equal(ASN(2)), .equal(ASN(3))]),
          .family(.ipv4),
        ],
      ])
  }

  @Test("What a rule sets")
  func setLists() throws {
    let rule = try #require(
      try rules(
        "match from any set { pftable t, med +5 community delete *:42\nlarge-community 1:2:3 weight -7 nexthop self }"
      ).first)
    #expect(
      rule.sets == [
        .pftable("t"), .deleteCommunity(CommunityPattern(.any, .number(42))),
        .largeCommunity(LargeCommunityPattern(.number(1), .number(2), .number(3))),
      ])
  }

  @Test("Rules of other RIBs are left out, those of the Loc-RIB are not")
  func ribs() throws {
    #expect(try rules("allow rib other from any\nallow rib { other, Loc-RIB } from any").count == 1)
  }

  @Test("Rules with to are kept, with all that cannot be evaluated left out")
  func outbound() throws {
    let rules = try rules("allow to any nexthop 192.0.2.1 ovs valid ext-community * * community 1:2\ndeny to any")
    #expect(rules.map(\.direction) == [.to, .to])
    #expect(rules.first?.conditions == [.community(CommunityPattern(.number(1), .number(2)))])
  }

  @Test("The default is to deny where any inbound rule decides, and to allow where none does")
  func defaultAction() {
    let frame = "AS 1\nneighbor 192.0.2.1 { remote-as 2 }\n"
    let match = "match from any set pftable t\n"
    #expect(parse(frame + match).configuration?.defaultAction == .allow)
    #expect(parse(frame + match + "deny to any\nallow to any\n").configuration?.defaultAction == .allow)
    #expect(parse(frame + match + "allow from ibgp\n").configuration?.defaultAction == .deny)
    #expect(parse(frame + "deny quick from ibgp\n" + match).configuration?.defaultAction == .deny)
  }
}
