import BGPWire
import Primitives
import Tables
import Testing

@Suite("Filter rules (bgpd.conf(5) FILTER)")
struct RuleSetTests {
  private static let peer = RuleSet.Peer(
    address: .v4(IPv4Address(0x7F00_0002)), group: "spam-bgp", remoteAS: ASN(65066), localAS: ASN(65500))
  private static let bypass = FilterRule(
    action: .match, peers: [.group("spam-bgp")],
    conditions: [.community(CommunityPattern(.number(65066), .number(42)))],
    sets: [.pftable("bypass")], line: 18)
  private static let black = FilterRule(
    action: .match, peers: [.group("spam-bgp")],
    conditions: [.community(CommunityPattern(.number(65066), .number(666)))],
    sets: [.pftable("black")], line: 19)

  private static func decide(
    _ rules: [FilterRule], defaultAction: FilterRule.Action = .allow, prefix: String = "192.0.2.1",
    path: [UInt32] = [65066],
    _ communities: Community...
  ) throws -> (isAllowed: Bool, tables: [String]) {
    let names = ["bypass", "black"]
    let rules = RuleSet(rules: rules, defaultAction: defaultAction, tableNames: names).rules(for: peer)
    var attributes = PathAttributes()
    attributes.communities = communities
    attributes.asPath = ASPath(sequence: path.map(ASN.init))
    let decision = rules.decide(try #require(Prefix(prefix)), attributes)
    return (decision.isAllowed, decision.tables.map { names[Int($0.index)] })
  }

  private static let white = Community(65066, 42)
  private static let trapped = Community(65066, 666)

  @Test("The published rules put each community into its table")
  func published() throws {
    #expect(try Self.decide([Self.bypass, Self.black], Self.white).tables == ["bypass"])
    #expect(try Self.decide([Self.bypass, Self.black], Self.trapped).tables == ["black"])
    #expect(try Self.decide([Self.bypass, Self.black], Community(65066, 1)).tables == [])
  }

  @Test("A route with both communities goes where the last matching rule says")
  func lastTableWins() throws {
    #expect(try Self.decide([Self.bypass, Self.black], Self.white, Self.trapped).tables == ["black"])
    #expect(try Self.decide([Self.black, Self.bypass], Self.white, Self.trapped).tables == ["bypass"])
  }

  @Test("A denied route fills no table, even where a match rule names one")
  func deniedFillsNothing() throws {
    let result = try Self.decide([Self.bypass, Self.black], defaultAction: .deny, Self.trapped)
    #expect(!result.isAllowed)
    #expect(result.tables == [])
  }

  @Test("The last allow or deny decides, quick ends the evaluation, and set lists of overridden rules still apply")
  func lastMatch() throws {
    let deny = FilterRule(action: .deny)
    let allow = FilterRule(action: .allow)
    let quickDeny = FilterRule(action: .deny, quick: true)
    var denyBlack = Self.black
    denyBlack.action = .deny
    #expect(try Self.decide([deny, allow], Self.trapped).isAllowed)
    #expect(try !Self.decide([allow, deny], Self.trapped).isAllowed)
    #expect(try !Self.decide([quickDeny, allow], Self.trapped).isAllowed)
    #expect(try Self.decide([denyBlack, allow], Self.trapped).tables == ["black"])
    #expect(try Self.decide([allow, Self.black, quickDeny], Self.trapped).tables == [])
  }

  @Test("Rules with `to` are never evaluated")
  func outbound() throws {
    #expect(try Self.decide([FilterRule(action: .deny, direction: .to)], Self.trapped).isAllowed)
  }

  @Test(
    "A rule concerns the peers that it selects",
    arguments: [
      (PeerSelector.any, true), (.ebgp, true), (.ibgp, false), (.group("spam-bgp"), true), (.group("other"), false),
      (.remoteAS(ASN(65066)), true), (.remoteAS(ASN(1)), false), (.address(.v4(IPv4Address(0x7F00_0002))), true),
      (.address(.v4(IPv4Address(0x7F00_0003))), false),
    ])
  func selectors(selector: PeerSelector, isConcerned: Bool) throws {
    let rule = FilterRule(action: .deny, peers: [selector])
    #expect(try Self.decide([rule], Self.trapped).isAllowed != isConcerned)
  }

  @Test(
    "Community patterns know wildcards, neighbor-as and local-as",
    arguments: [
      (CommunityPattern(.any, .number(666)), true), (CommunityPattern(.number(65066), .any), true),
      (CommunityPattern(.any, .any), true),
      (CommunityPattern(.neighborAS, .number(666)), true), (CommunityPattern(.localAS, .number(666)), false),
      (CommunityPattern(.number(65066), .number(42)), false),
    ])
  func communityPatterns(pattern: CommunityPattern, matches: Bool) throws {
    #expect(
      try !Self.decide([FilterRule(action: .deny, conditions: [.community(pattern)])], Self.trapped).isAllowed
        == matches)
  }

  @Test(
    "What a community says about passing a route on does not hide it from the tables (RFC 1997, RFC 7999 §3.2)",
    arguments: Community.wellKnown.map(\.community))
  func wellKnownCommunities(community: Community) throws {
    #expect(try Self.decide([Self.bypass, Self.black], community, Self.trapped).tables == ["black"])
  }

  @Test("The well-known communities have the numbers of the registry (RFC 1997, RFC 7999 §5)")
  func wellKnownNumbers() {
    let numbers = Dictionary(uniqueKeysWithValues: Community.wellKnown.map { ($0.name, $0.community.value) })
    #expect(numbers["NO_EXPORT"] == 0xFFFF_FF01)
    #expect(numbers["NO_ADVERTISE"] == 0xFFFF_FF02)
    #expect(numbers["NO_EXPORT_SUBCONFED"] == 0xFFFF_FF03)
    #expect(numbers["BLACKHOLE"] == 0xFFFF_029A)
  }

  @Test(
    "A large community is matched in all its three parts (RFC 8092)",
    arguments: [
      (LargeCommunityPattern(.number(65066), .number(666), .number(1)), true),
      (LargeCommunityPattern(.neighborAS, .number(666), .any), true),
      (LargeCommunityPattern(.any, .any, .any), true),
      (LargeCommunityPattern(.number(65067), .number(666), .number(1)), false),
      (LargeCommunityPattern(.number(65066), .number(42), .number(1)), false),
      (LargeCommunityPattern(.number(65066), .number(666), .number(2)), false),
    ])
  func largeCommunities(pattern: LargeCommunityPattern, matches: Bool) throws {
    var attributes = PathAttributes()
    attributes.largeCommunities = [LargeCommunity(1, 2, 3), LargeCommunity(65066, 666, 1)]
    #expect(try Self.isDenied(.largeCommunity(pattern), attributes) == matches)
  }

  @Test("An extended community is matched as a whole, with its type (RFC 4360)")
  func extendedCommunities() throws {
    let target = ExtendedCommunity(0x0002_FE2A_0000_0005)
    let origin = ExtendedCommunity(0x0003_FE2A_0000_0005)
    var attributes = PathAttributes()
    attributes.extendedCommunities = [ExtendedCommunity(1), target]
    #expect(try Self.isDenied(.extendedCommunity(target), attributes))
    #expect(try !Self.isDenied(.extendedCommunity(origin), attributes))
  }

  private static func isDenied(_ condition: FilterCondition, _ attributes: PathAttributes) throws -> Bool {
    let rules = RuleSet(
      rules: [FilterRule(action: .deny, conditions: [condition])], defaultAction: .allow, tableNames: []
    ).rules(for: peer)
    return !rules.decide(try #require(Prefix("192.0.2.1")), attributes).isAllowed
  }

  @Test(
    "All conditions must hold, and each looks where it says",
    arguments: [
      (FilterCondition.family(.ipv4), true), (.family(.ipv6), false), (.prefixLength(LengthRange(25...32)), true),
      (.prefixLength(LengthRange(32...32, inverted: true)), false), (.asPath(.source, [.equal(ASN(64513))]), true),
      (.asPath(.peer, [.equal(ASN(65066))]), true), (.asPath(.transit, [.equal(ASN(64513))]), false),
      (.asPath(.any, [.range(64512...64520)]), true), (.asPath(.any, [.neighborAS]), true),
      (.asPath(.source, [.notEqual(ASN(64513))]), false),
      (.asPath(.source, [.outside(64512...64520)]), false), (.maximumASLength(1), true), (.maximumASLength(2), false),
      (.maximumASSequence(1), false), (.maximumCommunities(0), true), (.maximumCommunities(1), false),
      (.largeCommunity(LargeCommunityPattern(.any, .any, .any)), false),
    ])
  func conditions(condition: FilterCondition, holds: Bool) throws {
    let result = try Self.decide(
      [FilterRule(action: .deny, conditions: [.community(CommunityPattern(.any, .any)), condition])],
      path: [65066, 64513], Self.trapped)
    #expect(!result.isAllowed == holds)
  }

  @Test("Prefix patterns cover their own lengths only")
  func prefixPatterns() throws {
    let net = try #require(Prefix("192.0.2.0/24"))
    let exact = FilterRule(action: .deny, conditions: [.prefixes([PrefixPattern(net, lengths: LengthRange(24...24))])])
    let longer = FilterRule(action: .deny, conditions: [.prefixes([PrefixPattern(net, lengths: LengthRange(24...32))])])
    #expect(try Self.decide([exact], Self.trapped).isAllowed)
    #expect(try !Self.decide([longer], Self.trapped).isAllowed)
    #expect(try !Self.decide([exact], prefix: "192.0.2.0/24", Self.trapped).isAllowed)
    #expect(try Self.decide([longer], prefix: "198.51.100.1", Self.trapped).isAllowed)
  }

  @Test("Communities that a rule sets or deletes are what later rules see")
  func setCommunity() throws {
    let tag = FilterRule(action: .match, sets: [.community(CommunityPattern(.number(65066), .number(666)))])
    let untag = FilterRule(action: .match, sets: [.deleteCommunity(CommunityPattern(.number(65066), .any))])
    #expect(try Self.decide([tag, Self.black]).tables == ["black"])
    #expect(try Self.decide([untag, Self.black], Self.trapped).tables == [])
    #expect(try Self.decide([Self.black, untag], Self.trapped).tables == ["black"])
  }

  @Test("Only rules that look at the prefix make the decision depend on it")
  func dependence() {
    let plain = RuleSet(rules: [Self.black], defaultAction: .allow, tableNames: ["black"]).rules(for: Self.peer)
    let family = RuleSet(
      rules: [FilterRule(action: .deny, conditions: [.family(.ipv6)])], defaultAction: .allow, tableNames: [])
    #expect(!plain.dependsOnPrefix)
    #expect(family.rules(for: Self.peer).dependsOnPrefix)
  }
}
