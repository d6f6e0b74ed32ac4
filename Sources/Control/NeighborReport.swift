package import Primitives

/// Everything that `show summary` and `show neighbor` say of one neighbour.
package struct NeighborReport: Hashable, Sendable {
  package var address: IPAddress
  package var remoteAS: UInt32
  /// Empty when the configuration has none.
  package var description: String
  /// Empty when it stands in no group.
  package var group: String
  package var bgpID: IPv4Address?
  package var state: State
  /// Seconds since the session last came up or went down; nil for never.
  package var lastUpDown: UInt64?
  package var configuration: Configuration
  package var statistics: Statistics
  /// nil unless the session is Established.
  package var session: Session?
  package var timers: [Timer]
  /// `Cease, administrative shutdown`; empty for none. As bgpctl words it.
  package var lastErrorSent: String
  package var lastErrorReceived: String
  /// RFC 9003 text of the peer, printable; empty for none.
  package var lastShutdownReason: String
  /// Why the last attempt to connect failed, and what to check; empty for none, and once one has not.
  package var lastConnectError: String

  /// The state names of RFC 4271 §8.2.2, spelled as bgpctl spells them.
  package enum State: UInt8, Hashable, Sendable, CaseIterable {
    case idle, connect, active, openSent, openConfirm, established

    package var name: String {
      switch self {
      case .idle: "Idle"
      case .connect: "Connect"
      case .active: "Active"
      case .openSent: "OpenSent"
      case .openConfirm: "OpenConfirm"
      case .established: "Established"
      }
    }
  }

  package struct Capabilities: Hashable, Sendable {
    /// In the order IPv4, IPv6.
    package var multiprotocol: [AddressFamily]
    package var fourOctetAS: Bool
    package var refresh: Bool
    package var enhancedRefresh: Bool
    package var extendedMessage: Bool
    /// RFC 4724 offered, if only for End-of-RIB.
    package var gracefulRestart: Bool
    /// Restart time in seconds; nil where none was offered.
    package var restartTime: UInt16?

    package init(
      multiprotocol: [AddressFamily], fourOctetAS: Bool, refresh: Bool, enhancedRefresh: Bool, extendedMessage: Bool,
      gracefulRestart: Bool, restartTime: UInt16?
    ) {
      self.multiprotocol = multiprotocol
      self.fourOctetAS = fourOctetAS
      self.refresh = refresh
      self.enhancedRefresh = enhancedRefresh
      self.extendedMessage = extendedMessage
      self.gracefulRestart = gracefulRestart
      self.restartTime = restartTime
    }
  }

  package struct Configuration: Hashable, Sendable {
    package var passive: Bool
    package var down: Bool
    /// nil for a directly connected neighbour.
    package var multihop: UInt8?
    package var ttlSecurity: Bool
    /// Seconds; 0 where the neighbour has none of its own.
    package var holdTime: UInt16
    package var minimumHoldTime: UInt16
    /// 0 for none.
    package var maxPrefix: UInt32
    /// Minutes; 0 for none.
    package var maxPrefixRestart: UInt16
    package var capabilities: Capabilities

    package init(
      passive: Bool, down: Bool, multihop: UInt8?, ttlSecurity: Bool, holdTime: UInt16, minimumHoldTime: UInt16,
      maxPrefix: UInt32, maxPrefixRestart: UInt16, capabilities: Capabilities
    ) {
      self.passive = passive
      self.down = down
      self.multihop = multihop
      self.ttlSecurity = ttlSecurity
      self.holdTime = holdTime
      self.minimumHoldTime = minimumHoldTime
      self.maxPrefix = maxPrefix
      self.maxPrefixRestart = maxPrefixRestart
      self.capabilities = capabilities
    }
  }

  /// Messages of one direction since the daemon started.
  package struct Messages: Hashable, Sendable {
    package var open: UInt64 = 0
    package var notification: UInt64 = 0
    package var update: UInt64 = 0
    package var keepalive: UInt64 = 0
    /// All ROUTE-REFRESH messages, and those of them that begin (BoRR) and end (EoRR) a resend (RFC 7313 §3.2).
    package var routeRefresh: UInt64 = 0
    package var beginOfRouteRefresh: UInt64 = 0
    package var endOfRouteRefresh: UInt64 = 0

    package init() {}

    package var total: UInt64 { open &+ notification &+ update &+ keepalive &+ routeRefresh }

    /// The ROUTE-REFRESH messages that ask for a resend.
    package var refreshRequest: UInt64 { routeRefresh &- beginOfRouteRefresh &- endOfRouteRefresh }
  }

  package struct Statistics: Hashable, Sendable {
    /// Seconds since the last octet from, and to, the peer; nil for never.
    package var lastRead: UInt64?
    package var lastWrite: UInt64?
    package var sent = Messages()
    package var received = Messages()
    /// Prefixes held from this peer now, and those of them that are stale.
    package var prefixes: UInt64 = 0
    package var stalePrefixes: UInt64 = 0
    /// Routes of these that guards keep out of the tables now.
    package var refused: UInt64 = 0
    /// Prefixes not taken in this session because of `max-prefix`.
    package var overLimit: UInt64 = 0
    /// Prefixes announced and withdrawn by the peer.
    package var announced: UInt64 = 0
    package var withdrawn: UInt64 = 0
    package var endOfRIBSent: UInt64 = 0
    package var endOfRIBReceived: UInt64 = 0
    /// RFC 7606: updates treated as withdraw, and attributes discarded.
    package var treatedAsWithdraw: UInt64 = 0
    package var attributesDiscarded: UInt64 = 0

    package init() {}
  }

  package struct Endpoint: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16
    package var capabilities: Capabilities

    package init(address: IPAddress, port: UInt16, capabilities: Capabilities) {
      self.address = address
      self.port = port
      self.capabilities = capabilities
    }
  }

  package struct Session: Hashable, Sendable {
    /// Negotiated, in seconds; 0 for no timers.
    package var holdTime: UInt16
    package var keepalive: UInt16
    package var local: Endpoint
    package var remote: Endpoint
    package var negotiated: Capabilities

    package init(holdTime: UInt16, keepalive: UInt16, local: Endpoint, remote: Endpoint, negotiated: Capabilities) {
      self.holdTime = holdTime
      self.keepalive = keepalive
      self.local = local
      self.remote = remote
      self.negotiated = negotiated
    }
  }

  package struct Timer: Hashable, Sendable {
    /// `KeepaliveTimer`, `HoldTimer`, `ConnectRetryTimer`, `IdleHoldTimer`, `StaleTimer`.
    package var name: String
    /// Seconds until it is due.
    package var due: UInt64

    package init(name: String, due: UInt64) {
      self.name = name
      self.due = due
    }
  }

  package init(
    address: IPAddress, remoteAS: UInt32, description: String, group: String, bgpID: IPv4Address?, state: State,
    lastUpDown: UInt64?, configuration: Configuration, statistics: Statistics, session: Session?, timers: [Timer],
    lastErrorSent: String, lastErrorReceived: String, lastShutdownReason: String, lastConnectError: String
  ) {
    self.address = address
    self.remoteAS = remoteAS
    self.description = description
    self.group = group
    self.bgpID = bgpID
    self.state = state
    self.lastUpDown = lastUpDown
    self.configuration = configuration
    self.statistics = statistics
    self.session = session
    self.timers = timers
    self.lastErrorSent = lastErrorSent
    self.lastErrorReceived = lastErrorReceived
    self.lastShutdownReason = lastShutdownReason
    self.lastConnectError = lastConnectError
  }
}
