package import Control
import Export
import Primitives

/// The essay on this room: the daemon's answer becomes what the operator reads.
///
/// nftbgpctl(8) is bgpctl(8) to the fingers and to the scripts of people who come from OpenBGPD: the same words, abbreviated the same
/// way (`CommandWords`), the same columns, the same JSON keys. Where two releases of bgpctl differ, the default is the one that the
/// published bgp-spamd scripts were written against.
///
/// A `Presenter` takes the replies of one answer in order and hands out octets as soon as they are certain, so that a million routes pass
/// through without being kept; only the sorted list of `--format list` has to wait for the end. Text that came from a peer is made
/// printable first. Nothing here knows sockets, files or the time.
///
/// The wart: widths are those of printf(3) and count octets, so a description that is not ASCII shifts its row. bgpctl does the same.
package struct Presenter {
  /// The layouts of `show rib` that are not a matter of its words.
  package enum RIBFormat: String, Hashable, Sendable, CaseIterable {
    /// Four header lines and no column for origin validation.
    case classic
    /// The layout of OpenBGPD 7.7.
    case release77 = "7.7"
    /// The prefixes alone, ascending, each once.
    case list
  }

  private struct Path {
    let report: PathReport
    /// The end of a row, written once for all routes of the path.
    let rowEnd: [UInt8]
  }

  private let command: Command
  private let format: RIBFormat
  private let isJSON: Bool
  // Only one of the two is used. An enum of both would be copied, with all that it has collected, at every change.
  private var text = TextWriter()
  private var json = JSONWriter()
  private var paths: [UInt32: Path] = [:]
  private var list = PrefixList()
  private var hasBegun = false

  package init(_ command: Command, json: Bool, format: RIBFormat = .classic) {
    self.command = command
    self.format = format
    isJSON = json
  }

  /// Adds a record of the answer, which is neither `.failure` nor `.end`.
  ///
  /// - Throws: `.malformed` for a record that does not belong to the command, and for a route of a path not declared before.
  package mutating func add(_ reply: ControlReply) throws(ControlError) {
    switch (reply, command) {
    case (.neighbor(let report), .showSummary), (.neighbor(let report), .showNeighbor):
      add(report)
    case (.path(let report), .showRIB):
      paths[report.number] = Path(report: report, rowEnd: RIBText.rowEnd(of: report, modern: format == .release77))
    case (.routes(let routes), .showRIB(_, let detail)):
      begin(key: "rib")
      for route in routes {
        guard let path = paths[route.path] else { throw .malformed("a route of the unknown path \(route.path)") }
        add(route, path, detail)
      }
    case (.table(let report), .showTables):
      add(report)
    case (.refused(let reports), .showRefused):
      begin(key: "refused")
      for report in reports { add(report) }
    case (.conflicts(let reports), .showConflicts):
      begin(key: "conflicts")
      for report in reports { add(report) }
    case (.metrics(let lines), .showMetrics):
      begin(key: "")
      for line in lines { text.line(line) }
    case (.why(let report), .why):
      guard !hasBegun else { throw .malformed("a second answer to one question") }
      add(report)
    case (.neighbor, _), (.path, _), (.routes, _), (.table, _), (.role, _), (.prefixes, _), (.why, _), (.refused, _),
      (.conflicts, _), (.metrics, _), (.failure, _), (.end, _):
      throw .malformed("a reply that does not answer the request")
    }
  }

  /// Completes the output after `.end`.
  package mutating func finish() {
    if isJSON {
      hasBegun = true
      if command.request.isChange { json.member("status", "OK") }
      json.finish()
      return
    }
    begin(key: "")
    switch command {
    // bgpctl(8)'s words.
    case .log: text.line("logging request sent.")
    case .reload: text.line("reload request sent.\nrequest processed")
    default: if command.request.isChange { text.line("request processed") }
    }
    if isList {
      text.octets += ExportFormat.lines(of: list)
    }
  }

  /// Takes the octets that are certain so far: none before the first record.
  package mutating func take() -> [UInt8] {
    guard hasBegun else { return [] }
    return isJSON ? json.take() : text.take()
  }

  /// How many octets there are to take.
  package var count: Int {
    guard hasBegun else { return 0 }
    return isJSON ? json.octets.count : text.octets.count
  }

  private var isList: Bool {
    if case .showRIB(_, .row) = command { return format == .list && !isJSON }
    return false
  }

  private var header: String {
    switch command {
    case .showSummary(terse: false): SummaryText.header + "\n"
    case .showTables: TableText.header + "\n"
    case .showRefused: RefusedText.header + "\n"
    case .showConflicts: ConflictText.header + "\n"
    case .showRIB(_, .row):
      switch format {
      case .classic: RIBText.classicHeader
      case .release77: RIBText.modernHeader
      case .list: ""
      }
    case .showSummary, .showNeighbor, .showRIB, .export, .why, .neighbor, .accept, .reload, .log, .showMetrics: ""
    }
  }

  /// Before the first record: the header, or the key of the array.
  private mutating func begin(key: String) {
    guard !hasBegun else { return }
    hasBegun = true
    if isJSON {
      json.beginArray(key)
    } else {
      text.write(header)
    }
  }

  private mutating func add(_ report: NeighborReport) {
    begin(key: "neighbors")
    guard !isJSON else {
      NeighborJSON.write(report, command, to: &json)
      return
    }
    switch command {
    case .showSummary(terse: false): SummaryText.writeRow(report, to: &text)
    case .showSummary(terse: true): SummaryText.writeTerse(report, to: &text)
    case .showNeighbor(_, let view): NeighborText.write(report, view, to: &text)
    case .showRIB, .showTables, .showRefused, .showConflicts, .export, .why, .neighbor, .accept, .reload, .log,
      .showMetrics:
      break
    }
  }

  private mutating func add(_ route: RouteReport, _ path: Path, _ detail: Command.RIBDetail) {
    guard !isJSON else {
      RIBJSON.write(route, path.report, communities: detail != .row, to: &json)
      return
    }
    switch (detail, format) {
    case (.detail, _): RIBText.writeDetail(route, path.report, separator: "\n", to: &text)
    case (.ssv, _): RIBText.writeDetail(route, path.report, separator: ";", to: &text)
    case (.row, .classic): RIBText.writeClassicRow(route, end: path.rowEnd, to: &text)
    case (.row, .release77): RIBText.writeModernRow(route, path.report, end: path.rowEnd, to: &text)
    case (.row, .list): list.append(route.prefix)
    }
  }

  private mutating func add(_ report: TableReport) {
    begin(key: "tables")
    if isJSON {
      TableJSON.write(report, to: &json)
    } else {
      TableText.writeRow(report, to: &text)
    }
  }

  private mutating func add(_ report: RefusedReport) {
    if isJSON {
      RefusedJSON.write(report, to: &json)
    } else {
      RefusedText.writeRow(report, to: &text)
    }
  }

  private mutating func add(_ report: ConflictReport) {
    if isJSON {
      ConflictJSON.write(report, to: &json)
    } else {
      ConflictText.writeRow(report, to: &text)
    }
  }

  private mutating func add(_ report: WhyReport) {
    hasBegun = true
    if isJSON {
      WhyJSON.write(report, to: &json)
    } else {
      WhyText.write(report, to: &text)
    }
  }
}
