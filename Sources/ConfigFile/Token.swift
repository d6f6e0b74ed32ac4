/// Where a token begins. Line and column count from 1; `order` counts the tokens of all files in the order of reading.
struct Position: Hashable {
  var file: String
  var line: Int
  var column: Int
  var order: Int
}

/// One word of the file, with macros already expanded.
struct Token: Hashable, CustomStringConvertible {
  enum Kind: Hashable {
    /// Text without quotes that is not a number.
    case word
    /// Decimal digits, perhaps with a minus sign.
    case number
    /// Text in quotes, without them.
    case string
    /// One of `{ } ( ) , / + - = != < <= > >= ><`.
    case symbol
    case newline
    case end
    /// What the lexer could not read; the text says why.
    case bad
  }

  var kind: Kind
  var text: String
  var position: Position

  /// As messages name it.
  var description: String {
    switch kind {
    case .word, .number, .symbol: "'\(text.count > 64 ? text.prefix(64) + "…" : text)'"
    case .string: "\"\(text.count > 64 ? text.prefix(64) + "…" : text)\""
    case .newline: "end of line"
    case .end: "end of file"
    case .bad: text
    }
  }
}

/// An error in the file, thrown to where parsing can go on.
struct Mistake: Error {
  var position: Position
  /// What is wrong, and what was expected.
  var message: String

  init(_ position: Position, _ message: String) {
    self.position = position
    self.message = message
  }
}
