import Primitives

extension FieldWriter {
  mutating func write(_ report: NeighborReport) {
    write(report.address)
    write(report.remoteAS)
    write(report.description)
    write(report.group)
    write(optional: report.bgpID) { $0.write($1) }
    write(report.state.rawValue)
    write(optional: report.lastUpDown) { $0.write($1) }
    write(report.configuration)
    write(report.statistics)
    write(optional: report.session) { $0.write($1) }
    write(array: report.timers) { writer, timer in
      writer.write(timer.name)
      writer.write(timer.due)
    }
    write(report.lastErrorSent)
    write(report.lastErrorReceived)
    write(report.lastShutdownReason)
    write(report.lastConnectError)
  }

  private mutating func write(_ capabilities: NeighborReport.Capabilities) {
    write(array: capabilities.multiprotocol) { $0.write($1) }
    write(capabilities.fourOctetAS)
    write(capabilities.refresh)
    write(capabilities.enhancedRefresh)
    write(capabilities.extendedMessage)
    write(capabilities.gracefulRestart)
    write(optional: capabilities.restartTime) { $0.write($1) }
  }

  private mutating func write(_ configuration: NeighborReport.Configuration) {
    write(configuration.passive)
    write(configuration.down)
    write(optional: configuration.multihop) { $0.write($1) }
    write(configuration.ttlSecurity)
    write(configuration.holdTime)
    write(configuration.minimumHoldTime)
    write(configuration.maxPrefix)
    write(configuration.maxPrefixRestart)
    write(configuration.capabilities)
  }

  private mutating func write(_ messages: NeighborReport.Messages) {
    write(messages.open)
    write(messages.notification)
    write(messages.update)
    write(messages.keepalive)
    write(messages.routeRefresh)
    write(messages.beginOfRouteRefresh)
    write(messages.endOfRouteRefresh)
  }

  private mutating func write(_ statistics: NeighborReport.Statistics) {
    write(optional: statistics.lastRead) { $0.write($1) }
    write(optional: statistics.lastWrite) { $0.write($1) }
    write(statistics.sent)
    write(statistics.received)
    write(statistics.prefixes)
    write(statistics.stalePrefixes)
    write(statistics.refused)
    write(statistics.overLimit)
    write(statistics.announced)
    write(statistics.withdrawn)
    write(statistics.endOfRIBSent)
    write(statistics.endOfRIBReceived)
    write(statistics.treatedAsWithdraw)
    write(statistics.attributesDiscarded)
  }

  private mutating func write(_ endpoint: NeighborReport.Endpoint) {
    write(endpoint.address)
    write(endpoint.port)
    write(endpoint.capabilities)
  }

  private mutating func write(_ session: NeighborReport.Session) {
    write(session.holdTime)
    write(session.keepalive)
    write(session.local)
    write(session.remote)
    write(session.negotiated)
  }
}

extension FieldReader {
  mutating func neighborReport(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport {
    NeighborReport(
      address: try address(octets), remoteAS: try uint32(octets), description: try text(octets),
      group: try text(octets), bgpID: try bool(octets) ? try ipv4Address(octets) : nil,
      state: try state(octets), lastUpDown: try seconds(octets),
      configuration: try configuration(octets), statistics: try statistics(octets),
      session: try bool(octets) ? try session(octets) : nil, timers: try timers(octets),
      lastErrorSent: try text(octets), lastErrorReceived: try text(octets), lastShutdownReason: try text(octets),
      lastConnectError: try text(octets))
  }

  private mutating func seconds(_ octets: Span<UInt8>) throws(ControlError) -> UInt64? {
    try bool(octets) ? try uint64(octets) : nil
  }

  private mutating func state(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport.State {
    let value = try uint8(octets)
    guard let state = NeighborReport.State(rawValue: value) else { throw .malformed("session state \(value)") }
    return state
  }

  private mutating func timers(_ octets: Span<UInt8>) throws(ControlError) -> [NeighborReport.Timer] {
    try array(of: 12, octets) { (reader, octets) throws(ControlError) in
      NeighborReport.Timer(name: try reader.text(octets), due: try reader.uint64(octets))
    }
  }

  private mutating func capabilities(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport.Capabilities {
    let families = try array(of: 1, octets) { (reader, octets) throws(ControlError) in try reader.family(octets) }
    return NeighborReport.Capabilities(
      multiprotocol: families, fourOctetAS: try bool(octets), refresh: try bool(octets),
      enhancedRefresh: try bool(octets), extendedMessage: try bool(octets), gracefulRestart: try bool(octets),
      restartTime: try bool(octets) ? try uint16(octets) : nil)
  }

  private mutating func configuration(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport.Configuration {
    NeighborReport.Configuration(
      passive: try bool(octets), down: try bool(octets), multihop: try bool(octets) ? try uint8(octets) : nil,
      ttlSecurity: try bool(octets), holdTime: try uint16(octets), minimumHoldTime: try uint16(octets),
      maxPrefix: try uint32(octets), maxPrefixRestart: try uint16(octets), capabilities: try capabilities(octets))
  }

  private mutating func messages(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport.Messages {
    var messages = NeighborReport.Messages()
    messages.open = try uint64(octets)
    messages.notification = try uint64(octets)
    messages.update = try uint64(octets)
    messages.keepalive = try uint64(octets)
    messages.routeRefresh = try uint64(octets)
    messages.beginOfRouteRefresh = try uint64(octets)
    messages.endOfRouteRefresh = try uint64(octets)
    return messages
  }

  private mutating func statistics(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport.Statistics {
    var statistics = NeighborReport.Statistics()
    statistics.lastRead = try seconds(octets)
    statistics.lastWrite = try seconds(octets)
    statistics.sent = try messages(octets)
    statistics.received = try messages(octets)
    statistics.prefixes = try uint64(octets)
    statistics.stalePrefixes = try uint64(octets)
    statistics.refused = try uint64(octets)
    statistics.overLimit = try uint64(octets)
    statistics.announced = try uint64(octets)
    statistics.withdrawn = try uint64(octets)
    statistics.endOfRIBSent = try uint64(octets)
    statistics.endOfRIBReceived = try uint64(octets)
    statistics.treatedAsWithdraw = try uint64(octets)
    statistics.attributesDiscarded = try uint64(octets)
    return statistics
  }

  private mutating func endpoint(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport.Endpoint {
    NeighborReport.Endpoint(
      address: try address(octets), port: try uint16(octets), capabilities: try capabilities(octets))
  }

  private mutating func session(_ octets: Span<UInt8>) throws(ControlError) -> NeighborReport.Session {
    NeighborReport.Session(
      holdTime: try uint16(octets), keepalive: try uint16(octets), local: try endpoint(octets),
      remote: try endpoint(octets), negotiated: try capabilities(octets))
  }
}
