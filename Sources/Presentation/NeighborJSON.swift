import Control
import Primitives

/// `show summary` and `show neighbor` as JSON, with the keys of bgpctl(8) in its order; what bgpctl has not is under `nftbgpd`.
enum NeighborJSON {
  static func write(_ report: NeighborReport, _ command: Command, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("remote_as", String(report.remoteAS))
    if !report.description.isEmpty { writer.member("description", report.description) }
    if !report.group.isEmpty { writer.member("group", report.group) }
    writer.member("remote_addr", report.address.description)
    if report.state == .established, let bgpID = report.bgpID {
      writer.member("bgpid", bgpID.description)
    }
    writer.member("state", report.state.name)
    writer.member(time: "last_updown", report.lastUpDown)
    if case .showNeighbor(_, let view) = command {
      write(report.configuration, to: &writer)
      write(report.statistics, to: &writer)
      writeErrors(report, to: &writer)
      if let session = report.session { write(session, to: &writer) }
      if view == .timers { write(report.timers, to: &writer) }
      writer.beginObject("nftbgpd")
      writer.member("stale_prefixes", report.statistics.stalePrefixes)
      writer.member("refused_prefixes", report.statistics.refused)
      writer.member("over_limit_prefixes", report.statistics.overLimit)
      writer.member("treated_as_withdraw", report.statistics.treatedAsWithdraw)
      writer.member("attributes_discarded", report.statistics.attributesDiscarded)
      if !report.lastConnectError.isEmpty { writer.member("last_connect_error", report.lastConnectError) }
      writer.end()
    }
    writer.end()
  }

  private static func write(_ configuration: NeighborReport.Configuration, to writer: inout JSONWriter) {
    writer.beginObject("config")
    writer.member("template", false)
    writer.member("cloned", false)
    writer.member("passive", configuration.passive)
    writer.member("down", configuration.down)
    writer.member("multihop", configuration.multihop != nil)
    if let distance = configuration.multihop { writer.member("multihop_distance", distance) }
    if configuration.maxPrefix != 0 {
      writer.member("max_prefix", configuration.maxPrefix)
      if configuration.maxPrefixRestart != 0 { writer.member("max_prefix_restart", configuration.maxPrefixRestart) }
    }
    writer.member("ttl_security", configuration.ttlSecurity)
    writer.member("holdtime", configuration.holdTime)
    writer.member("min_holdtime", configuration.minimumHoldTime)
    writer.member("announce_capabilities", !configuration.capabilities.isEmpty)
    write(configuration.capabilities, to: &writer)
    writer.end()
  }

  private static func write(_ capabilities: NeighborReport.Capabilities, to writer: inout JSONWriter) {
    guard !capabilities.isEmpty else { return }
    writer.beginObject("capabilities")
    writer.member("as4byte", capabilities.fourOctetAS)
    writer.member("refresh", capabilities.refresh)
    writer.member("enhanced_refresh", capabilities.enhancedRefresh)
    if capabilities.extendedMessage { writer.member("extended_message", true) }
    writer.members("multiprotocol", capabilities.multiprotocol.map { "\($0) unicast" })
    if capabilities.gracefulRestart {
      writer.beginObject("graceful_restart")
      writer.member("eor", true)
      writer.member("restart", false)
      if let seconds = capabilities.restartTime { writer.member("timeout", seconds) }
      writer.end()
    }
    writer.end()
  }

  private static func write(_ statistics: NeighborReport.Statistics, to writer: inout JSONWriter) {
    writer.beginObject("stats")
    writer.member(time: "last_read", statistics.lastRead)
    writer.member(time: "last_write", statistics.lastWrite)
    writer.beginObject("prefixes")
    writer.member("sent", 0)
    writer.member("received", statistics.prefixes)
    writer.end()
    writer.beginObject("message")
    write("sent", statistics.sent, to: &writer)
    write("received", statistics.received, to: &writer)
    writer.end()
    writer.beginObject("update")
    writer.object("sent", ["updates": 0, "withdraws": 0, "eor": statistics.endOfRIBSent])
    writer.object(
      "received",
      ["updates": statistics.announced, "withdraws": statistics.withdrawn, "eor": statistics.endOfRIBReceived])
    writer.object("pending", ["updates": 0, "withdraws": 0])
    writer.end()
    writer.beginObject("route-refresh")
    for (direction, messages) in [("sent", statistics.sent), ("received", statistics.received)] {
      writer.object(
        direction,
        [
          "request": messages.refreshRequest, "borr": messages.beginOfRouteRefresh, "eorr": messages.endOfRouteRefresh,
        ])
    }
    writer.end()
    writer.end()
  }

  private static func write(_ direction: String, _ messages: NeighborReport.Messages, to writer: inout JSONWriter) {
    writer.object(
      direction,
      [
        "open": messages.open, "notifications": messages.notification, "updates": messages.update,
        "keepalives": messages.keepalive, "route_refresh": messages.routeRefresh, "total": messages.total,
      ])
  }

  private static func writeErrors(_ report: NeighborReport, to writer: inout JSONWriter) {
    if !report.lastShutdownReason.isEmpty { writer.member("last_shutdown_reason", report.lastShutdownReason) }
    if !report.lastErrorSent.isEmpty { writer.member("last_error_sent", report.lastErrorSent) }
    if !report.lastErrorReceived.isEmpty { writer.member("last_error_received", report.lastErrorReceived) }
  }

  private static func write(_ session: NeighborReport.Session, to writer: inout JSONWriter) {
    writer.beginObject("session")
    writer.member("holdtime", session.holdTime)
    writer.member("keepalive", session.keepalive)
    write("local", session.local, to: &writer)
    write("remote", session.remote, to: &writer)
    write(session.negotiated, to: &writer)
    writer.end()
  }

  private static func write(_ which: String, _ endpoint: NeighborReport.Endpoint, to writer: inout JSONWriter) {
    writer.beginObject(which)
    writer.member("address", endpoint.address.description)
    writer.member("port", endpoint.port)
    write(endpoint.capabilities, to: &writer)
    writer.end()
  }

  private static func write(_ timers: [NeighborReport.Timer], to writer: inout JSONWriter) {
    guard !timers.isEmpty else { return }
    writer.beginArray("timers")
    for timer in timers {
      writer.beginObject()
      writer.member("name", timer.name)
      writer.member("due", timer.due)
      writer.end()
    }
    writer.end()
  }
}

extension JSONWriter {
  /// A time as text, and as a number of seconds under the same name with `_sec`: -1 for never.
  mutating func member(time name: String, _ seconds: UInt64?) {
    member(name, Timeframe.text(sinceOptional: seconds))
    if let seconds {
      member(name + "_sec", seconds)
    } else {
      member(name + "_sec", -1)
    }
  }

  /// An object of numbers.
  fileprivate mutating func object(_ name: String, _ numbers: KeyValuePairs<String, UInt64>) {
    beginObject(name)
    for (name, number) in numbers { member(name, number) }
    end()
  }
}
