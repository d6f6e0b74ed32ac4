import Control
import Primitives

/// The values of the laboratory in which the fixtures were captured: two route servers, a dead neighbour, twelve routes.
enum Laboratory {
  static let both = capabilities([.ipv4, .ipv6])
  static let ipv4 = capabilities([.ipv4])

  static func capabilities(_ families: [AddressFamily]) -> NeighborReport.Capabilities {
    .init(
      multiprotocol: families, fourOctetAS: true, refresh: true, enhancedRefresh: false, extendedMessage: false,
      gracefulRestart: true, restartTime: nil)
  }

  static func address(_ text: String) -> IPAddress { IPAddress(text) ?? .v4(IPv4Address(0)) }

  static func neighbor(_ host: UInt8, _ description: String) -> NeighborReport {
    NeighborReport(
      address: .v4(IPv4Address(0x7F00_0000 | UInt32(host))), remoteAS: 65066, description: description,
      group: "spamd-bgp",
      bgpID: nil, state: .active, lastUpDown: nil,
      configuration: .init(
        passive: false, down: false, multihop: 64, ttlSecurity: false, holdTime: 0, minimumHoldTime: 0,
        maxPrefix: 500_000,
        maxPrefixRestart: 30, capabilities: both),
      statistics: .init(), session: nil, timers: [], lastErrorSent: "", lastErrorReceived: "", lastShutdownReason: "",
      lastConnectError: "")
  }

  static func messages(
    open: UInt64, update: UInt64, keepalive: UInt64, notification: UInt64 = 0
  ) -> NeighborReport.Messages {
    var messages = NeighborReport.Messages()
    messages.open = open
    messages.update = update
    messages.keepalive = keepalive
    messages.notification = notification
    return messages
  }

  static func established(
    _ host: UInt8, _ description: String, port: UInt16, prefixes: UInt64, updates: UInt64, endOfRIB: UInt64,
    peer: NeighborReport.Capabilities
  ) -> NeighborReport {
    var report = neighbor(host, description)
    report.bgpID = IPv4Address(0x7F00_0000 | UInt32(host))
    report.state = .established
    report.lastUpDown = 10
    report.statistics.lastRead = 10
    report.statistics.lastWrite = 10
    report.statistics.sent = messages(open: 1, update: endOfRIB, keepalive: 1)
    report.statistics.received = messages(open: 1, update: updates, keepalive: 1)
    report.statistics.prefixes = prefixes
    report.statistics.announced = prefixes
    report.statistics.endOfRIBSent = endOfRIB
    report.statistics.endOfRIBReceived = endOfRIB
    report.session = .init(
      holdTime: 90, keepalive: 30,
      local: .init(address: address("127.0.0.1"), port: port, capabilities: both),
      remote: .init(address: report.address, port: 1179, capabilities: peer), negotiated: peer)
    report.timers = [
      .init(name: "KeepaliveTimer", due: 20), .init(name: "HoldTimer", due: 80), .init(name: "SendHoldTimer", due: 80),
      .init(name: "IdleHoldResetTimer", due: 20),
    ]
    return report
  }

  static let rs = established(
    2, "rs.bgp-spamd.net", port: 45489, prefixes: 8, updates: 10, endOfRIB: 2, peer: both)
  static let eu = established(
    3, "eu.bgp-spamd.net", port: 33609, prefixes: 4, updates: 4, endOfRIB: 1, peer: ipv4)
  static let dead = neighbor(9, "dead.bgp-spamd.net")
  static let neighbors = [rs, eu, dead]

  /// `eu` after its bgpd was stopped.
  static var dropped: NeighborReport {
    var report = neighbor(3, "eu.bgp-spamd.net")
    report.state = .idle
    report.lastUpDown = 3
    report.statistics.lastRead = 3
    report.statistics.lastWrite = 22
    report.statistics.sent = messages(open: 1, update: 1, keepalive: 1)
    report.statistics.received = messages(open: 1, update: 4, keepalive: 1, notification: 1)
    report.lastShutdownReason = "bgpd shutting down"
    report.lastErrorReceived = "Cease, administratively down"
    return report
  }

  /// A neighbour that sent more than one prefix and had `max-prefix 1`.
  static func tooMany(secondsAgo: UInt64) -> NeighborReport {
    var report = neighbor(0, "")
    report.address = address("::1")
    report.configuration.maxPrefix = 1
    report.configuration.maxPrefixRestart = 5
    report.state = .idle
    report.lastUpDown = secondsAgo
    report.statistics.lastRead = secondsAgo
    report.statistics.lastWrite = secondsAgo
    report.statistics.sent = messages(open: 1, update: 2, keepalive: 1, notification: 1)
    report.statistics.received = messages(open: 1, update: 5, keepalive: 1)
    report.lastErrorSent = "Cease, received max-prefix exceeded"
    return report
  }

  static func path(
    _ number: UInt32, _ neighbor: NeighborReport, nextHop: String, _ communities: [String], large: [String] = []
  ) -> PathReport {
    PathReport(
      number: number, neighborAddress: neighbor.address, neighborDescription: neighbor.description,
      bgpID: neighbor.bgpID,
      asPath: "65066", origin: .igp, nextHop: address(nextHop), multiExitDiscriminator: 0, localPreference: 100,
      isInternal: false, communities: communities, largeCommunities: large, extendedCommunities: [])
  }

  static let paths = [
    path(1, rs, nextHop: "127.0.0.2", ["65066:42"]),
    path(2, eu, nextHop: "127.0.0.3", ["65066:42"]),
    path(3, rs, nextHop: "127.0.0.2", ["65066:42", "65066:64512"]),
    path(4, rs, nextHop: "127.0.0.2", ["64513:666", "65066:666"]),
    path(5, eu, nextHop: "127.0.0.3", ["65066:666"]),
    path(6, rs, nextHop: "127.0.0.2", ["65066:42", "65066:666"]),
    path(7, eu, nextHop: "10.99.99.99", ["65066:666"]),
    path(8, rs, nextHop: "127.0.0.2", ["65066:666"]),
    path(9, rs, nextHop: "127.0.0.2", ["65066:666"], large: ["65066:666:1"]),
    path(10, rs, nextHop: "::1", ["65066:666"]),
    path(11, rs, nextHop: "::1", ["65066:42"]),
  ]

  static func route(_ prefix: String, _ path: UInt32, best: Bool = true) -> RouteReport {
    RouteReport(
      prefix: Prefix(prefix) ?? Prefix(host: address("")), path: path, isValid: true, isBest: best, isStale: false,
      age: 10)
  }

  static let routes = [
    route("192.0.2.1/32", 1), route("192.0.2.1/32", 2, best: false), route("192.0.2.2/32", 3), route("192.0.2.3/32", 4),
    route("192.0.2.3/32", 5, best: false), route("192.0.2.4/32", 6), route("192.0.2.4/32", 5, best: false),
    route("192.0.2.5/32", 7), route("198.51.100.0/24", 8), route("203.0.113.7/32", 9), route("2001:db8::25/128", 10),
    route("2001:db8:42::/64", 11),
  ]

  /// The answer to `show rib`, or to one with `community 65066:666`.
  static func rib(listedOnly: Bool = false) -> [ControlReply] {
    let routes = routes.filter { route in
      !listedOnly || paths.contains { $0.number == route.path && $0.communities.contains("65066:666") }
    }
    return paths.map(ControlReply.path) + [.routes(Array(routes.prefix(5))), .routes(Array(routes.dropFirst(5)))]
  }
}
