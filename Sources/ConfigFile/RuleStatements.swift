import BGPWire
import Primitives
import Tables

/// `allow|deny|match [quick] [rib NAME] from|to PEER [conditions] [set …]`, in this order.
extension ConfigParser {
  mutating func ruleStatement() throws(Mistake) {
    let start = advance()
    let action: FilterRule.Action =
      switch start.text {
      case "allow": .allow
      case "deny": .deny
      default: .match
      }
    let isQuick = accept(word: "quick")
    let rib = peek()
    let hasRIB = accept(word: "rib")
    let names = hasRIB ? try expectList { parser throws(Mistake) in try parser.expectRIB() } : ["Loc-RIB"]
    let direction: FilterRule.Direction
    if accept(word: "from") {
      direction = .from
    } else if accept(word: "to") {
      direction = .to
    } else {
      throw unexpected(hasRIB ? "from" : "from or to")
    }
    guard !hasRIB || direction == .from else {
      throw Mistake(rib.position, "rib stands only in rules with from, expected none")
    }
    let peers = try expectList { parser throws(Mistake) in try parser.expectPeer() }
    var conditions = RuleConditions(isEvaluated: direction == .from)
    while !isWord("set") {
      if isSymbol("{") {
        try expectPaths(&conditions)
      } else if peek().kind == .word {
        try expectCondition(&conditions)
      } else {
        break
      }
    }
    let set = peek()
    var sets: [FilterSet] = []
    if accept(word: "set") {
      sets = try expectSets(of: set, isEvaluated: direction == .from)
    }
    guard peek().kind == .newline || peek().kind == .end else {
      throw unexpected(
        sets.isEmpty ? "a condition, set or end of line" : "end of line: a list of several stands in braces")
    }
    guard names.contains("Loc-RIB") else {
      return warn(rib.position, "the rule is ignored: it concerns another RIB than \"Loc-RIB\", and there is no other")
    }
    for list in conditions.expanded {
      rules.append(
        FilterRule(
          action: action, quick: isQuick, direction: direction, peers: peers, conditions: list, sets: sets,
          line: start.position.line))
      rulePositions.append(start.position)
    }
  }

  private mutating func expectRIB() throws(Mistake) -> String {
    let position = peek().position
    let name = try expectText("the name of a RIB")
    guard ribs.contains(name) else {
      throw Mistake(position, "rib \"\(name)\" does not exist, expected \"Loc-RIB\"")
    }
    return name
  }

  /// One of `any`, `ebgp`, `ibgp`, an address, `group NAME`, `AS NUMBER`.
  private mutating func expectPeer() throws(Mistake) -> PeerSelector {
    let token = peek()
    if token.kind == .word {
      switch token.text {
      case "any":
        advance()
        return .any
      case "ebgp":
        advance()
        return .ebgp
      case "ibgp":
        advance()
        return .ibgp
      case "AS":
        advance()
        return .remoteAS(try expectASN("from AS"))
      case "group":
        advance()
        let name = peek()
        let text = try expectText("the name of a group")
        if !groups.contains(where: { $0.name == text }) {
          unknownGroups.append((text, name.position))
        }
        return .group(text)
      default:
        break
      }
    }
    guard token.kind == .word || token.kind == .string, let address = IPAddress(token.text) else {
      throw unexpected("any, ebgp, ibgp, an address, group NAME or AS NUMBER")
    }
    advance()
    if peerLines[address] == nil, !peersUncertain {
      report(.error, token.position, "no such peer: \(address), expected the address of a neighbor above")
    }
    return .address(address)
  }

  // MARK: set

  /// What follows `set`, in braces or not: the elements with an effect.
  mutating func expectSets(of set: Token, isEvaluated: Bool = true) throws(Mistake) -> [FilterSet] {
    var withoutEffect: [String] = []
    var seen: Set<String> = []
    let elements = try expectList { parser throws(Mistake) -> FilterSet? in
      let word = parser.peek()
      let element = try parser.expectSet()
      guard element == nil || word.text == "pftable" else { return element }
      guard seen.insert(word.text).inserted || word.text == "ext-community" else {
        throw Mistake(word.position, "\(word.text) is set twice, expected it once")
      }
      if element == nil { withoutEffect.append(word.text) }
      return element
    }
    if isEvaluated, !withoutEffect.isEmpty {
      warn(
        set.position,
        "set \(withoutEffect.joined(separator: ", ")) has no effect: nothing that a table holds depends on it")
    }
    return elements.compactMap { $0 }
  }

  /// One element; nil when it has no effect here.
  private mutating func expectSet() throws(Mistake) -> FilterSet? {
    let token = peek()
    guard token.kind == .word else { throw unexpected("what to set") }
    switch token.text {
    case "pftable":
      advance()
      return .pftable(try expectTableName())
    case "community":
      advance()
      if accept(word: "delete") { return .deleteCommunity(try expectCommunity()) }
      return .community(try expectCommunity(wildcards: false))
    case "large-community":
      advance()
      if accept(word: "delete") { return .deleteLargeCommunity(try expectLargeCommunity()) }
      return .largeCommunity(try expectLargeCommunity(wildcards: false))
    case _ where Words.setsWithoutEffect.contains(token.text):
      advance()
      try skipSet(token.text)
      return nil
    default:
      throw unexpected("pftable, community, large-community or another attribute to set")
    }
  }

  /// The arguments of a `set` element that has no effect.
  private mutating func skipSet(_ word: String) throws(Mistake) {
    switch word {
    case "localpref", "med", "metric", "weight":
      if !accept(symbol: "+") { _ = accept(symbol: "-") }
      guard peek().kind == .number else { throw unexpected("a number for \(word)") }
      advance()
    case "prepend-self", "prepend-neighbor":
      let _: UInt8 = try expectNumber(word, 0...128)
    case "nexthop":
      let token = peek()
      if token.kind == .word, ["blackhole", "reject", "self", "no-modify"].contains(token.text) {
        advance()
      } else {
        _ = try expectAddress("nexthop")
      }
    case "origin":
      _ = try expectWord(["igp", "egp", "incomplete"])
    case "rtlabel":
      _ = try expectText("a label")
    case "ext-community":
      _ = accept(word: "delete")
      _ = try expectText("the type of an extended community")
      _ = try expectText("an extended community")
    default:
      break
    }
  }

  private mutating func expectTableName() throws(Mistake) -> String {
    let token = peek()
    let name = try expectText("the name of a table")
    let longestSuffix = NFTName.sets(of: "").map(\.utf8.count).max() ?? 0
    if let reason = NFTName.fault(of: name, maximum: NFTName.maximumLength - longestSuffix) {
      throw Mistake(token.position, "\(token) cannot name a table: \(reason)")
    }
    if !tables.contains(where: { $0.name == name }), tables.count <= Self.maximumTables {
      tables.append((name, token.position))
    }
    return name
  }

  /// Tables that one configuration may fill.
  static let maximumTables = 64
}
