import BGPWire
import Primitives
import Tables

/// A `table` block while the rest of the file is read.
struct TableDraft {
  var options: TableOptions
  var position: Position
  /// Where `mark` stands.
  var mark: Position?
}

/// How tables are guarded: `table` blocks, and the settings that hold for all tables.
extension ConfigParser {
  /// `table NAME { OPTION }` or `table NAME {` options, one a line `}`.
  mutating func tableStatement() throws(Mistake) {
    let position = advance().position
    let token = peek()
    let name = try expectText("the name of a table")
    if let line = tableLines[name] {
      throw Mistake(
        token.position, "duplicate table \"\(name)\", expected one block for it; the other is in line \(line)")
    }
    tableLines[name] = position.line
    guard isSymbol("{") else { throw unexpected("'{' and the options of the table") }
    var draft = TableDraft(options: TableOptions(name: name), position: position)
    try optionBlock(opened: position, as: "table \"\(name)\"") { parser throws(Mistake) in
      try parser.tableOption(&draft)
    }
    tableDrafts.append(draft)
  }

  private mutating func tableOption(_ draft: inout TableDraft) throws(Mistake) {
    let token = peek()
    try expectNoMacro()
    let expected = "role, inet, inet6, stale-time, shrink-limit, mark or '}'"
    guard token.kind == .word else { throw unexpected(expected) }
    switch token.text {
    case "role":
      advance()
      draft.options.role = try expectWord(TableRole.allCases.map(\.rawValue)) == "bypass" ? .bypass : .black
    case "inet", "IPv4":
      draft.options.ipv4Lengths = try expectWindow(of: .ipv4)
    case "inet6", "IPv6":
      draft.options.ipv6Lengths = try expectWindow(of: .ipv6)
    case "stale-time":
      advance()
      draft.options.staleTime = try expectNumber("stale-time", 0...UInt32.max)
    case "shrink-limit": try shrinkLimitOption(&draft.options)
    case "mark":
      draft.mark = advance().position
      draft.options.mark = try expectMark()
    default:
      throw unexpected(expected)
    }
  }

  /// The family and the lengths of its prefixes, as a rule would name them.
  private mutating func expectWindow(of family: AddressFamily) throws(Mistake) -> LengthRange {
    advance()
    guard let lengths = try acceptLengths(of: family, from: 0) else {
      throw unexpected("prefixlen and the lengths that are let in")
    }
    return lengths
  }

  /// `shrink-limit PERCENT|no [hold SECONDS]`: the last one counts as a whole.
  private mutating func shrinkLimitOption(_ options: inout TableOptions) throws(Mistake) {
    advance()
    if accept(word: "no") {
      options.shrinkLimit = 100
    } else {
      guard peek().kind == .number else { throw unexpected("a percentage from 1 to 99, or no") }
      options.shrinkLimit = try expectNumber("shrink-limit", 1...99)
    }
    options.shrinkHold = accept(word: "hold") ? try expectNumber("hold", 1...UInt32.max) : nil
  }

  /// A packet mark, in decimal or, after `0x`, in hexadecimal digits.
  private mutating func expectMark() throws(Mistake) -> UInt32 {
    let token = peek()
    guard token.kind == .word, token.text.hasPrefix("0x") || token.text.hasPrefix("0X") else {
      return try expectNumber("mark", 1...UInt32.max)
    }
    let digits = token.text.dropFirst(2)
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw Mistake(token.position, "\(token) is not a number, expected decimal digits, or hexadecimal ones after 0x")
    }
    guard let mark = UInt32(digits, radix: 16), mark != 0 else {
      throw Mistake(token.position, "mark must be between 0x1 and 0xffffffff, not \(token.text.prefix(32))")
    }
    advance()
    return mark
  }

  // MARK: All tables

  /// `never PREFIX` or `never { PREFIX … }`; several of them add up.
  mutating func neverStatement() throws(Mistake) {
    advance()
    for prefix in try expectList({ parser throws(Mistake) in try parser.expectPrefixOrHost() })
    where neverPrefixes.insert(prefix).inserted {
      configuration.never.append(prefix)
    }
  }

  /// `prefer black|bypass|both`
  mutating func preferStatement() throws(Mistake) {
    advance()
    let word = try expectWord(["black", "bypass", "both"])
    configuration.preferredRole = TableRole(rawValue: word)
  }

  /// A prefix, or an address, which stands for itself alone.
  private mutating func expectPrefixOrHost() throws(Mistake) -> Prefix {
    let token = peek()
    let following = peek(1)
    let isWhole = following.kind != .symbol || following.text != "/"
    if isWhole, token.kind == .word || token.kind == .string, let address = IPAddress(token.text) {
      advance()
      return Prefix(host: address)
    }
    return try expectPrefix()
  }
}
