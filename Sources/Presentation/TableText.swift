import Control
import Primitives

/// `show tables`, which is nftbgpd's own: what a table should hold and what the kernel holds.
enum TableText {
  static let header =
    "Table                Family   Prefixes     Wanted     Kernel      Stale Last Change Sets"

  static func writeRow(_ report: TableReport, to writer: inout TextWriter) {
    writer.left(report.name.printable, 20)
    writer.write(" ")
    writer.left(report.family.description, 6)
    for number in [report.prefixes, report.wanted, report.inKernel, report.stale] {
      writer.write(" ")
      writer.right(number.map { String($0) } ?? "-", 10)
    }
    writer.write(" ")
    writer.right(Timeframe.text(sinceOptional: report.lastChange), 11)
    writer.line(" \(report.nftTable.printable): \(report.sets.joined(separator: " ").printable)")
    if let error = report.error {
      writer.line("  error: \(error.printable)")
    }
  }
}

enum TableJSON {
  static func write(_ report: TableReport, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("table", report.name)
    writer.member("family", report.family.description)
    writer.member("nft_table", report.nftTable)
    writer.members("sets", report.sets)
    writer.member("prefixes", report.prefixes)
    writer.member("wanted", report.wanted)
    if let number = report.inKernel { writer.member("kernel", number) }
    writer.member("stale", report.stale)
    writer.member(time: "last_change", report.lastChange)
    if let error = report.error { writer.member("error", error) }
    writer.end()
  }
}
