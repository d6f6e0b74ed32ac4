package import Primitives

/// One record of the daemon's answer. An answer is any number of records, closed by `.end` or by `.failure`.
package enum ControlReply: Hashable, Sendable {
  case neighbor(NeighborReport)
  /// Declares a path that later `.routes` name by `PathReport.number`.
  case path(PathReport)
  case routes([RouteReport])
  case table(TableReport)
  /// What the table is for whose `.prefixes` follow.
  case role(TableReport.Role)
  case prefixes(PrefixList)
  case why(WhyReport)
  case refused([RefusedReport])
  case conflicts([ConflictReport])
  /// Lines, without their ends.
  case metrics([String])
  /// The request was not carried out: why, for standard error. Nothing follows.
  case failure(String)
  /// The answer is complete.
  case end
}

/// What `show rib` says of a path: an attribute set as one peer sent it. Many routes share one.
package struct PathReport: Hashable, Sendable {
  /// Number of the path within this answer.
  package var number: UInt32
  package var neighborAddress: IPAddress
  package var neighborDescription: String
  /// The peer's BGP identifier; nil when it never sent an OPEN.
  package var bgpID: IPv4Address?
  /// As bgpctl prints it: `65066 64513`, sets in braces; empty for an empty path.
  package var asPath: String
  /// `IGP`, `EGP` or `incomplete`.
  package var origin: Origin
  /// Shown, never used.
  package var nextHop: IPAddress?
  package var multiExitDiscriminator: UInt32
  package var localPreference: UInt32
  package var isInternal: Bool
  package var communities: [String]
  package var largeCommunities: [String]
  package var extendedCommunities: [String]

  package enum Origin: UInt8, Hashable, Sendable {
    case igp = 0
    case egp = 1
    case incomplete = 2
  }

  package init(
    number: UInt32, neighborAddress: IPAddress, neighborDescription: String, bgpID: IPv4Address?, asPath: String,
    origin: Origin, nextHop: IPAddress?, multiExitDiscriminator: UInt32, localPreference: UInt32, isInternal: Bool,
    communities: [String], largeCommunities: [String], extendedCommunities: [String]
  ) {
    self.number = number
    self.neighborAddress = neighborAddress
    self.neighborDescription = neighborDescription
    self.bgpID = bgpID
    self.asPath = asPath
    self.origin = origin
    self.nextHop = nextHop
    self.multiExitDiscriminator = multiExitDiscriminator
    self.localPreference = localPreference
    self.isInternal = isInternal
    self.communities = communities
    self.largeCommunities = largeCommunities
    self.extendedCommunities = extendedCommunities
  }
}

/// One row of `show rib`.
package struct RouteReport: Hashable, Sendable {
  package var prefix: Prefix
  /// `PathReport.number`, declared before.
  package var path: UInt32
  /// Passed the rules and may be used: `*`.
  package var isValid: Bool
  /// The path of this prefix that comes first in the decision process: `>`.
  package var isBest: Bool
  /// Kept after its session was lost: `S`.
  package var isStale: Bool
  /// Seconds since the peer last announced it.
  package var age: UInt32

  package init(prefix: Prefix, path: UInt32, isValid: Bool, isBest: Bool, isStale: Bool, age: UInt32) {
    self.prefix = prefix
    self.path = path
    self.isValid = isValid
    self.isBest = isBest
    self.isStale = isStale
    self.age = age
  }
}

/// A row of `show tables`: one table of the configuration in one family.
package struct TableReport: Hashable, Sendable {
  /// What a table is for, which decides its guards.
  package enum Role: UInt8, Hashable, Sendable {
    case black = 0
    case bypass = 1

    package var name: String {
      switch self {
      case .black: "black"
      case .bypass: "bypass"
      }
    }
  }

  package var name: String
  package var role: Role
  package var family: AddressFamily
  /// `inet nftbgpd`: the nft table that holds the sets.
  package var nftTable: String
  /// The kernel sets that hold it, in the order host set, interval set.
  package var sets: [String]
  /// Prefixes that the feed puts into the table.
  package var prefixes: UInt64
  /// Elements that the kernel should hold: prefixes less those that another one covers.
  package var wanted: UInt64
  /// Elements that the kernel holds as far as acknowledged; nil before it was first read.
  package var inKernel: UInt64?
  /// Prefixes that are there only because of a lost session or an earlier run.
  package var stale: UInt64
  /// Prefixes that are there only because the shrink guard holds them.
  package var held: UInt64
  /// What the feed asks for and guards keep out altogether: routes, and prefixes of protected addresses alone.
  package var refused: UInt64
  /// Of the prefixes that the feed puts into the table: equal where they are equal, on any host.
  package var hash: UInt64
  /// Seconds since the last acknowledged change; nil for none yet.
  package var lastChange: UInt64?
  /// Prefixes that fresh routes put there.
  package var fresh: UInt64 { prefixes &- min(prefixes, stale &+ held) }
  /// The last error of the kernel while it is not resolved.
  package var error: String?

  package init(
    name: String, role: Role, family: AddressFamily, nftTable: String, sets: [String], prefixes: UInt64,
    wanted: UInt64, inKernel: UInt64?, stale: UInt64, held: UInt64, refused: UInt64, hash: UInt64,
    lastChange: UInt64?, error: String?
  ) {
    self.name = name
    self.role = role
    self.family = family
    self.nftTable = nftTable
    self.sets = sets
    self.prefixes = prefixes
    self.wanted = wanted
    self.inKernel = inKernel
    self.stale = stale
    self.held = held
    self.refused = refused
    self.hash = hash
    self.lastChange = lastChange
    self.error = error
  }
}
