package import Control
package import Primitives

/// What the operator asked for: what the daemon is sent, and how its answer is shown.
package enum Command: Hashable, Sendable {
  case showSummary(terse: Bool)
  case showNeighbor(NeighborSelector, NeighborView)
  case showRIB(RIBQuery, RIBDetail)
  case showTables
  case export(table: String)
  case why(Prefix)
  case showRefused
  case showConflicts
  case neighbor(NeighborSelector, NeighborAction)
  case accept(table: String)
  case reload
  case log(verbose: Bool)
  case showMetrics(openMetrics: Bool)

  package enum NeighborView: Hashable, Sendable {
    case full, timers, terse
  }

  /// How much `show rib` says of a route.
  package enum RIBDetail: Hashable, Sendable {
    /// A line.
    case row
    /// A block of lines.
    case detail
    /// The block on one line, with semicolons.
    case ssv
  }

  package var request: ControlRequest {
    switch self {
    case .showSummary: .showSummary
    case .showNeighbor(let selector, _): .showNeighbor(selector)
    case .showRIB(let query, _): .showRIB(query)
    case .showTables: .showTables
    case .export(let table): .export(table: table)
    case .why(let prefix): .why(prefix)
    case .showRefused: .showRefused
    case .showConflicts: .showConflicts
    case .neighbor(let selector, let action): .neighbor(selector, action)
    case .accept(let table): .accept(table: table)
    case .reload: .reload
    case .log(let isVerbose): .log(verbose: isVerbose)
    case .showMetrics(let openMetrics): .showMetrics(openMetrics: openMetrics)
    }
  }
}

/// Why words are no command. All of them are exit status 1, as bgpctl(8) has it.
package enum CommandError: Error, Hashable, Sendable {
  /// Printed as it is, with the words that were possible there; these are empty when nothing was.
  case words(String, valid: [String])
  /// Printed after the name of the program.
  case refused(String)

  /// What goes to standard error.
  package var text: String {
    switch self {
    case .words(let message, valid: []): "\(message)\n"
    case .words(let message, let valid): "\(message)\nvalid commands/args:\n" + valid.map { "  \($0)\n" }.joined()
    case .refused(let reason): "nftbgpctl: \(reason)\n"
    }
  }
}
