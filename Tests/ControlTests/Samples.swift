import Control
import Primitives

/// Draws protocol values of every shape, the odd ones more often than chance would.
struct Samples {
  var source: RandomSource

  init(seed: UInt64) {
    source = RandomSource(seed: seed)
  }

  mutating func bool() -> Bool { Bool.random(using: &source) }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
    switch Int.random(in: 0..<4, using: &source) {
    case 0: .zero
    case 1: .max
    default: Number.random(in: .min ... .max, using: &source)
    }
  }

  mutating func maybe<Value>(_ draw: (inout Samples) -> Value) -> Value? {
    bool() ? draw(&self) : nil
  }

  mutating func array<Value>(upTo limit: Int = 4, _ draw: (inout Samples) -> Value) -> [Value] {
    (0..<Int.random(in: 0...limit, using: &source)).map { _ in draw(&self) }
  }

  mutating func text() -> String {
    let texts = [
      "", "rs.bgp-spamd.net", "65066 64513", "{ 1 2 }", "grün \u{1F95A}", "\u{0}\u{1b}[31m\n", "\"quoted\\\"",
    ]
    return texts.randomElement(using: &source) ?? ""
  }

  mutating func ipv4() -> IPv4Address { IPv4Address(number()) }
  mutating func ipv6() -> IPv6Address { IPv6Address(high: number(), low: number()) }
  mutating func address() -> IPAddress { bool() ? .v4(ipv4()) : .v6(ipv6()) }
  mutating func family() -> AddressFamily { bool() ? .ipv4 : .ipv6 }

  mutating func ipv4Prefix() -> IPv4Prefix {
    IPv4Prefix(ipv4(), length: UInt8.random(in: 0...32, using: &source)) ?? IPv4Prefix(host: ipv4())
  }

  mutating func ipv6Prefix() -> IPv6Prefix {
    IPv6Prefix(ipv6(), length: UInt8.random(in: 0...128, using: &source)) ?? IPv6Prefix(host: ipv6())
  }

  mutating func prefix() -> Prefix { bool() ? .v4(ipv4Prefix()) : .v6(ipv6Prefix()) }

  mutating func selector() -> NeighborSelector {
    switch Int.random(in: 0..<4, using: &source) {
    case 0: .all
    case 1: .address(address())
    case 2: .description(text())
    default: .group(text())
    }
  }

  mutating func prefixFilter() -> RIBQuery.PrefixFilter {
    switch Int.random(in: 0..<4, using: &source) {
    case 0: .longestMatch(address())
    case 1: .exact(prefix())
    case 2: .all(prefix())
    default: .orShorter(prefix())
    }
  }

  mutating func query() -> RIBQuery {
    RIBQuery(
      community: maybe { .init(global: $0.maybe { $0.number() }, local: $0.maybe { $0.number() }) },
      largeCommunity: maybe {
        .init(global: $0.maybe { $0.number() }, data1: $0.maybe { $0.number() }, data2: $0.maybe { $0.number() })
      },
      asn: maybe { $0.number() }, sourceAS: maybe { $0.number() }, peerAS: maybe { $0.number() },
      prefix: maybe { $0.prefixFilter() }, neighbor: selector(), family: maybe { $0.family() }, adjRIBIn: bool(),
      selectedOnly: bool())
  }

  /// One request of every case.
  mutating func requests() -> [ControlRequest] {
    [
      .showSummary, .showNeighbor(selector()), .showRIB(query()), .showTables, .export(table: text()), .why(prefix()),
      .showRefused, .showConflicts, .neighbor(selector(), action()), .accept(table: text()), .reload,
      .log(verbose: bool()), .showMetrics(openMetrics: bool()),
    ]
  }

  mutating func action() -> NeighborAction {
    switch Int.random(in: 0..<4, using: &source) {
    case 0: .up
    case 1: .down(flush: bool(), text())
    case 2: .clear(text())
    default: .refresh
    }
  }

  mutating func capabilities() -> NeighborReport.Capabilities {
    .init(
      multiprotocol: array { $0.family() }, fourOctetAS: bool(), refresh: bool(), enhancedRefresh: bool(),
      extendedMessage: bool(), gracefulRestart: bool(), restartTime: maybe { $0.number() })
  }

  mutating func messages() -> NeighborReport.Messages {
    var messages = NeighborReport.Messages()
    messages.open = number()
    messages.notification = number()
    messages.update = number()
    messages.keepalive = number()
    messages.routeRefresh = number()
    messages.beginOfRouteRefresh = number()
    messages.endOfRouteRefresh = number()
    return messages
  }

  mutating func statistics() -> NeighborReport.Statistics {
    var statistics = NeighborReport.Statistics()
    statistics.lastRead = maybe { $0.number() }
    statistics.lastWrite = maybe { $0.number() }
    statistics.sent = messages()
    statistics.received = messages()
    statistics.prefixes = number()
    statistics.stalePrefixes = number()
    statistics.refused = number()
    statistics.overLimit = number()
    statistics.announced = number()
    statistics.withdrawn = number()
    statistics.endOfRIBSent = number()
    statistics.endOfRIBReceived = number()
    statistics.treatedAsWithdraw = number()
    statistics.attributesDiscarded = number()
    return statistics
  }

  mutating func endpoint() -> NeighborReport.Endpoint {
    .init(address: address(), port: number(), capabilities: capabilities())
  }

  mutating func neighbor() -> NeighborReport {
    NeighborReport(
      address: address(), remoteAS: number(), description: text(), group: text(), bgpID: maybe { $0.ipv4() },
      state: .init(rawValue: UInt8.random(in: 0...5, using: &source)) ?? .idle, lastUpDown: maybe { $0.number() },
      configuration: .init(
        passive: bool(), down: bool(), multihop: maybe { $0.number() }, ttlSecurity: bool(), holdTime: number(),
        minimumHoldTime: number(), maxPrefix: number(), maxPrefixRestart: number(), capabilities: capabilities()),
      statistics: statistics(),
      session: maybe {
        .init(
          holdTime: $0.number(), keepalive: $0.number(), local: $0.endpoint(), remote: $0.endpoint(),
          negotiated: $0.capabilities())
      },
      timers: array { .init(name: $0.text(), due: $0.number()) }, lastErrorSent: text(), lastErrorReceived: text(),
      lastShutdownReason: text(), lastConnectError: text())
  }

  mutating func path() -> PathReport {
    PathReport(
      number: number(), neighborAddress: address(), neighborDescription: text(), bgpID: maybe { $0.ipv4() },
      asPath: text(),
      origin: .init(rawValue: UInt8.random(in: 0...2, using: &source)) ?? .igp, nextHop: maybe { $0.address() },
      multiExitDiscriminator: number(), localPreference: number(), isInternal: bool(), communities: array { $0.text() },
      largeCommunities: array { $0.text() }, extendedCommunities: array { $0.text() })
  }

  mutating func route() -> RouteReport {
    RouteReport(prefix: prefix(), path: number(), isValid: bool(), isBest: bool(), isStale: bool(), age: number())
  }

  mutating func role() -> TableReport.Role { bool() ? .black : .bypass }

  mutating func table() -> TableReport {
    TableReport(
      name: text(), role: role(), family: family(), nftTable: text(), sets: array { $0.text() }, prefixes: number(),
      wanted: number(), inKernel: maybe { $0.number() }, stale: number(), held: number(), refused: number(),
      hash: number(), lastChange: maybe { $0.number() }, error: maybe { $0.text() })
  }

  mutating func note() -> WhyReport.Note {
    switch Int.random(in: 0..<5, using: &source) {
    case 0: .inherited(prefix())
    case 1: .held(prefix(), number())
    case 2: .protected(prefix(), text())
    case 3: .preferred(prefix(), table: text())
    default: .refusedByKernel(prefix(), text())
    }
  }

  mutating func kernel() -> WhyReport.Kernel {
    switch Int.random(in: 0..<3, using: &source) {
    case 0: .holds
    case 1: .doesNotHold
    default: .unknown(text())
    }
  }

  mutating func outcome() -> WhyReport.Outcome {
    switch Int.random(in: 0..<4, using: &source) {
    case 0: .fills(table: text(), line: number())
    case 1: .noTable
    case 2: .denied(line: maybe { $0.number() })
    default: .refused(table: text(), line: number(), reason: text())
    }
  }

  mutating func why() -> WhyReport {
    WhyReport(
      asked: prefix(),
      tables: array {
        .init(
          name: $0.text(), role: $0.role(), members: $0.array { $0.prefix() }, wanted: $0.maybe { $0.prefix() },
          kernel: $0.kernel(), notes: $0.array { $0.note() })
      },
      routes: array {
        .init(
          prefix: $0.prefix(), neighborAddress: $0.address(), neighborDescription: $0.text(), asPath: $0.text(),
          communities: $0.array { $0.text() }, largeCommunities: $0.array { $0.text() }, age: $0.number(),
          staleFor: $0.maybe { $0.number() }, outcome: $0.outcome())
      })
  }

  mutating func refused() -> RefusedReport {
    RefusedReport(
      prefix: prefix(), table: text(), neighborAddress: maybe { $0.address() }, neighborDescription: text(),
      reason: text())
  }

  mutating func conflict() -> ConflictReport {
    ConflictReport(
      bypass: prefix(), bypassTable: text(), black: prefix(), blackTable: text(), preferred: maybe { $0.role() })
  }

  mutating func prefixes(upTo limit: Int = 20) -> PrefixList {
    PrefixList(ipv4: array(upTo: limit) { $0.ipv4Prefix() }, ipv6: array(upTo: limit) { $0.ipv6Prefix() })
  }

  /// One reply of every case.
  mutating func replies() -> [ControlReply] {
    [
      .neighbor(neighbor()), .path(path()), .routes(array(upTo: 20) { $0.route() }), .table(table()),
      .role(.bypass), .prefixes(prefixes()), .why(why()), .refused(array { $0.refused() }),
      .conflicts(array { $0.conflict() }), .metrics(array { $0.text() }), .failure(text()), .end,
    ]
  }
}
