import Control
import Primitives

/// `show neighbor` as text.
enum NeighborText {
  /// bgpd's hold time before one is negotiated: the large value of RFC 4271 §8.2.2.
  private static let initialHoldTime: UInt16 = 240

  static func write(_ report: NeighborReport, _ view: Command.NeighborView, to writer: inout TextWriter) {
    switch view {
    case .terse:
      writeTerse(report, to: &writer)
    case .timers:
      writeHead(report, to: &writer)
      writeTimers(report, to: &writer)
    case .full:
      writeHead(report, to: &writer)
      writeMessages(report.statistics, to: &writer)
      writeUpdates(report.statistics, to: &writer)
      writeEnd(report, to: &writer)
    }
  }

  private static func writeTerse(_ report: NeighborReport, to writer: inout TextWriter) {
    let (sent, received) = (report.statistics.sent, report.statistics.received)
    let counters: [UInt64] = [
      sent.open, received.open, sent.notification, received.notification, sent.update, received.update, sent.keepalive,
      received.keepalive, sent.routeRefresh, received.routeRefresh, report.statistics.prefixes,
      UInt64(report.configuration.maxPrefix), 0, report.statistics.announced, 0, report.statistics.withdrawn,
    ]
    writer.write(counters.map(String.init).joined(separator: " "))
    writer.line(" \(report.address) \(report.remoteAS) \"\(report.description.printable)\"")
  }

  private static func writeHead(_ report: NeighborReport, to writer: inout TextWriter) {
    let configuration = report.configuration
    writer.write("BGP neighbor is \(report.address), remote AS \(report.remoteAS)")
    if configuration.passive { writer.write(", Passive") }
    if let distance = configuration.multihop { writer.write(", Multihop (\(distance))") }
    writer.line()
    if !report.description.isEmpty {
      writer.line(" Description: \(report.description.printable)")
    }
    if configuration.maxPrefix != 0 {
      let restart = configuration.maxPrefixRestart
      writer.line(" Max-prefix: \(configuration.maxPrefix)" + (restart == 0 ? "" : " (restart \(restart))"))
    }
    if report.state == .established, let bgpID = report.bgpID {
      writer.line("  BGP version 4, remote router-id \(bgpID)")
    }
    writer.write("  BGP state = \(report.state.name)")
    if configuration.down { writer.write(", marked down") }
    if let seconds = report.lastUpDown {
      writer.write(", \(report.state == .established ? "up" : "down") for \(Timeframe.text(seconds))")
    }
    writer.line()
    let holdTime = report.session?.holdTime ?? initialHoldTime
    let keepalive = report.session?.keepalive ?? initialHoldTime / 3
    let lastRead = Timeframe.text(sinceOptional: report.statistics.lastRead)
    writer.line("  Last read \(lastRead), holdtime \(holdTime)s, keepalive interval \(keepalive)s")
    writer.line("  Last write \(Timeframe.text(sinceOptional: report.statistics.lastWrite))")
    if let session = report.session {
      writeCapabilities("Neighbor", session.remote.capabilities, to: &writer)
      writeCapabilities("Negotiated", session.negotiated, to: &writer)
    }
    writer.line()
  }

  private static func writeCapabilities(
    _ whose: String, _ capabilities: NeighborReport.Capabilities, to writer: inout TextWriter
  ) {
    guard !capabilities.isEmpty else { return }
    writer.line("  \(whose) capabilities:")
    if !capabilities.multiprotocol.isEmpty {
      let families = capabilities.multiprotocol.map { "\($0) unicast" }
      writer.line("    Multiprotocol extensions: \(families.joined(separator: ", "))")
    }
    if capabilities.fourOctetAS { writer.line("    4-byte AS numbers") }
    if capabilities.refresh { writer.line("    Route Refresh") }
    if capabilities.enhancedRefresh { writer.line("    Enhanced Route Refresh") }
    if capabilities.extendedMessage { writer.line("    Extended message") }
    if capabilities.gracefulRestart {
      writer.line("    Graceful Restart" + (capabilities.restartTime.map { ": Timeout: \($0)" } ?? ""))
    }
  }

  private static func writeTimers(_ report: NeighborReport, to writer: inout TextWriter) {
    for timer in report.timers {
      writer.write("  ")
      writer.left(timer.name.printable, 20)
      writer.write(" ")
      if timer.due == 0 {
        writer.left("due", 20)
      } else {
        writer.write("due in ")
        writer.left(Timeframe.text(timer.due), 13)
      }
      writer.line()
    }
  }

  private static func writeRow(_ label: String, _ values: UInt64..., to writer: inout TextWriter) {
    writer.write("  ")
    writer.left(label, 15)
    for value in values {
      writer.write(" ")
      writer.right(value, 10)
    }
    writer.line()
  }

  private static func writeMessages(_ statistics: NeighborReport.Statistics, to writer: inout TextWriter) {
    let (sent, received) = (statistics.sent, statistics.received)
    writer.line("  Message statistics:")
    writer.line("                  Sent       Received  ")
    writeRow("Opens", sent.open, received.open, to: &writer)
    writeRow("Notifications", sent.notification, received.notification, to: &writer)
    writeRow("Updates", sent.update, received.update, to: &writer)
    writeRow("Keepalives", sent.keepalive, received.keepalive, to: &writer)
    writeRow("Route Refresh", sent.routeRefresh, received.routeRefresh, to: &writer)
    writeRow("Total", sent.total, received.total, to: &writer)
    writer.line()
  }

  /// Nothing but End-of-RIB and route refresh requests is ever sent, so the other numbers of that column are zeros.
  private static func writeUpdates(_ statistics: NeighborReport.Statistics, to writer: inout TextWriter) {
    writer.line("  Update statistics:")
    writer.line("                  Sent       Received   Pending   ")
    writeRow("Prefixes", 0, statistics.prefixes, to: &writer)
    writeRow("Updates", 0, statistics.announced, 0, to: &writer)
    writeRow("Withdraws", 0, statistics.withdrawn, 0, to: &writer)
    writeRow("End-of-Rib", statistics.endOfRIBSent, statistics.endOfRIBReceived, to: &writer)
    writer.line("  Route Refresh statistics:")
    let (sent, received) = (statistics.sent, statistics.received)
    writeRow("Request", sent.refreshRequest, received.refreshRequest, to: &writer)
    writeRow("Begin-of-RR", sent.beginOfRouteRefresh, received.beginOfRouteRefresh, to: &writer)
    writeRow("End-of-RR", sent.endOfRouteRefresh, received.endOfRouteRefresh, to: &writer)
    writer.line()
  }

  private static func writeEnd(_ report: NeighborReport, to writer: inout TextWriter) {
    // bgpctl has none of the first three, so they are there only when there is something to tell.
    if report.statistics.refused != 0 {
      writer.line("  Prefixes refused by guards: \(report.statistics.refused)")
    }
    if report.statistics.overLimit != 0 {
      writer.line("  Prefixes over max-prefix: \(report.statistics.overLimit)")
    }
    if !report.lastConnectError.isEmpty {
      writer.line("  Last attempt to connect: \(report.lastConnectError.printable)")
    }
    if !report.lastShutdownReason.isEmpty {
      writer.line("  Last received shutdown reason: \"\(report.lastShutdownReason.printable)\"")
    }
    if !report.lastErrorSent.isEmpty {
      writer.line("  Last error sent: \(report.lastErrorSent.printable)")
    }
    if !report.lastErrorReceived.isEmpty {
      writer.line("  Last error received: \(report.lastErrorReceived.printable)")
    }
    guard let session = report.session else { return }
    writeEndpoint("Local", session.local, to: &writer)
    writeEndpoint("Remote", session.remote, to: &writer)
    writer.line()
  }

  private static func writeEndpoint(_ which: String, _ endpoint: NeighborReport.Endpoint, to writer: inout TextWriter) {
    writer.left("  \(which) host:", 14)
    writer.write(" ")
    writer.right(endpoint.address.description, 20)
    writer.write(", ")
    writer.left("\(which) port:", 12)
    writer.write(" ")
    writer.right(endpoint.port, 5)
    writer.line()
  }
}

extension NeighborReport.Capabilities {
  var isEmpty: Bool {
    multiprotocol.isEmpty && !fourOctetAS && !refresh && !enhancedRefresh && !extendedMessage && !gracefulRestart
  }
}
