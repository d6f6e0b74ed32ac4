import Control
import Primitives

/// `why` as text, for a mail administrator who has ten seconds: the verdict on each table in a line, what decided it
/// below that line, and then the routes, each with what became of it before anything else.
enum WhyText {
  static func write(_ report: WhyReport, to writer: inout TextWriter) {
    if report.tables.isEmpty {
      writer.line("The configuration has no tables.")
    }
    for table in report.tables {
      writer.line("\(table.name.printable) (\(table.role.name)): \(verdict(on: report.asked, in: table))")
      if !table.members.isEmpty, table.members != table.wanted.map({ [$0] }) {
        writer.line("  members that cover it: \(table.members.map(\.description).joined(separator: " "))")
      }
      for note in table.notes {
        writer.line("  \(words(of: note, in: table))")
      }
    }
    writer.line()
    let asked = report.asked.isHost ? report.asked.address.description : report.asked.description
    guard !report.routes.isEmpty else {
      writer.line("No route covers \(asked).")
      return
    }
    writer.line("Routes that cover \(asked):")
    for route in report.routes {
      writer.line()
      write(route, to: &writer)
    }
  }

  private static func verdict(on asked: Prefix, in table: WhyReport.Table) -> String {
    guard let element = table.wanted else {
      let absence = absence(of: asked, in: table)
      switch table.kernel {
      case .holds: return "\(absence), but the kernel (still) holds it"
      case .doesNotHold: return absence
      case .unknown(let reason): return "\(absence); the kernel cannot be asked: \(reason.printable)"
      }
    }
    switch table.kernel {
    case .holds: return "LISTED by \(element), and the kernel holds it"
    case .doesNotHold where table.isRefusedByKernel: return "listed by \(element), but the kernel has refused it"
    case .doesNotHold: return "listed by \(element), but the kernel does not hold it (yet)"
    case .unknown(let reason): return "listed by \(element); the kernel cannot be asked: \(reason.printable)"
    }
  }

  /// Why the kernel should not hold what was asked for. A note on a part of a prefix says so of the part.
  private static func absence(of asked: Prefix, in table: WhyReport.Table) -> String {
    for note in table.notes {
      switch note {
      case .protected(let prefix, let reason):
        return prefix.contains(asked)
          ? "NOT LISTED: protected (\(reason.printable))"
          : "NOT LISTED as a whole: \(prefix) is protected (\(reason.printable))"
      case .preferred(let prefix, let other):
        return prefix.contains(asked)
          ? "NOT LISTED: it is in \(other.printable), which is preferred"
          : "NOT LISTED as a whole: \(prefix) is in \(other.printable), which is preferred"
      case .inherited, .held, .refusedByKernel:
        continue
      }
    }
    return table.members.isEmpty ? "not listed" : "NOT LISTED, although members cover it"
  }

  private static func words(of note: WhyReport.Note, in table: WhyReport.Table) -> String {
    switch note {
    case .inherited(let prefix):
      "\(prefix) was left by an earlier run, and no neighbor has confirmed it yet"
    case .held(let prefix, let seconds):
      "\(prefix) is withdrawn, but held by the shrink guard for \(Timeframe.text(seconds)) more: "
        + "nftbgpctl table \(table.name.printable) accept lets it go"
    case .protected(let prefix, let reason):
      "\(prefix) is protected: \(reason.printable)"
    case .preferred(let prefix, let other):
      "\(prefix) is in \(other.printable), which is preferred"
    case .refusedByKernel(let prefix, let words):
      "\(prefix) was refused by the kernel: \(words.printable)"
    }
  }

  private static func write(_ route: WhyReport.Route, to writer: inout TextWriter) {
    writer.write("\(route.prefix) from ")
    if route.neighborDescription.isEmpty {
      writer.line("\(route.neighborAddress)")
    } else {
      writer.line("\(route.neighborDescription.printable) (\(route.neighborAddress))")
    }
    writer.line("    \(words(of: route.outcome))")
    let lines = [
      ("AS path", route.asPath), ("Communities", route.communities.joined(separator: " ")),
      ("Large Communities", route.largeCommunities.joined(separator: " ")),
    ]
    for (label, text) in lines where !text.isEmpty {
      writer.line("    \(label): \(text.printable)")
    }
    let freshness = route.staleFor.map { "stale since \(Timeframe.text($0)) ago" } ?? "fresh"
    writer.line("    Last update: \(Timeframe.text(route.age)) ago, \(freshness)")
  }

  private static func words(of outcome: WhyReport.Outcome) -> String {
    switch outcome {
    case .fills(let table, let line):
      "fills \(table.printable) by \(rule(line))"
    case .noTable:
      "no rule names a table"
    case .denied(nil):
      "denied: no rule allows it"
    case .denied(.some(0)):
      "denied by a rule that no line spells out"
    case .denied(.some(let line)):
      "denied by line \(line)"
    case .refused(let table, let line, let reason):
      "refused for \(table.printable): \(reason.printable); \(rule(line)) names the table"
    }
  }

  private static func rule(_ line: UInt32) -> String {
    line == 0 ? "a rule that no line spells out" : "the rule on line \(line)"
  }
}

extension WhyReport.Table {
  fileprivate var isRefusedByKernel: Bool {
    notes.contains { note in
      switch note {
      case .refusedByKernel: true
      case .inherited, .held, .protected, .preferred: false
      }
    }
  }
}
