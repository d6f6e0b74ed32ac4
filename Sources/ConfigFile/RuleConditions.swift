import BGPWire
import Primitives
import Tables

/// The conditions of one rule while it is read.
struct RuleConditions {
  /// False for a rule with `to`: what nftbgpd cannot evaluate does no harm in it.
  var isEvaluated: Bool
  private(set) var list: [FilterCondition] = []
  /// `{ AS 1, source-as 2 }`: any of these.
  private(set) var paths: [FilterCondition] = []
  private var pathIndex = 0
  private var seen: Set<String> = []
  fileprivate var communities = 0

  init(isEvaluated: Bool) {
    self.isEvaluated = isEvaluated
  }

  mutating func append(_ condition: FilterCondition) {
    list.append(condition)
  }

  fileprivate mutating func append(paths: [FilterCondition]) {
    self.paths = paths
    pathIndex = list.count
  }

  /// Whether this is the first condition of its kind.
  fileprivate mutating func isFirst(_ kind: String) -> Bool {
    seen.insert(kind).inserted
  }

  /// A list of conditions for each rule that the statement stands for, as bgpd expands it.
  var expanded: [[FilterCondition]] {
    guard !paths.isEmpty else { return [list] }
    return paths.map { list[..<pathIndex] + [$0] + list[pathIndex...] }
  }
}

extension ConfigParser {
  /// One condition of a rule.
  mutating func expectCondition(_ conditions: inout RuleConditions) throws(Mistake) {
    let token = peek()
    switch token.text {
    case "inet", "inet6", "IPv4", "IPv6":
      try expectFirst("prefix", of: &conditions)
      let family: AddressFamily = token.text.hasSuffix("6") ? .ipv6 : .ipv4
      conditions.append(.family(family))
      if let lengths = try acceptLengths(of: family, from: 0) { conditions.append(.prefixLength(lengths)) }
    case "prefix":
      try expectFirst("prefix", of: &conditions)
      conditions.append(.prefixes(try expectList { parser throws(Mistake) in try parser.expectPrefixPattern() }))
    case "prefix-set":
      try expectFirst("prefix", of: &conditions)
      conditions.append(.prefixes(try expectPrefixSet()))
    case "AS", "source-as", "peer-as", "transit-as":
      guard conditions.isFirst("AS") else {
        throw unexpected("one AS filter in a rule, in braces if there are several")
      }
      conditions.append(paths: [try expectPath()])
    case "max-as-len":
      try expectFirst("AS length", of: &conditions)
      conditions.append(.maximumASLength(Int(try expectNumber(token.text, 0...UInt32.max))))
    case "max-as-seq":
      try expectFirst("AS length", of: &conditions)
      conditions.append(.maximumASSequence(Int(try expectNumber(token.text, 0...UInt32.max))))
    case "max-communities":
      try expectFirst(token.text, of: &conditions)
      conditions.append(.maximumCommunities(Int(try expectNumber(token.text, 0...UInt32.max))))
    case "community":
      try expectCommunityWord(&conditions)
      conditions.append(.community(try expectCommunity()))
    case "large-community":
      try expectCommunityWord(&conditions)
      conditions.append(.largeCommunity(try expectLargeCommunity()))
    case "ext-community":
      try expectCommunityWord(&conditions)
      try expectExtendedCommunityCondition(&conditions, token)
    case "nexthop", "ovs", "avs", "origin-set", "roa-set", "aspa-set", "max-large-communities", "max-ext-communities":
      try refusedCondition(token, conditions)
    case "quick", "rib":
      throw Mistake(token.position, "\(token) stands after from, expected it before")
    case "prefixlen", "or-longer", "maxlen":
      throw Mistake(token.position, "\(token) stands alone, expected inet, inet6 or a prefix directly before it")
    default:
      throw unexpected("a condition, set or end of line")
    }
  }

  /// Braces around AS filters of several positions: `{ AS 1, source-as 2 }`.
  mutating func expectPaths(_ conditions: inout RuleConditions) throws(Mistake) {
    guard conditions.isFirst("AS") else { throw unexpected("one AS filter in a rule") }
    conditions.append(paths: try expectList { parser throws(Mistake) in try parser.expectPath() })
  }

  private mutating func expectFirst(_ kind: String, of conditions: inout RuleConditions) throws(Mistake) {
    guard conditions.isFirst(kind) else { throw unexpected("one \(kind) condition in a rule") }
    advance()
  }

  private mutating func expectCommunityWord(_ conditions: inout RuleConditions) throws(Mistake) {
    conditions.communities += 1
    guard conditions.communities <= 3 else { throw unexpected("at most three communities in a rule") }
    advance()
    guard !isSymbol("{") else { throw unexpected("one community; several to choose from stand in rules of their own") }
  }

  /// A condition that cannot be evaluated: to ignore it would let the rule match more than it says.
  private mutating func refusedCondition(_ token: Token, _ conditions: RuleConditions) throws(Mistake) {
    guard !conditions.isEvaluated else {
      let reason =
        switch token.text {
        case "nexthop": "NEXT_HOP is never used"
        case "ovs", "origin-set", "roa-set": "origins are not validated"
        case "avs", "aspa-set": "paths are not validated"
        default: "only max-communities is counted"
        }
      throw Mistake(token.position, "\(token.text) in a rule: \(reason), expected a condition that can be evaluated")
    }
    advance()
    guard [.word, .string, .number].contains(peek().kind) else {
      throw unexpected("what \(token.text) is compared with")
    }
    advance()
    warn(token.position, "\(token.text) is ignored: rules with to are never evaluated")
  }

  private mutating func expectExtendedCommunityCondition(
    _ conditions: inout RuleConditions, _ token: Token
  ) throws(Mistake) {
    if let community = try expectExtendedCommunity(isEvaluated: conditions.isEvaluated) {
      conditions.append(.extendedCommunity(community))
    } else {
      warn(token.position, "ext-community is ignored: rules with to are never evaluated")
    }
  }

  // MARK: Prefixes

  private mutating func expectPrefixPattern() throws(Mistake) -> PrefixPattern {
    let prefix = try expectPrefix()
    let lengths = try acceptLengths(of: prefix.family, from: prefix.length)
    return PrefixPattern(prefix, lengths: lengths ?? LengthRange(prefix.length...prefix.length))
  }

  /// `or-longer`, `maxlen N` or `prefixlen …`, if one is there.
  ///
  /// - Parameter length: the length of the prefix that the range belongs to; no length in it may be shorter.
  mutating func acceptLengths(of family: AddressFamily, from length: UInt8) throws(Mistake) -> LengthRange? {
    let token = peek()
    guard token.kind == .word else { return nil }
    switch token.text {
    case "or-longer":
      advance()
      return LengthRange(length...family.bits)
    case "maxlen":
      advance()
      return LengthRange(length...(try expectNumber("maxlen of a \(family) /\(length)", length...family.bits)))
    case "prefixlen":
      advance()
      return try expectLengths(length...family.bits, "prefixlen of \(family)")
    default:
      return nil
    }
  }

  private mutating func expectLengths(_ all: ClosedRange<UInt8>, _ what: String) throws(Mistake) -> LengthRange {
    splitRange()
    let token = peek()
    guard token.kind == .symbol else {
      let first: UInt8 = try expectNumber(what, all)
      let outside = try expectRangeSymbol()
      let last: UInt8 = try expectNumber(what, all)
      guard first <= last else {
        throw Mistake(token.position, "prefixlen \(first) is more than \(last), expected the shorter first")
      }
      return LengthRange(first...last, inverted: outside)
    }
    guard ["=", "!=", "<", "<=", ">", ">="].contains(token.text) else {
      throw unexpected("=, !=, <, <=, >, >= or a number")
    }
    advance()
    let number = peek()
    let length: UInt8 = try expectNumber(what, all)
    switch token.text {
    case "=": return LengthRange(length...length)
    case "!=": return LengthRange(length...length, inverted: true)
    case "<=": return LengthRange(all.lowerBound...length)
    case ">=": return LengthRange(length...all.upperBound)
    case "<" where length > all.lowerBound: return LengthRange(all.lowerBound...length - 1)
    case ">" where length < all.upperBound: return LengthRange(length + 1...all.upperBound)
    default:
      throw Mistake(
        number.position,
        "no prefix length is \(token.text) \(length), expected \(all.lowerBound) to \(all.upperBound) to leave some")
    }
  }

  /// `-` (false) or `><` (true).
  private mutating func expectRangeSymbol() throws(Mistake) -> Bool {
    if accept(symbol: "-") { return false }
    guard accept(symbol: "><") else { throw unexpected("'-' or '><' and the end of the range") }
    return true
  }

  /// `8-12`, as the manual of bgpd.conf(5) has it and bgpd does not read it, is taken for `8 - 12`.
  private mutating func splitRange() {
    let token = peek()
    guard token.kind == .word else { return }
    let parts = token.text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = parts.first, let last = parts.last, UInt64(decimal: first) != nil,
      UInt64(decimal: last) != nil
    else { return }
    lookahead.removeFirst()
    let tokens: [(Token.Kind, Substring)] = [(.number, first), (.symbol, "-"), (.number, last)]
    lookahead.insert(
      contentsOf: tokens.map { Token(kind: $0.0, text: String($0.1), position: token.position) }, at: 0)
  }

  // MARK: AS numbers

  /// `AS|source-as|peer-as|transit-as` with one pattern, several in braces, or an as-set.
  private mutating func expectPath() throws(Mistake) -> FilterCondition {
    let position: ASPathPosition =
      switch try expectWord(["AS", "source-as", "peer-as", "transit-as"]) {
      case "source-as": .source
      case "peer-as": .peer
      case "transit-as": .transit
      default: .any
      }
    guard accept(word: "as-set") else {
      return .asPath(position, try expectList { parser throws(Mistake) in try parser.expectASNPattern() })
    }
    let token = peek()
    let name = try expectText("the name of an as-set")
    guard let set = asSets[name] else {
      throw Mistake(token.position, "as-set \"\(name)\" not defined, expected one defined above")
    }
    return .asPath(position, set.map(ASNPattern.equal))
  }

  private mutating func expectASNPattern() throws(Mistake) -> ASNPattern {
    if accept(word: "neighbor-as") { return .neighborAS }
    guard !isWord("local-as") else { throw unexpected("the AS number itself") }
    if accept(symbol: "=") { return .equal(try expectASN("the filter", anyNumber: true)) }
    if accept(symbol: "!=") { return .notEqual(try expectASN("the filter", anyNumber: true)) }
    splitRange()
    let token = peek()
    let first = try expectASN("the filter", anyNumber: true)
    guard isSymbol("-") || isSymbol("><") else { return .equal(first) }
    let outside = try expectRangeSymbol()
    let last = try expectASN("the filter", anyNumber: true)
    guard first < last else {
      throw Mistake(token.position, "AS \(first) is not less than \(last), expected the lower first")
    }
    return outside ? .outside(first.value...last.value) : .range(first.value...last.value)
  }
}
