import Control
import Primitives

/// The grammar of nftbgpctl(8): a table per position, each row a word or a value and the position after it.
///
/// The words are bgpctl(8)'s, and so is the rule for abbreviating them: any beginning of a word will do that begins no other word in
/// its place. For that reason the tables also hold the words of bgpctl that have no meaning here; they are refused with the reason, and
/// an abbreviation that bgpctl finds ambiguous is ambiguous here. A whole word always means itself.
package struct CommandWords {
  var action = Action.summary
  var terse = false
  var selector = NeighborSelector.all
  var view = Command.NeighborView.full
  var query = RIBQuery()
  var detail = Command.RIBDetail.row
  var table = ""
  var change = NeighborAction.refresh

  enum Action {
    case summary, neighbor, rib, tables, refused, conflicts, metrics, export, change, accept, reload
    case why(Prefix)
    case log(verbose: Bool)
  }

  /// Reads a command line without its options.
  package static func parse(_ words: [String]) throws(CommandError) -> Command {
    var state = CommandWords()
    var position: Position? = .main
    var rest = words[...]
    while let here = position {
      let word = rest.popFirst()
      let token = try state.match(word, in: here.tokens)
      if case .refusal(let reason) = token.next { throw .refused(reason) }
      position = token.next
    }
    if let word = rest.first {
      throw .words("superfluous argument: \(word.printable)", valid: [])
    }
    return state.command
  }

  /// The words that may come after `words`, for a shell to offer; none after what is no beginning of a command.
  ///
  /// Words that are refused are not offered, and values are not known here.
  package static func continuations(of words: [String]) -> [String] {
    var state = CommandWords()
    var position = Position.main
    for word in words {
      guard let token = try? state.match(word, in: position.tokens), let next = token.next else { return [] }
      position = next
    }
    return position.tokens.flatMap(\.spellings)
  }

  private var command: Command {
    switch action {
    case .summary: .showSummary(terse: terse)
    case .neighbor: .showNeighbor(selector, view)
    case .rib: .showRIB(query, detail)
    case .tables: .showTables
    case .refused: .showRefused
    case .conflicts: .showConflicts
    case .metrics: .showMetrics(openMetrics: false)
    case .export: .export(table: table)
    case .why(let prefix): .why(prefix)
    case .change: .neighbor(selector, change)
    case .accept: .accept(table: table)
    case .reload: .reload
    case .log(let isVerbose): .log(verbose: isVerbose)
    }
  }

  /// Adds what the neighbour is told to the change chosen before.
  mutating func give(reason: String) {
    switch change {
    case .down(let flush, _): change = .down(flush: flush, reason)
    case .clear: change = .clear(reason)
    case .up, .refresh: break
    }
  }

  /// Finds the one row that the word fits, and lets it act. `nil` is the end of the line.
  private mutating func match(_ word: String?, in tokens: [Token]) throws(CommandError) -> Token {
    guard let word else {
      guard let token = tokens.first(where: { $0.kind == .end }) else {
        throw .words("missing argument:", valid: tokens.map(\.usage))
      }
      return token
    }
    var found: [(token: Token, state: CommandWords)] = []
    for token in tokens where token.fits(word) {
      // A value is tried on a copy, so that one that does not fit, or is not the only one, leaves nothing behind.
      var state = self
      if try token.take(&state, word) { found.append((token, state)) }
      if token.kind == .keyword(word) {
        found = found.suffix(1)
        break
      }
    }
    if found.count > 1 {
      found.removeAll { $0.token.isFallback }
    }
    guard let (token, state) = found.first else {
      throw .words("unknown argument: \(word.printable)", valid: tokens.map(\.usage))
    }
    guard found.count == 1 else {
      throw .words("ambiguous argument: \(word.printable)", valid: tokens.map(\.usage))
    }
    self = state
    return token
  }
}
