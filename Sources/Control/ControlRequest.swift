package import Primitives

/// What nftbgpctl(8) asks the daemon over the control socket.
package enum ControlRequest: Hashable, Sendable {
  /// One `.neighbor` reply per configured neighbour, in the order of the configuration.
  case showSummary
  /// One `.neighbor` reply per neighbour selected; a failure when none is.
  case showNeighbor(NeighborSelector)
  /// `.path` and `.routes` replies.
  case showRIB(RIBQuery)
  /// One `.table` reply per table and family.
  case showTables
  /// `.role`, then `.prefixes` replies with what the table should hold, sorted, without duplicates; a failure when that is not known yet.
  case export(table: String)
  /// One `.why` reply: why an address, or a prefix, is in the tables or is not.
  case why(Prefix)
  /// `.refused` replies: what guards keep out of the tables now, sorted.
  case showRefused
  /// `.conflicts` replies: what is in a bypass and in a black table at once, sorted.
  case showConflicts
  /// Changes the sessions of the neighbours selected; a failure when none is.
  case neighbor(NeighborSelector, NeighborAction)
  /// Lets go what the shrink guard holds in a table; a failure when there is no such table.
  case accept(table: String)
  /// Goes over to what the configuration file says now; a failure, with every finding, when it cannot.
  case reload
  /// Lets the daemon log more, or what it logs by default.
  case log(verbose: Bool)
  /// `.metrics` replies: the lines that Prometheus reads, in its own format or as OpenMetrics.
  case showMetrics(openMetrics: Bool)

  /// Whether the answer may have a record for every route.
  package var isLong: Bool {
    switch self {
    case .showRIB(let query):
      switch query.prefix {
      case nil, .all: true
      case .longestMatch, .exact, .orShorter: false
      }
    case .export: true
    case .showSummary, .showNeighbor, .showTables, .why, .showRefused, .showConflicts, .neighbor, .accept, .reload,
      .log, .showMetrics:
      false
    }
  }

  /// Whether it changes anything, which a restricted socket refuses.
  package var isChange: Bool {
    switch self {
    case .showSummary, .showNeighbor, .showRIB, .showTables, .export, .why, .showRefused, .showConflicts, .showMetrics:
      false
    case .neighbor, .accept, .reload, .log: true
    }
  }
}

/// `neighbor X ACTION`. Texts are Shutdown Communications (RFC 9003), at most 255 octets; empty for none.
package enum NeighborAction: Hashable, Sendable {
  /// The most octets that a Shutdown Communication has (RFC 9003 §2).
  package static let maximumReason = 255

  /// Open the session, also where the configuration says `down`.
  case up
  /// End the session and open it no more. Its routes stay for `stale-time`, or leave at once with `flush`.
  case down(flush: Bool, String)
  /// End the session and open it again. Its routes stay.
  case clear(String)
  /// Ask the neighbour to send its table again (RFC 2918).
  case refresh
}

/// `show neighbor [X]`.
package enum NeighborSelector: Hashable, Sendable {
  case all
  case address(IPAddress)
  /// The text of `descr`.
  case description(String)
  case group(String)
}

/// The filters of `show rib`, all of which must hold.
package struct RIBQuery: Hashable, Sendable {
  /// A standard community; `nil` is the wildcard `*`.
  package struct CommunityFilter: Hashable, Sendable {
    package var global: UInt16?
    package var local: UInt16?

    package init(global: UInt16?, local: UInt16?) {
      self.global = global
      self.local = local
    }
  }

  /// A large community; `nil` is the wildcard `*`.
  package struct LargeCommunityFilter: Hashable, Sendable {
    package var global: UInt32?
    package var data1: UInt32?
    package var data2: UInt32?

    package init(global: UInt32?, data1: UInt32?, data2: UInt32?) {
      self.global = global
      self.data1 = data1
      self.data2 = data2
    }
  }

  package enum PrefixFilter: Hashable, Sendable {
    /// The longest prefix that covers the address.
    case longestMatch(IPAddress)
    case exact(Prefix)
    /// The prefix and everything inside it.
    case all(Prefix)
    /// The prefix and everything that covers it.
    case orShorter(Prefix)
  }

  package var community: CommunityFilter?
  package var largeCommunity: LargeCommunityFilter?
  /// Anywhere in the AS_PATH.
  package var asn: UInt32?
  /// Rightmost in the AS_PATH.
  package var sourceAS: UInt32?
  /// Leftmost in the AS_PATH.
  package var peerAS: UInt32?
  package var prefix: PrefixFilter?
  package var neighbor: NeighborSelector
  package var family: AddressFamily?
  /// `in`: what the peers sent, before the rules; otherwise what the rules allowed.
  package var adjRIBIn: Bool
  /// `best` or `selected`.
  package var selectedOnly: Bool

  package init(
    community: CommunityFilter? = nil, largeCommunity: LargeCommunityFilter? = nil, asn: UInt32? = nil,
    sourceAS: UInt32? = nil, peerAS: UInt32? = nil, prefix: PrefixFilter? = nil, neighbor: NeighborSelector = .all,
    family: AddressFamily? = nil, adjRIBIn: Bool = false, selectedOnly: Bool = false
  ) {
    self.community = community
    self.largeCommunity = largeCommunity
    self.asn = asn
    self.sourceAS = sourceAS
    self.peerAS = peerAS
    self.prefix = prefix
    self.neighbor = neighbor
    self.family = family
    self.adjRIBIn = adjRIBIn
    self.selectedOnly = selectedOnly
  }
}
