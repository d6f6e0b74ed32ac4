import ArgumentParser
import Control
import Export
import Metrics
import Presentation

/// The operator's program: options are ArgumentParser's, words are bgpctl's (`CommandWords`), text is made by `Presenter`.
///
/// What is left here is to ask the daemon, to write, and to choose the exit status.
@main
struct Nftbgpctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nftbgpctl",
    abstract: "Show and control what nftbgpd(8) is doing.",
    usage: "nftbgpctl [-j] [-s <socket>] [--format <format>] <command> [<argument> ...]",
    discussion: """
      Commands, abbreviated to any unambiguous beginning of their words:
        show summary [terse]
        show neighbor [<neighbor>|group <group>] [timers|messages|terse]
        show rib [<filter> ...] [detail|ssv]
        show tables
        show refused
        show conflicts
        show metrics
        why <address>[/<len>]
        neighbor <neighbor>|group <group> up|refresh
        neighbor <neighbor>|group <group> down [flush] [<reason>]
        neighbor <neighbor>|group <group> clear [<reason>]
        table <table> accept
        reload
        log verbose|brief
        export <table> [-o <file>] [--format <format> [--value <text>]] [--allow-empty]
      nftbgpctl(8) describes them.
      """)

  @Option(name: [.short, .long], help: "The daemon's control socket.", completion: .file())
  var socket = "/run/nftbgpd/nftbgpd.sock"

  @Flag(name: [.short, .long], help: "Show JSON.")
  var json = false

  @Option(
    name: .long,
    help:
      "Of show rib: classic, 7.7 or list; of show metrics: text or openmetrics; of export: spamd, plain and others.",
    completion: .list(
      Presenter.RIBFormat.allCases.map(\.rawValue) + Exposition.Dialect.allCases.map(\.rawValue)
        + ExportFormat.allCases.map(\.rawValue)))
  var format: String?

  @Option(name: .long, help: "What the exported format says of each entry, in place of its default.")
  var value: String?

  @Option(name: [.short, .long], help: "Replace this file with the exported table.", completion: .file())
  var output: String?

  @Flag(name: .long, help: "Export a table that has no entries.")
  var allowEmpty = false

  @Flag(name: [.customShort("V"), .long], help: "Print the version.")
  var version = false

  @Argument(
    help: ArgumentHelp("A command of these.", valueName: "command"),
    completion: .custom { line, index, _ in Nftbgpctl.completions(of: line, at: index) })
  var words: [String] = []

  func run() async throws {
    do throws(ProgramFailure) {
      if version {
        try StandardOutput.write(Array("nftbgpctl \(Release.version)\n".utf8))
        return
      }
      var command = try parsedCommand()
      if case .showMetrics = command {
        command = .showMetrics(openMetrics: format == Exposition.Dialect.openMetrics.rawValue)
      }
      if case .export(let table) = command {
        try await export(table)
      } else {
        try await show(command)
      }
    } catch {
      throw error.report()
    }
  }

  /// Options are checked once the words are known, because which of them make sense depends on the words.
  func validate() throws {
    guard !version, let command = try? CommandWords.parse(words) else { return }
    let formats: [String]
    switch command {
    case .export:
      formats = ExportFormat.allCases.map(\.rawValue)
      if json { throw ValidationError("--json does not go with export.") }
    case .showRIB(_, .row):
      formats = Presenter.RIBFormat.allCases.map(\.rawValue)
    case .showMetrics:
      formats = Exposition.Dialect.allCases.map(\.rawValue)
      if json { throw ValidationError("--json does not go with show metrics.") }
    case .showRIB, .showSummary, .showNeighbor, .showTables, .showRefused, .showConflicts, .why, .neighbor, .accept,
      .reload, .log:
      formats = []
    }
    if let format, !formats.contains(format) {
      let choice = formats.joined(separator: ", ")
      throw ValidationError(
        formats.isEmpty ? "--format does not go with this command." : "--format \(format): one of \(choice).")
    }
    if case .export(let table) = command { return try validateExport(of: table) }
    if output != nil || value != nil || allowEmpty {
      throw ValidationError("--output, --value and --allow-empty go with export only.")
    }
  }

  private func validateExport(of table: String) throws {
    if let value, let fault = exportFormat.fault(of: value) {
      throw ValidationError("--value \(value): \(fault).")
    }
    if let fault = exportFormat.fault(ofTable: table, value: value) {
      throw ValidationError("--format \(exportFormat.rawValue) of \(table): \(fault).")
    }
  }

  private var exportFormat: ExportFormat { format.flatMap(ExportFormat.init) ?? .spamd }

  /// The words that may stand at `index` in a command line, whose first word is the program.
  static func completions(of line: [String], at index: Int) -> [String] {
    // bash(1) takes communities and IPv6 addresses apart at their colons.
    var typed: [String] = []
    var isOpen = false
    for word in line.prefix(index).dropFirst() {
      let isColon = !word.isEmpty && word.allSatisfy { $0 == ":" }
      if let last = typed.last, isOpen || isColon {
        typed[typed.count - 1] = last + word
      } else {
        typed.append(word)
      }
      isOpen = isColon
    }
    // What the parser itself makes of the options so far: it leaves the words.
    guard let command = try? parse(typed) else { return [] }
    return CommandWords.continuations(of: command.words)
  }

  private func parsedCommand() throws(ProgramFailure) -> Command {
    do throws(CommandError) {
      return try CommandWords.parse(words)
    } catch {
      throw .words(error)
    }
  }

  private func show(_ command: Command) async throws(ProgramFailure) {
    let format = format.flatMap(Presenter.RIBFormat.init) ?? .classic
    var show = Show(Presenter(command, json: json, format: format))
    do throws(ProgramFailure) {
      try await ControlClient(path: socket).ask(command.request, into: &show)
    } catch {
      try show.abandon()
      throw error
    }
    try show.finish()
  }

  private func export(_ table: String) async throws(ProgramFailure) {
    var export = TableExport(
      table: table, format: exportFormat, value: value, output: output, allowsEmpty: allowEmpty)
    try await ControlClient(path: socket).ask(.export(table: table), into: &export)
    try export.finish()
  }
}
