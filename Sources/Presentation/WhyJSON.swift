import Control
import Primitives

/// `why` as JSON, under the keys that `show tables` and `show rib` have where they tell the same.
enum WhyJSON {
  static func write(_ report: WhyReport, to writer: inout JSONWriter) {
    writer.beginObject("why")
    writer.member("asked", report.asked.description)
    if !report.tables.isEmpty {
      writer.beginArray("tables")
      for table in report.tables { write(table, to: &writer) }
      writer.end()
    }
    if !report.routes.isEmpty {
      writer.beginArray("routes")
      for route in report.routes { write(route, to: &writer) }
      writer.end()
    }
    writer.end()
  }

  private static func write(_ table: WhyReport.Table, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("table", table.name)
    writer.member("role", table.role.name)
    writer.member("listed", table.wanted != nil)
    if let element = table.wanted { writer.member("wanted", element.description) }
    switch table.kernel {
    case .holds: writer.member("in_kernel", true)
    case .doesNotHold: writer.member("in_kernel", false)
    case .unknown(let reason): writer.member("kernel_error", reason)
    }
    writer.members("members", table.members.map(\.description))
    if !table.notes.isEmpty {
      writer.beginArray("notes")
      for note in table.notes { write(note, to: &writer) }
      writer.end()
    }
    writer.end()
  }

  private static func write(_ note: WhyReport.Note, to writer: inout JSONWriter) {
    writer.beginObject()
    switch note {
    case .inherited(let prefix):
      writer.member("note", "inherited")
      writer.member("prefix", prefix.description)
    case .held(let prefix, let seconds):
      writer.member("note", "held")
      writer.member("prefix", prefix.description)
      writer.member(time: "remaining", seconds)
    case .protected(let prefix, let reason):
      writer.member("note", "protected")
      writer.member("prefix", prefix.description)
      writer.member("reason", reason)
    case .preferred(let prefix, let table):
      writer.member("note", "preferred")
      writer.member("prefix", prefix.description)
      writer.member("table", table)
    case .refusedByKernel(let prefix, let words):
      writer.member("note", "refused_by_kernel")
      writer.member("prefix", prefix.description)
      writer.member("reason", words)
    }
    writer.end()
  }

  private static func write(_ route: WhyReport.Route, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("prefix", route.prefix.description)
    writer.member("aspath", route.asPath)
    writer.neighbor(route.neighborAddress, description: route.neighborDescription)
    writer.members("communities", route.communities)
    writer.members("large_communities", route.largeCommunities)
    writer.member(time: "last_update", route.age)
    writer.member("stale", route.staleFor != nil)
    if let seconds = route.staleFor { writer.member(time: "stale_since", seconds) }
    write(route.outcome, to: &writer)
    writer.end()
  }

  /// Line 0 is none.
  private static func write(_ outcome: WhyReport.Outcome, to writer: inout JSONWriter) {
    switch outcome {
    case .fills(let table, let line):
      writer.member("outcome", "fills")
      writer.member("table", table)
      if line != 0 { writer.member("line", line) }
    case .noTable:
      writer.member("outcome", "no_table")
    case .denied(nil):
      writer.member("outcome", "denied_by_default")
    case .denied(.some(let line)):
      writer.member("outcome", "denied")
      if line != 0 { writer.member("line", line) }
    case .refused(let table, let line, let reason):
      writer.member("outcome", "refused")
      writer.member("table", table)
      if line != 0 { writer.member("line", line) }
      writer.member("reason", reason)
    }
  }
}
