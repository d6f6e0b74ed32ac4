import Control
import Primitives

/// `show summary` and `show summary terse` as text.
enum SummaryText {
  static let header = "Neighbor                   AS    MsgRcvd    MsgSent  OutQ Up/Down  State/PrfRcvd"

  static func writeRow(_ report: NeighborReport, to writer: inout TextWriter) {
    // Name and AS number share 29 columns: the longer the number, the shorter the name, which is cut at an octet by bgpctl and at a
    // character here.
    let asn = String(report.remoteAS)
    let width = max(0, 28 - asn.utf8.count)
    writer.left(report.name.cut(toOctets: width), width)
    writer.write(" \(asn) ")
    writer.right(report.statistics.received.total, 10)
    writer.write(" ")
    writer.right(report.statistics.sent.total, 10)
    // OutQ: nothing is ever queued by a client that only receives.
    writer.write("     0 ")
    writer.left(Timeframe.text(sinceOptional: report.lastUpDown), 8)
    writer.write(" ")
    if report.state == .established {
      writer.right(report.statistics.prefixes, 6)
      if report.configuration.maxPrefix != 0 {
        writer.write("/\(report.configuration.maxPrefix)")
      }
    } else {
      writer.write(report.state.name)
    }
    writer.line()
  }

  static func writeTerse(_ report: NeighborReport, to writer: inout TextWriter) {
    writer.line("\(report.name) \(report.remoteAS) \(report.state.name)")
  }
}

extension NeighborReport {
  /// What the neighbour is called: its description, or its address.
  var name: String {
    description.isEmpty ? address.description : description.printable
  }
}

extension String {
  /// The longest beginning of whole characters that takes no more than so many octets.
  fileprivate func cut(toOctets limit: Int) -> String {
    var text = self
    while text.utf8.count > limit { text.removeLast() }
    return text
  }
}
