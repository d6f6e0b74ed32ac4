import Control
import Primitives

/// `show refused`: what the feed asked for and a guard keeps out of a table.
enum RefusedText {
  static let header = "Prefix               Table            Neighbor        Description          Reason"

  static func writeRow(_ report: RefusedReport, to writer: inout TextWriter) {
    writer.left(report.prefix.description, 20)
    writer.write(" ")
    writer.left(report.table.printable, 16)
    writer.write(" ")
    writer.left(report.neighborAddress?.description ?? "-", 15)
    writer.write(" ")
    writer.left(report.neighborDescription.isEmpty ? "-" : report.neighborDescription.printable, 20)
    writer.line(" \(report.reason.printable)")
  }
}

enum RefusedJSON {
  static func write(_ report: RefusedReport, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("prefix", report.prefix.description)
    writer.member("table", report.table)
    if let address = report.neighborAddress {
      writer.neighbor(address, description: report.neighborDescription)
    }
    writer.member("reason", report.reason)
    writer.end()
  }
}

extension JSONWriter {
  /// Whom a prefix came from, with the keys of `show rib`.
  mutating func neighbor(_ address: IPAddress, description: String) {
    beginObject("neighbor")
    if !description.isEmpty { member("description", description) }
    member("remote_addr", address.description)
    end()
  }
}
