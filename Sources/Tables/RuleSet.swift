package import BGPWire
package import Primitives

/// The filter rules, ready to decide (bgpd.conf(5) FILTER): which routes are allowed and which table each fills.
///
/// All rules are tried in order. Each that matches applies its `set` list, whether or not its verdict is overridden later; the last
/// `allow` or `deny` that matches decides; `quick` ends the evaluation; the last `set pftable` wins, and counts only for a route that
/// is allowed in the end. Selectors are resolved for each peer once, and so are `neighbor-as` and `local-as`.
///
/// The result depends on the attributes alone unless a rule looks at the prefix, so a caller may keep it for each attribute set
/// wherever `dependsOnPrefix` is false.
package struct RuleSet: Sendable {
  /// What the rules need to know of a peer.
  package struct Peer: Hashable, Sendable {
    package var address: IPAddress
    package var group: String
    package var remoteAS: ASN
    package var localAS: ASN

    package init(address: IPAddress, group: String, remoteAS: ASN, localAS: ASN) {
      self.address = address
      self.group = group
      self.remoteAS = remoteAS
      self.localAS = localAS
    }
  }

  /// What the rules say of a route.
  package struct Decision: Hashable, Sendable {
    package var isAllowed: Bool
    /// Line of the rule that allowed or denied it; nil: none did, the default holds.
    package var decidingLine: Int?
    /// The table that it fills; at most one, empty for a route that is not allowed.
    package var tables: TableSet
    /// Line of the rule that named the table.
    package var tableLine = 0
    /// Whether that rule says itself which prefix lengths it is for: then the table's own do not count.
    package var namesLengths = false
  }

  package let tableNames: [String]
  private let defaultAction: FilterRule.Action
  private let rules: [FilterRule]

  /// - Parameter tableNames: each name that a rule's `set pftable` uses; at most 64.
  package init(rules: [FilterRule], defaultAction: FilterRule.Action, tableNames: [String]) {
    self.rules = rules.filter { $0.direction == .from }
    self.defaultAction = defaultAction
    self.tableNames = tableNames
  }

  /// The rules as they concern one peer.
  package func rules(for peer: Peer) -> PeerRules {
    PeerRules(
      rules: rules.filter { rule in rule.peers.contains { Self.selects($0, peer) } },
      peer: peer, defaultAction: defaultAction, tableNames: tableNames)
  }

  private static func selects(_ selector: PeerSelector, _ peer: Peer) -> Bool {
    switch selector {
    case .any: true
    case .ebgp: peer.remoteAS != peer.localAS
    case .ibgp: peer.remoteAS == peer.localAS
    case .address(let address): peer.address == address
    case .group(let name): peer.group == name
    case .remoteAS(let number): peer.remoteAS == number
    }
  }
}

/// The rules that concern one peer.
package struct PeerRules: Equatable, Sendable {
  private let rules: [FilterRule]
  private let peer: RuleSet.Peer
  private let defaultAction: FilterRule.Action
  private let tables: [String: TableID]
  /// Whether any rule looks at the prefix itself.
  package let dependsOnPrefix: Bool
  /// The tables that routes of the peer can fill.
  package let reachableTables: [TableID]

  init(rules: [FilterRule], peer: RuleSet.Peer, defaultAction: FilterRule.Action, tableNames: [String]) {
    self.rules = rules
    self.peer = peer
    self.defaultAction = defaultAction
    let tables = Dictionary(
      zip(tableNames, (0...63).map { TableID(index: $0) }), uniquingKeysWith: { first, _ in first })
    self.tables = tables
    let named = rules.flatMap(\.sets).compactMap { set -> TableID? in
      if case .pftable(let name) = set { tables[name] } else { nil }
    }
    reachableTables = Set(named).sorted()
    dependsOnPrefix = rules.contains { rule in
      rule.conditions.contains { condition in
        switch condition {
        case .family, .prefixes, .prefixLength: true
        case .community, .largeCommunity, .extendedCommunity, .asPath, .maximumASLength, .maximumASSequence,
          .maximumCommunities:
          false
        }
      }
    }
  }

  /// Decides over one route.
  package func decide(_ prefix: Prefix, _ attributes: PathAttributes) -> RuleSet.Decision {
    var communities = attributes.communities
    var largeCommunities = attributes.largeCommunities
    var action = defaultAction
    var decision = RuleSet.Decision(isAllowed: false, tables: .empty)
    for rule in rules {
      let matches = rule.conditions.allSatisfy {
        holds($0, prefix, attributes, communities, largeCommunities)
      }
      guard matches else { continue }
      for set in rule.sets {
        switch set {
        case .pftable(let name):
          guard let table = tables[name] else { continue }
          decision.tables = TableSet(table)
          decision.tableLine = rule.line
          decision.namesLengths = rule.namesLengths
        case .community(let pattern):
          if let community = pattern.community(peer), !communities.contains(community) { communities.append(community) }
        case .deleteCommunity(let pattern):
          communities.removeAll { pattern.matches($0, peer) }
        case .largeCommunity(let pattern):
          if let community = pattern.community(peer), !largeCommunities.contains(community) {
            largeCommunities.append(community)
          }
        case .deleteLargeCommunity(let pattern):
          largeCommunities.removeAll { pattern.matches($0, peer) }
        }
      }
      if rule.action != .match {
        action = rule.action
        decision.decidingLine = rule.line
      }
      if rule.quick { break }
    }
    decision.isAllowed = action == .allow
    if !decision.isAllowed { decision.tables = .empty }
    return decision
  }

  private func holds(
    _ condition: FilterCondition, _ prefix: Prefix, _ attributes: PathAttributes, _ communities: [Community],
    _ largeCommunities: [LargeCommunity]
  ) -> Bool {
    switch condition {
    case .community(let pattern): communities.contains { pattern.matches($0, peer) }
    case .largeCommunity(let pattern): largeCommunities.contains { pattern.matches($0, peer) }
    case .extendedCommunity(let community): attributes.extendedCommunities.contains(community)
    case .family(let family): prefix.family == family
    case .prefixes(let patterns): patterns.contains { $0.prefix.contains(prefix) && $0.lengths.contains(prefix.length) }
    case .prefixLength(let lengths): lengths.contains(prefix.length)
    case .asPath(let position, let patterns): holds(position, patterns, attributes.asPath)
    case .maximumASLength(let limit): attributes.asPath.numbers.count > limit
    case .maximumASSequence(let limit): attributes.asPath.longestRepetition > limit
    case .maximumCommunities(let limit): communities.count > limit
    }
  }

  private func holds(_ position: ASPathPosition, _ patterns: [ASNPattern], _ path: ASPath) -> Bool {
    let numbers = path.numbers
    let candidates: ArraySlice<ASN> =
      switch position {
      case .any: numbers[...]
      case .source: numbers.suffix(1)
      case .peer: numbers.prefix(1)
      case .transit: numbers.dropLast()
      }
    return candidates.contains { number in patterns.contains { $0.matches(number, peer) } }
  }
}

extension FilterRule {
  /// Whether the operator has said which prefix lengths it is for.
  fileprivate var namesLengths: Bool {
    conditions.contains { condition in
      switch condition {
      case .prefixes, .prefixLength: true
      case .community, .largeCommunity, .extendedCommunity, .family, .asPath, .maximumASLength, .maximumASSequence,
        .maximumCommunities:
        false
      }
    }
  }
}

extension ASPath {
  /// How often the AS number that is repeated most in a row stands there.
  fileprivate var longestRepetition: Int {
    var longest = 0
    var run = 0
    var previous: ASN?
    for number in numbers {
      run = number == previous ? run + 1 : 1
      previous = number
      longest = max(longest, run)
    }
    return longest
  }
}

extension ASNPattern {
  fileprivate func matches(_ number: ASN, _ peer: RuleSet.Peer) -> Bool {
    switch self {
    case .equal(let wanted): number == wanted
    case .notEqual(let unwanted): number != unwanted
    case .range(let range): range.contains(number.value)
    case .outside(let range): !range.contains(number.value)
    case .neighborAS: number == peer.remoteAS
    }
  }
}

extension CommunityField {
  /// The number that the field stands for; nil for `*`.
  fileprivate func number(_ peer: RuleSet.Peer) -> UInt32? {
    switch self {
    case .number(let value): value
    case .any: nil
    case .neighborAS: peer.remoteAS.value
    case .localAS: peer.localAS.value
    }
  }

  fileprivate func matches(_ value: UInt32, _ peer: RuleSet.Peer) -> Bool {
    number(peer).map { $0 == value } ?? true
  }
}

extension CommunityPattern {
  fileprivate func matches(_ community: Community, _ peer: RuleSet.Peer) -> Bool {
    global.matches(UInt32(community.global), peer) && local.matches(UInt32(community.local), peer)
  }

  /// The one community that the pattern stands for; nil with a wildcard or a number over two octets.
  fileprivate func community(_ peer: RuleSet.Peer) -> Community? {
    guard let global = global.number(peer).flatMap(UInt16.init(exactly:)),
      let local = local.number(peer).flatMap(UInt16.init(exactly:))
    else { return nil }
    return Community(global, local)
  }
}

extension LargeCommunityPattern {
  fileprivate func matches(_ community: LargeCommunity, _ peer: RuleSet.Peer) -> Bool {
    global.matches(community.global, peer) && data1.matches(community.data1, peer)
      && data2.matches(community.data2, peer)
  }

  fileprivate func community(_ peer: RuleSet.Peer) -> LargeCommunity? {
    guard let global = global.number(peer), let data1 = data1.number(peer), let data2 = data2.number(peer) else {
      return nil
    }
    return LargeCommunity(global, data1, data2)
  }
}
