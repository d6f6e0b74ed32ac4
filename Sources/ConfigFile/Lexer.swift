/// Cuts the text of one file, and of those that it includes, into tokens, on demand: a macro must be defined, and an
/// include pushed, before the text after it is read.
///
/// The rules are those of bgpd.conf(5): `#` comments, a backslash that joins lines (comments too), words, numbers,
/// quoted strings. A macro is expanded where a word begins and its text is read again together with what follows, so
/// that `$spamASN:42` is one word. It is not expanded within words, quotes or other macros. Two kindnesses: a string
/// ends on its line, and digits are a number whatever stands after them.
struct Lexer {
  /// The longest word, string or macro, in octets.
  static let maximumText = 8192
  /// Octets that all macros of a file may expand to, taken together.
  static let maximumExpansion = 1 << 21

  private var source: Source
  private var outer: [Source] = []
  private var macros: [String: [UInt8]]
  private let fixedMacros: Set<String>
  /// What is left of the macro under expansion.
  private var expansion: [UInt8] = []
  private var expansionIndex = 0
  private var expansionPosition: Position
  private var expanded = 0
  /// The `{` that an unclosed string has swallowed: its block is skipped with it.
  private var swallowed: Token?
  private var order = 0

  init(file: String, text: String, macros: [String: String]) {
    source = Source(name: file, text: text)
    self.macros = macros.mapValues { Array($0.utf8) }
    fixedMacros = Set(macros.keys)
    expansionPosition = Position(file: file, line: 1, column: 1, order: 0)
  }

  /// The files being read, the innermost last.
  var openFiles: [String] { outer.map(\.name) + [source.name] }

  /// Where the current file has its first CR LF.
  var carriageReturn: Position? {
    source.carriageReturn.map { Position(file: source.name, line: $0.line, column: $0.column, order: order) }
  }

  /// Reads `text` before going on with the current file.
  mutating func include(file: String, text: String) {
    outer.append(source)
    source = Source(name: file, text: text)
  }

  /// Defines a macro, again if need be; one from the command line stays as it is.
  mutating func define(_ name: String, as value: String) {
    guard !fixedMacros.contains(name) else { return }
    macros[name] = Array(value.utf8)
  }

  mutating func next() -> Token {
    if let token = swallowed {
      swallowed = nil
      return token
    }
    while true {
      skipBlanks()
      let position = mark()
      guard let (octet, length) = look() else {
        if !source.isAtLineStart {
          source.isAtLineStart = true
          return Token(kind: .newline, text: "", position: position)
        }
        guard let enclosing = outer.popLast() else { return Token(kind: .end, text: "", position: position) }
        source = enclosing
        continue
      }
      if octet == UInt8(ascii: "\n") {
        skip(length)
        source.isAtLineStart = true
        return Token(kind: .newline, text: "", position: position)
      }
      source.isAtLineStart = false
      if octet == UInt8(ascii: "$"), !isExpanding {
        skip(length)
        guard let reason = expand(at: position) else { continue }
        return Token(kind: .bad, text: reason, position: position)
      }
      return token(octet, length, at: position)
    }
  }

  private mutating func token(_ octet: UInt8, _ length: Int, at position: Position) -> Token {
    switch octet {
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      skip(length)
      return string(quote: octet, at: position)
    case _ where Self.startsWord(octet):
      return word(at: position)
    case UInt8(ascii: "-"):
      var digits = length
      while let digit = raw(digits), Self.isDigit(digit) { digits += 1 }
      guard digits > length, digits < 24, raw(digits).map(Self.endsNumber) ?? true else { break }
      skip(length)
      let number = word(at: position)
      return Token(kind: .number, text: "-" + number.text, position: position)
    default:
      break
    }
    return symbol(octet, length, at: position)
  }

  // MARK: Octets

  private var isExpanding: Bool { expansionIndex < expansion.count }

  /// The octet `offset` places on, in the macro and then in the file.
  private func raw(_ offset: Int) -> UInt8? {
    let index = expansionIndex + offset
    if index < expansion.count { return expansion[index] }
    let place = source.index + index - expansion.count
    return place < source.octets.count ? source.octets[place] : nil
  }

  private mutating func skip(_ count: Int) {
    for _ in 0..<count {
      guard isExpanding else {
        source.advance()
        continue
      }
      expansionIndex += 1
      if !isExpanding {
        expansion = []
        expansionIndex = 0
      }
    }
  }

  /// The next octet outside of quotes and how many octets spell it: a backslash joins lines, and is dropped elsewhere.
  private mutating func look() -> (octet: UInt8, length: Int)? {
    while let octet = raw(0) {
      guard octet == UInt8(ascii: "\\") else { return (octet, 1) }
      guard let following = raw(1) else {
        skip(1)
        continue
      }
      guard following == UInt8(ascii: "\n") else { return (following, 2) }
      skip(2)
    }
    return nil
  }

  private mutating func mark() -> Position {
    order += 1
    var position =
      isExpanding
      ? expansionPosition : Position(file: source.name, line: source.line, column: source.column, order: 0)
    position.order = order
    return position
  }

  private mutating func skipBlanks() {
    while let (octet, length) = look(), octet == UInt8(ascii: " ") || octet == UInt8(ascii: "\t") {
      skip(length)
    }
    guard let (octet, _) = look(), octet == UInt8(ascii: "#") else { return }
    while let (octet, length) = look(), octet != UInt8(ascii: "\n") {
      skip(length)
    }
  }

  // MARK: Tokens

  /// - Returns: why not, or nil when the macro's text is next.
  private mutating func expand(at position: Position) -> String? {
    var name: [UInt8] = []
    while let (octet, length) = look(), Self.isLetterOrDigit(octet) || octet == UInt8(ascii: "_") {
      skip(length)
      if name.count <= Self.maximumText { name.append(octet) }
    }
    let text = String(decoding: name, as: UTF8.self)
    guard !text.isEmpty else { return "'$' without the name of a macro" }
    guard let value = macros[text] else { return "macro '\(text.prefix(64))' not defined" }
    expanded += value.count
    guard expanded <= Self.maximumExpansion else {
      return "macros expand to more than \(Self.maximumExpansion) characters"
    }
    expansion = value
    expansionIndex = 0
    expansionPosition = position
    return nil
  }

  private mutating func word(at position: Position) -> Token {
    var octets: [UInt8] = []
    var isNumber = true
    while let (octet, length) = look(), Self.continuesWord(octet) {
      skip(length)
      isNumber = isNumber && Self.isDigit(octet)
      if octets.count <= Self.maximumText { octets.append(octet) }
    }
    guard octets.count <= Self.maximumText else { return tooLong(position) }
    return Token(kind: isNumber ? .number : .word, text: String(decoding: octets, as: UTF8.self), position: position)
  }

  private mutating func string(quote: UInt8, at position: Position) -> Token {
    var octets: [UInt8] = []
    var control: UInt8?
    while true {
      guard let octet = raw(0), octet != UInt8(ascii: "\n") else {
        let mark = quote == UInt8(ascii: "'") ? "'" : "\""
        if octets.last(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "{") {
          swallowed = Token(kind: .symbol, text: "{", position: position)
        }
        return Token(
          kind: .bad, text: "string is not closed, expected \(mark) before the end of the line", position: position)
      }
      skip(1)
      if octet == quote { break }
      var wanted = octet
      if octet == UInt8(ascii: "\\"), let following = raw(0) {
        if following == UInt8(ascii: "\n") {
          skip(1)
          continue
        }
        // bgpd.conf(5) knows no other escape: a backslash before anything else stands for itself.
        if following == quote || following == UInt8(ascii: " ") || following == UInt8(ascii: "\t") {
          wanted = following
          skip(1)
        }
      }
      if wanted < 0x20 && wanted != UInt8(ascii: "\t") || wanted == 0x7F { control = wanted }
      if octets.count <= Self.maximumText { octets.append(wanted) }
    }
    guard octets.count <= Self.maximumText else { return tooLong(position) }
    if let control {
      return Token(
        kind: .bad, text: "control character \(Self.scalarName(UInt32(control))) in a string", position: position)
    }
    return Token(kind: .string, text: String(decoding: octets, as: UTF8.self), position: position)
  }

  private mutating func symbol(_ octet: UInt8, _ length: Int, at position: Position) -> Token {
    skip(length)
    let following = look()
    let pair: String? =
      switch (octet, following?.octet) {
      case (UInt8(ascii: "!"), UInt8(ascii: "=")): "!="
      case (UInt8(ascii: "<"), UInt8(ascii: "=")): "<="
      case (UInt8(ascii: ">"), UInt8(ascii: "=")): ">="
      case (UInt8(ascii: ">"), UInt8(ascii: "<")): "><"
      default: nil
      }
    if let pair, let following {
      skip(following.length)
      return Token(kind: .symbol, text: pair, position: position)
    }
    if "{}(),/+-=<>".utf8.contains(octet) {
      return Token(kind: .symbol, text: String(decoding: [octet], as: UTF8.self), position: position)
    }
    if octet == UInt8(ascii: "$") {
      return Token(kind: .bad, text: "'$' in a macro's text, where no macro is expanded", position: position)
    }
    var octets = [octet]
    while octets.count < 4, let continuation = raw(0), continuation & 0xC0 == 0x80 {
      octets.append(continuation)
      skip(1)
    }
    let text = String(decoding: octets, as: UTF8.self)
    let name = text.unicodeScalars.first.map { Self.scalarName($0.value) } ?? ""
    let hint =
      switch text {
      case "\u{A0}": " (no-break space), expected an ordinary space"
      case "\u{201C}", "\u{201D}", "\u{201E}": " (typographic quote), expected \""
      case "\u{2018}", "\u{2019}": " (typographic quote), expected '"
      case _ where octet > 0x7F: ", expected quotes around text with such characters"
      default: ""
      }
    return Token(kind: .bad, text: "unexpected character \(name)\(hint)", position: position)
  }

  private func tooLong(_ position: Position) -> Token {
    Token(kind: .bad, text: "text too long, expected at most \(Self.maximumText) characters", position: position)
  }

  /// `'x'` where it can be shown, `U+0000` otherwise.
  private static func scalarName(_ value: UInt32) -> String {
    if (0x21...0x7E).contains(value), let scalar = Unicode.Scalar(value) { return "'\(scalar)'" }
    let digits = String(value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  private static func isDigit(_ octet: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
  }

  private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
    isDigit(octet) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet | 0x20)
  }

  private static func startsWord(_ octet: UInt8) -> Bool {
    isLetterOrDigit(octet) || octet == UInt8(ascii: ":") || octet == UInt8(ascii: "_") || octet == UInt8(ascii: "*")
  }

  private static func continuesWord(_ octet: UInt8) -> Bool {
    (0x21...0x7E).contains(octet) && !"(){}<>!=/#,".utf8.contains(octet)
  }

  private static func endsNumber(_ octet: UInt8) -> Bool {
    " \t\n),/}=#".utf8.contains(octet)
  }
}

/// The text of one file and how far it has been read.
private struct Source {
  let name: String
  let octets: [UInt8]
  /// Where the first CR LF is; the CRs are gone from `octets`.
  let carriageReturn: (line: Int, column: Int)?
  var index = 0
  var line = 1
  var column = 1
  /// Whether a newline was the last token, so that the end of the file needs none.
  var isAtLineStart = true

  init(name: String, text: String) {
    self.name = name
    var octets: [UInt8] = []
    octets.reserveCapacity(text.utf8.count)
    var line = 1
    var column = 1
    var first: (line: Int, column: Int)?
    // A byte order mark is not text.
    for octet in text.utf8.dropFirst(text.utf8.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0) {
      if octet == UInt8(ascii: "\n") {
        if octets.last == UInt8(ascii: "\r") {
          octets.removeLast()
          first = first ?? (line, column - 1)
        }
        line += 1
        column = 0
      }
      octets.append(octet)
      if octet & 0xC0 != 0x80 { column += 1 }
    }
    self.octets = octets
    carriageReturn = first
  }

  mutating func advance() {
    guard index < octets.count else { return }
    let octet = octets[index]
    index += 1
    if octet == UInt8(ascii: "\n") {
      line += 1
      column = 1
    } else if octet & 0xC0 != 0x80 {
      column += 1
    }
  }
}
