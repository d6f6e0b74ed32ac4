import Control

extension CommandWords {
  /// A row of a table of the grammar.
  struct Token {
    enum Kind: Equatable {
      /// The end of the line.
      case end
      /// A word that may be abbreviated.
      case keyword(String)
      /// A word that may not.
      case exact([String])
      /// A value, shown as this in the list of what is possible.
      case value(String)
    }

    let kind: Kind
    /// Whether the row yields to any other that fits.
    var isFallback = false
    let next: Position?
    /// Acts on the word; `false` when the value is not of this row's type.
    let take: (inout CommandWords, String) throws(CommandError) -> Bool

    static var end: Token {
      Token(kind: .end, next: nil) { (_, _) throws(CommandError) in true }
    }

    static func keyword(
      _ word: String, _ next: Position? = nil, _ act: @escaping (inout CommandWords) -> Void = { _ in }
    ) -> Token {
      Token(kind: .keyword(word), next: next) { (state, _) throws(CommandError) in
        act(&state)
        return true
      }
    }

    /// A word of bgpctl that means nothing here.
    static func refused(_ word: String, _ reason: String) -> Token {
      Token(kind: .keyword(word), next: .refusal(reason)) { (_, _) throws(CommandError) in true }
    }

    static func exact(_ words: String..., next: Position?, _ act: @escaping (inout CommandWords) -> Void) -> Token {
      Token(kind: .exact(words), next: next) { (state, _) throws(CommandError) in
        act(&state)
        return true
      }
    }

    static func value<Value>(
      _ usage: String, _ next: Position?, _ read: @escaping (String) throws(CommandError) -> Value?,
      _ act: @escaping (inout CommandWords, Value) -> Void
    ) -> Token {
      Token(kind: .value(usage), next: next) { (state, word) throws(CommandError) in
        guard let value = try read(word) else { return false }
        act(&state, value)
        return true
      }
    }

    /// Any text at all, where nothing else fits.
    static func fallback(
      _ usage: String, _ next: Position?, _ read: @escaping (String) throws(CommandError) -> String? = Words.text,
      _ act: @escaping (inout CommandWords, String) -> Void
    ) -> Token {
      var token = value(usage, next, read, act)
      token.isFallback = true
      return token
    }

    func fits(_ word: String) -> Bool {
      switch kind {
      case .end: false
      case .keyword(let keyword): !word.isEmpty && keyword.hasPrefix(word)
      case .exact(let words): words.contains(word)
      case .value: !word.isEmpty
      }
    }

    /// The words that the row stands for, whole; none for a value, and none for a word that is refused.
    var spellings: [String] {
      if case .refusal = next { return [] }
      return switch kind {
      case .end, .value: []
      case .keyword(let word): [word]
      case .exact(let words): words
      }
    }

    /// The row in the list of what is possible.
    var usage: String {
      switch kind {
      case .end: "<cr>"
      case .keyword(let word): word
      case .exact(let words): "[ \(words.joined(separator: " | ")) ]"
      case .value(let usage): usage
      }
    }
  }
}
