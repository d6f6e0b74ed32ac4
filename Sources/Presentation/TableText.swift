import Control
import Primitives

/// `show tables`, which is nftbgpd's own: what a table should hold and what the kernel holds.
///
/// The nft table is left out, which is one for all sets, and the sets, which need the most room, come last.
enum TableText {
  static let header =
    "Table            Role   Family Prefixes  Wanted  Kernel   Fresh   Stale    Held Refused Last Change Hash             Sets"

  static func writeRow(_ report: TableReport, to writer: inout TextWriter) {
    writer.left(report.name.printable, 16)
    writer.write(" ")
    writer.left(report.role.name, 6)
    writer.write(" ")
    writer.left(report.family.description, 6)
    writer.write(" ")
    writer.right(report.prefixes, 8)
    for number in [report.wanted, report.inKernel, report.fresh, report.stale, report.held, report.refused] {
      writer.write(" ")
      writer.right(number.map { String($0) } ?? "-", 7)
    }
    writer.write(" ")
    writer.right(Timeframe.text(sinceOptional: report.lastChange), 11)
    writer.write(" \(hash(report))")
    writer.line(" \(report.sets.joined(separator: " ").printable)")
    if let error = report.error {
      writer.line("  error: \(error.printable)")
    }
  }

  /// Sixteen hexadecimal digits; in JSON they are a string, because a number of JSON loses the last ones.
  static func hash(_ report: TableReport) -> String {
    let digits = String(report.hash, radix: 16)
    return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
  }
}

enum TableJSON {
  static func write(_ report: TableReport, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("table", report.name)
    writer.member("role", report.role.name)
    writer.member("family", report.family.description)
    writer.member("nft_table", report.nftTable)
    writer.members("sets", report.sets)
    writer.member("prefixes", report.prefixes)
    writer.member("wanted", report.wanted)
    if let number = report.inKernel { writer.member("kernel", number) }
    writer.member("fresh", report.fresh)
    writer.member("stale", report.stale)
    writer.member("held", report.held)
    writer.member("refused", report.refused)
    writer.member("hash", TableText.hash(report))
    writer.member(time: "last_change", report.lastChange)
    if let error = report.error { writer.member("error", error) }
    writer.end()
  }
}
