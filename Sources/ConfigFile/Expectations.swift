import BGPWire
import Primitives

/// Reading tokens: each `expect` returns the value of the next one or throws what it should have been.
extension ConfigParser {
  mutating func peek(_ offset: Int = 0) -> Token {
    while lookahead.count <= offset {
      lookahead.append(lexer.next())
    }
    return lookahead[offset]
  }

  @discardableResult
  mutating func advance() -> Token {
    let token = peek()
    if token.kind != .end { lookahead.removeFirst() }
    if token.kind == .symbol {
      if token.text == "{" { braces += 1 }
      if token.text == "}" { braces = max(0, braces - 1) }
    }
    return token
  }

  /// The mistake of the next token.
  mutating func unexpected(_ expected: String) -> Mistake {
    let token = peek()
    return Mistake(token.position, token.kind == .bad ? token.text : "unexpected \(token), expected \(expected)")
  }

  mutating func isWord(_ text: String) -> Bool {
    let token = peek()
    return token.kind == .word && token.text == text
  }

  mutating func isSymbol(_ text: String) -> Bool {
    let token = peek()
    return token.kind == .symbol && token.text == text
  }

  mutating func accept(word text: String) -> Bool {
    guard isWord(text) else { return false }
    advance()
    return true
  }

  mutating func accept(symbol text: String) -> Bool {
    guard isSymbol(text) else { return false }
    advance()
    return true
  }

  /// One of the words, unquoted; `expected` names them all in messages.
  mutating func expectWord(_ words: [String]) throws(Mistake) -> String {
    let token = peek()
    guard token.kind == .word, words.contains(token.text) else { throw unexpected(words.joined(separator: " or ")) }
    advance()
    return token.text
  }

  mutating func expect(symbol text: String, _ expected: String = "") throws(Mistake) {
    guard accept(symbol: text) else { throw unexpected(expected.isEmpty ? "'\(text)'" : expected) }
  }

  mutating func expectEndOfLine() throws(Mistake) {
    let token = peek()
    switch token.kind {
    case .newline: advance()
    case .end: break
    default: throw unexpected("end of line")
    }
  }

  mutating func skipNewlines() {
    while peek().kind == .newline { advance() }
  }

  /// The rest of the statement goes unread, blocks and all; what the lexer cannot read is an error even there.
  mutating func skipStatement() throws(Mistake) {
    let base = braces
    while true {
      let token = peek()
      switch token.kind {
      case .bad: throw unexpected("")
      case .end where braces > base:
        throw Mistake(token.position, "unexpected end of file, expected '}'")
      case .end: return
      case .newline where braces <= base: return
      case .symbol where token.text == "}" && braces <= base: return
      default: advance()
      }
    }
  }

  // MARK: Values

  /// A name or other text: quoted or not.
  mutating func expectText(_ expected: String) throws(Mistake) -> String {
    let token = peek()
    guard token.kind == .string || token.kind == .word || token.kind == .number else { throw unexpected(expected) }
    advance()
    // No quotes could hold it when printed.
    guard !token.text.hasSuffix("\\") else {
      throw Mistake(token.position, "text ends in a backslash, expected \(expected)")
    }
    return token.text
  }

  /// Text to the end of the line: words and strings, joined by spaces.
  mutating func expectTexts(_ expected: String) throws(Mistake) -> String {
    let position = peek().position
    var text = try expectText(expected)
    while [.string, .word, .number].contains(peek().kind) {
      text += " " + (try expectText(expected))
      guard text.utf8.count <= Lexer.maximumText else {
        throw Mistake(position, "text too long, expected at most \(Lexer.maximumText) characters")
      }
    }
    return text
  }

  mutating func expectNumber<Number: FixedWidthInteger>(
    _ what: String, _ range: ClosedRange<Number>
  ) throws(Mistake) -> Number {
    let token = peek()
    guard token.kind == .number else { throw unexpected("a number for \(what)") }
    guard let number = Number(decimal: token.text), range.contains(number) else {
      throw Mistake(
        token.position,
        "\(what) must be between \(range.lowerBound) and \(range.upperBound), not \(token.text.prefix(32))")
    }
    advance()
    return number
  }

  mutating func expectYesNo() throws(Mistake) -> Bool {
    let token = peek()
    guard token.kind == .word || token.kind == .string, token.text == "yes" || token.text == "no" else {
      throw unexpected("yes or no")
    }
    advance()
    return token.text == "yes"
  }

  /// An address; not a name, which would have to be resolved.
  mutating func expectAddress(_ what: String) throws(Mistake) -> IPAddress {
    let token = peek()
    guard token.kind == .word || token.kind == .string || token.kind == .number else {
      throw unexpected("an IP address for \(what)")
    }
    guard let address = IPAddress(token.text) else {
      if token.text.contains("%") {
        throw Mistake(token.position, "\(token) has a zone, expected an IP address without one for \(what)")
      }
      let reason = token.kind == .number ? "" : ": names are not resolved"
      throw Mistake(token.position, "\(token) is not an IP address, expected one for \(what)\(reason)")
    }
    advance()
    return address
  }

  /// An AS number, `65066` or `1.10`.
  ///
  /// - Parameter anyNumber: whether 0 and 23456 are allowed, as they are in filters.
  mutating func expectASN(_ what: String, anyNumber: Bool = false) throws(Mistake) -> ASN {
    let token = peek()
    guard token.kind == .number || token.kind == .word else { throw unexpected("an AS number for \(what)") }
    guard let asn = ASN(token.text) else {
      throw Mistake(token.position, "\(token) is not an AS number, expected 1 to 4294967295 for \(what)")
    }
    guard anyNumber || asn.value != 0 && asn != .transition else {
      throw Mistake(token.position, "AS \(asn) is reserved and may not be used")
    }
    advance()
    return asn
  }

  /// `ADDRESS/LENGTH`; an IPv4 address may lack its last octets. Host bits are cleared.
  mutating func expectPrefix() throws(Mistake) -> Prefix {
    let token = peek()
    guard token.kind == .word || token.kind == .string || token.kind == .number else {
      throw unexpected("a prefix such as 192.0.2.0/24")
    }
    let parts = token.text.split(separator: ".", omittingEmptySubsequences: false).count
    let text = token.text.contains(":") ? token.text : token.text + String(repeating: ".0", count: max(0, 4 - parts))
    guard let address = IPAddress(text) else {
      throw Mistake(token.position, "\(token) is not an IP address, expected a prefix such as 192.0.2.0/24")
    }
    advance()
    try expect(symbol: "/", "'/' and a prefix length")
    let length = try expectNumber("prefix length of \(address.family)", 0...address.family.bits)
    guard let prefix = Prefix(address, length: length) else { throw unexpected("a prefix length") }
    return prefix
  }

  /// `ELEMENT` or `{ ELEMENT [,] ELEMENT … }`, over several lines if need be, and with braces within braces, which
  /// macros bring.
  mutating func expectList<Element>(
    depth: Int = 0, _ element: (inout ConfigParser) throws(Mistake) -> Element
  ) throws(Mistake) -> [Element] {
    guard isSymbol("{") else { return [try element(&self)] }
    guard depth < 8 else { throw unexpected("no more than 8 braces within each other") }
    advance()
    var elements: [Element] = []
    skipNewlines()
    repeat {
      elements += try expectList(depth: depth + 1, element)
      skipNewlines()
      _ = accept(symbol: ",")
      skipNewlines()
    } while !accept(symbol: "}")
    return elements
  }
}
