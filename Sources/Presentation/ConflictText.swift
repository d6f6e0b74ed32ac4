import Control
import Primitives

/// `show conflicts`: what is in a bypass and in a black table at once.
enum ConflictText {
  static let header = "Bypass               Table            Black                Table            Wins"

  static func writeRow(_ report: ConflictReport, to writer: inout TextWriter) {
    writer.left(report.bypass.description, 20)
    writer.write(" ")
    writer.left(report.bypassTable.printable, 16)
    writer.write(" ")
    writer.left(report.black.description, 20)
    writer.write(" ")
    writer.left(report.blackTable.printable, 16)
    writer.line(" \(report.preferred?.name ?? "both stay")")
  }
}

enum ConflictJSON {
  static func write(_ report: ConflictReport, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("bypass", report.bypass.description)
    writer.member("bypass_table", report.bypassTable)
    writer.member("black", report.black.description)
    writer.member("black_table", report.blackTable)
    writer.member("wins", report.preferred?.name ?? "both")
    writer.end()
  }
}
