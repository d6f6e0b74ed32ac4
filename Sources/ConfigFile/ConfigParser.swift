import BGPWire
package import Primitives
import Tables

/// The parser of nftbgpd.conf(5): text in, a checked `Configuration` and a list of findings out.
///
/// It is a recursive descent over the grammar of bgpd.conf(5) as OpenBGPD 7.7 reads it, so that the files published
/// for the bgp-spamd project load unchanged, from those written before OpenBSD 6.4 on. Every statement is one of
/// three: *supported*; *ignored* with a warning, where a receive-only client loses nothing (`dump`, `rde`); or
/// *refused* with the reason, where to ignore it would promise what never happens (`network`) or change which routes
/// a rule matches (`ovs`).
///
/// It refuses to be clever: it reads no clock, file or environment (`load` does that for it), resolves no names and
/// opens nothing. It refuses to give up, too: after an error it goes on with the next statement, so that one run
/// shows every mistake and each only once. The recovery in `recover(to:)` is what makes that so: it skips whole
/// blocks whose head is broken.
///
/// Lexer → statements, one file per family (`Global`, `Neighbor`, `Rule`…), each of which adds to the fields below →
/// `finish()`, which applies inheritance and checks what only the whole file shows.
///
/// The wart: what a statement *means* is partly in the order of the file. A group's options apply to the neighbours
/// after them, a rule may only name groups before it, macros hold from their definition on. That is OpenBGPD's order,
/// kept on purpose.
package struct ConfigParser {
  var lexer: Lexer
  var lookahead: [Token] = []
  /// Open `{` at the current token.
  var braces = 0
  /// A file that an `include` wants read.
  var include: (path: String, position: Position)?
  var includes = 0
  /// The files read so far.
  var files: [String]

  var findings: [(order: Int, diagnostic: ConfigDiagnostic)] = []
  var errors = 0
  /// Warnings that are given once for all files.
  var warnedOnce: Set<String> = []

  // MARK: What the statements said

  var configuration = Configuration(localAS: ASN(0), twoOctetAS: 0)
  /// An `AS` statement was there, right or wrong.
  var hasAS = false
  var groups: [GroupDraft] = []
  var peers: [PeerDraft] = []
  /// Each address of a `neighbor` statement, with the line.
  var peerLines: [IPAddress: Int] = [:]
  /// A block was skipped or a file not read, so that peers and groups may be missing without being at fault.
  var peersUncertain = false
  /// The end of the file came while skipping.
  var lostToEnd = false
  /// Blocks that were closed without their `}`.
  var impliedCloses = 0
  var rules: [FilterRule] = []
  /// Where the rule of that index stands.
  var rulePositions: [Position] = []
  /// Rules that name a group which was not there yet.
  var unknownGroups: [(name: String, position: Position)] = []
  var prefixSets: [String: PrefixSetDraft] = [:]
  var asSets: [String: [ASN]] = [:]
  /// Names of `rde rib` statements.
  var ribs: Set<String> = ["Adj-RIB-In", "Adj-RIB-Out", "Loc-RIB"]
  /// First use of each table in `set pftable`, in order.
  var tables: [(name: String, position: Position)] = []
  var exportPositions: [Position] = []
  /// `table` blocks.
  var tableDrafts: [TableDraft] = []
  /// Each name of a `table` statement, with the line.
  var tableLines: [String: Int] = [:]
  /// The prefixes of `never` statements.
  var neverPrefixes: Set<Prefix> = []
  /// A key in these files.
  var filesWithSecrets: [String] = []

  /// Parses `file` and what it includes.
  ///
  /// - Parameters:
  ///   - macros: definitions of the command line (`-D name=value`), which override those of the file.
  ///   - load: the text of a file, by the name as given; octets that are not UTF-8 replaced.
  package static func parse(
    file: String, macros: [String: String] = [:], load: (String) throws(SystemError) -> String
  ) -> ConfigResult {
    let text: String
    do {
      text = try load(file)
    } catch {
      let finding = ConfigDiagnostic(severity: .error, file: file, line: 1, column: 1, message: error.description)
      return ConfigResult(
        configuration: nil, diagnostics: [finding], files: [file], filesWithSecrets: [], unreadable: error)
    }
    var parser = ConfigParser(file: file, text: text, macros: macros)
    while parser.parseStatement() {
      guard let (path, position) = parser.include else { continue }
      parser.include = nil
      do throws(SystemError) {
        let text = try load(path)
        parser.open(path, text)
      } catch {
        parser.report(.error, position, "include: \(error)")
        parser.peersUncertain = true
      }
    }
    return parser.finish()
  }

  private init(file: String, text: String, macros: [String: String]) {
    lexer = Lexer(file: file, text: text, macros: macros)
    files = [file]
    warnOfCarriageReturns()
  }

  private mutating func open(_ path: String, _ text: String) {
    lexer.include(file: path, text: text)
    files.append(path)
    warnOfCarriageReturns()
  }

  private mutating func warnOfCarriageReturns() {
    guard let position = lexer.carriageReturn else { return }
    warnOnce("CR LF", position, "lines end in CR LF, expected LF alone; accepted")
  }

  /// Parses one statement of the global level.
  ///
  /// - Returns: `false` at the end of the last file.
  private mutating func parseStatement() -> Bool {
    let token = peek()
    switch token.kind {
    case .end:
      return false
    case .newline:
      advance()
    default:
      attempt { parser throws(Mistake) in
        try parser.globalStatement(token)
        try parser.expectEndOfLine()
      }
    }
    return true
  }

  /// Runs the parser of one statement; its mistake is reported and the rest of the statement skipped.
  mutating func attempt(_ statement: (inout ConfigParser) throws(Mistake) -> Void) {
    let base = braces
    do throws(Mistake) {
      try statement(&self)
    } catch {
      report(.error, error.position, error.message)
      recover(to: base)
    }
  }

  /// Skips the rest of a statement with every block that it opens, but not the `}` of the block that it stands in.
  private mutating func recover(to base: Int) {
    while true {
      let token = peek()
      switch token.kind {
      case .end:
        lostToEnd = lostToEnd || braces > base
        braces = min(braces, base)
        return
      case .newline where braces <= base:
        advance()
        return
      case .symbol where token.text == "}" && braces <= base && base > 0:
        return
      default:
        advance()
      }
    }
  }

  // MARK: Findings

  mutating func report(_ severity: ConfigDiagnostic.Severity, _ position: Position, _ message: String) {
    if severity == .error { errors += 1 }
    // A megabyte of errors helps nobody.
    guard findings.count < 1000 else { return }
    let finding = ConfigDiagnostic(
      severity: severity, file: position.file, line: position.line, column: position.column, message: message)
    findings.append((position.order, finding))
  }

  mutating func warn(_ position: Position, _ message: String) {
    report(.warning, position, message)
  }

  /// A warning that one file needs to hear once, however often its reason occurs.
  mutating func warnOnce(_ reason: String, _ position: Position, _ message: String) {
    if warnedOnce.insert(reason).inserted { warn(position, message) }
  }
}

/// What parsing gave.
package struct ConfigResult: Hashable, Sendable {
  /// Nil when there is any error.
  package var configuration: Configuration?
  /// Every error and warning, in the order of the text; last what concerns the file as a whole, at 1:1.
  package var diagnostics: [ConfigDiagnostic]
  /// The file and those that it includes.
  package var files: [String]
  /// Those of them that hold a key, and so should be readable for their owner alone.
  package var filesWithSecrets: [String]
  /// Why the file itself could not be read; also the only one of `diagnostics` then.
  package var unreadable: SystemError?
}
