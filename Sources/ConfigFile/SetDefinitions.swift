import BGPWire
import Primitives
import Tables

/// A `prefix-set` as defined.
struct PrefixSetDraft {
  var patterns: [PrefixPattern]
  /// Some element has a range of lengths of its own.
  var hasRanges: Bool
}

/// `prefix-set` and `as-set`: defined above the rules that use them, and expanded into these.
extension ConfigParser {
  mutating func prefixSetStatement() throws(Mistake) {
    advance()
    let name = try expectSetName("prefix-set", isKnown: { $0.prefixSets[$1] != nil })
    // Even a broken set is one that rules may name.
    prefixSets[name] = PrefixSetDraft(patterns: [], hasRanges: false)
    var set = PrefixSetDraft(patterns: [], hasRanges: false)
    try expectSetElements { parser throws(Mistake) in
      let prefix = try parser.expectPrefix()
      let position = parser.peek().position
      let lengths = try parser.acceptLengths(of: prefix.family, from: prefix.length)
      if let lengths, lengths.inverted {
        throw Mistake(position, "prefixlen with != or >< in a prefix-set, expected a range of lengths")
      }
      set.hasRanges = set.hasRanges || lengths != nil
      set.patterns.append(PrefixPattern(prefix, lengths: lengths ?? LengthRange(prefix.length...prefix.length)))
    }
    prefixSets[name] = set
  }

  mutating func asSetStatement() throws(Mistake) {
    advance()
    let name = try expectSetName("as-set", isKnown: { $0.asSets[$1] != nil })
    asSets[name] = []
    var numbers: [ASN] = []
    try expectSetElements { parser throws(Mistake) in
      numbers.append(try parser.expectASN("the as-set", anyNumber: true))
    }
    asSets[name] = numbers
  }

  private mutating func expectSetName(
    _ kind: String, isKnown: (ConfigParser, String) -> Bool
  ) throws(Mistake) -> String {
    let token = peek()
    let name = try expectText("the name of the \(kind)")
    guard !isKnown(self, name) else {
      throw Mistake(token.position, "\(kind) \"\(name)\" already exists, expected another name")
    }
    return name
  }

  /// `{` elements, perhaps none `}`.
  private mutating func expectSetElements(_ element: (inout ConfigParser) throws(Mistake) -> Void) throws(Mistake) {
    guard isSymbol("{") else { throw unexpected("'{'") }
    advance()
    skipNewlines()
    while !accept(symbol: "}") {
      try element(&self)
      skipNewlines()
      _ = accept(symbol: ",")
      skipNewlines()
    }
  }

  /// `NAME [or-longer]` in a rule.
  mutating func expectPrefixSet() throws(Mistake) -> [PrefixPattern] {
    let token = peek()
    let name = try expectText("the name of a prefix-set")
    guard let set = prefixSets[name] else {
      throw Mistake(token.position, "prefix-set \"\(name)\" not defined, expected one defined above")
    }
    let longer = peek()
    guard accept(word: "or-longer") else { return set.patterns }
    guard !set.hasRanges else {
      throw Mistake(
        longer.position,
        "prefix-set \"\(name)\" has ranges of prefix lengths of its own, expected no or-longer after it")
    }
    return set.patterns.map { PrefixPattern($0.prefix, lengths: LengthRange($0.prefix.length...$0.prefix.family.bits)) }
  }
}
