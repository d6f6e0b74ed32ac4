package import BGPWire
package import Export
package import Primitives
package import Tables

/// A checked configuration: what a file that loads without errors means, with group options already inherited.
///
/// `print()` writes it back as text that parses to an equal value.
package struct Configuration: Hashable, Sendable {
  /// `AS n [n2]`.
  package var localAS: ASN
  /// The two-octet number for peers without RFC 6793; AS_TRANS when `localAS` does not fit and none was given.
  package var twoOctetAS: UInt16
  /// `router-id`; nil: the shell picks one.
  package var routerID: IPv4Address?
  /// Seconds; OpenBGPD's default is 90, its bgpd.conf allows 3 to 65535.
  package var holdTime: UInt16 = 90
  /// `holdtime min`.
  package var minimumHoldTime: UInt16 = 3
  /// Seconds.
  package var connectRetry: UInt16 = 120
  /// `log updates`.
  package var logUpdates = false
  /// `stale-time SECONDS`: how long what an earlier run left in the kernel stays without being confirmed; nil:
  /// `defaultStaleTime`.
  package var staleTime: UInt32?
  /// `snapshot "PATH"`: where the tables are kept over a restart; nil with `snapshot no`.
  package var snapshotPath: String? = Configuration.defaultSnapshotPath
  /// `socket "PATH" [restricted]`; empty: the default path.
  package var controlSockets: [ControlSocket] = []
  /// `listen on ADDRESS [port N]`.
  package var listeners: [Listener] = []
  /// `nft table FAMILY NAME [owner]`: the nft table that holds the sets.
  package var nftTable = NFTTable(family: .inet, name: "nftbgpd")
  /// `table "NAME" { … }`, one for each name, in the order of the file; every name is in `tableNames`.
  package var tables: [TableOptions] = []
  /// `never { PREFIX … }`: what is carved out of the black tables, in the order of the file, each once.
  package var never: [Prefix] = []
  /// `protect no`: addresses of this host, its neighbours, gateways and resolvers are not carved out of the black tables.
  package var protectsHost = true
  /// `prefer bypass|black|both`: what happens to an address in tables of both roles; nil: both.
  package var preferredRole: TableRole?
  /// `metrics file "PATH"`; nil: none.
  package var metricsFile: String?
  /// `metrics listen on ADDRESS [port N]`.
  package var metricsListeners: [Listener] = []
  /// `export table …`.
  package var exports: [ExportFile] = []
  /// In the order of the file.
  package var neighbors: [Neighbor] = []
  /// In the order of the file; those that neighbour blocks imply (`set …`) stand first.
  package var rules: [FilterRule] = []
  /// The decision for a route that no allow or deny rule matches: deny as bgpd.conf(5) has it since 6.4, allow where
  /// the rules hold no inbound allow or deny at all, as the files written before 6.4 meant it.
  package var defaultAction = FilterRule.Action.deny

  /// Seconds: one day.
  package static let defaultStaleTime: UInt32 = 86400
  /// `max-prefix` where nothing is said.
  package static let defaultMaxPrefix: UInt32 = 2_000_000
  package static let defaultMetricsPort: UInt16 = 9179
  package static let defaultSnapshotPath = "/var/lib/nftbgpd/snapshot"

  package init(localAS: ASN, twoOctetAS: UInt16) {
    self.localAS = localAS
    self.twoOctetAS = twoOctetAS
  }

  /// How a table is guarded: what its `table` statement says, and otherwise the defaults of its role.
  package func policy(of name: String) -> TablePolicy {
    let options = tables.first { $0.name == name }
    var policy = TablePolicy(role: options?.role ?? TableRole(guessedFrom: name))
    if let lengths = options?.ipv4Lengths { policy.ipv4Lengths = lengths }
    if let lengths = options?.ipv6Lengths { policy.ipv6Lengths = lengths }
    if let limit = options?.shrinkLimit { policy.shrinkLimit = limit }
    if let hold = options?.shrinkHold { policy.shrinkHold = .seconds(Int(hold)) }
    policy.staleTime = options?.staleTime.map { .seconds(Int($0)) }
    return policy
  }

  /// The marks of an owned table's chain, by the name of the table.
  package var marks: [String: UInt32] {
    Dictionary(
      tables.compactMap { options in options.mark.map { (options.name, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// The names that `set pftable` uses, in the order of their first appearance.
  package var tableNames: [String] {
    var names: [String] = []
    for rule in rules where rule.direction == .from {
      for case .pftable(let name) in rule.sets where !names.contains(name) {
        names.append(name)
      }
    }
    return names
  }
}

/// `socket "PATH" [restricted]`.
package struct ControlSocket: Hashable, Sendable {
  package var path: String
  /// Read-only commands only.
  package var restricted: Bool

  package init(path: String, restricted: Bool) {
    self.path = path
    self.restricted = restricted
  }
}

/// `listen on ADDRESS [port N]`, and what follows `metrics`.
package struct Listener: Hashable, Sendable {
  package var address: IPAddress
  package var port: UInt16

  package init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }
}

/// `nft table FAMILY NAME`.
package struct NFTTable: Hashable, Sendable, CustomStringConvertible {
  package enum Family: String, Hashable, Sendable {
    case inet, ip, ip6, netdev, bridge, arp
  }

  package var family: Family
  package var name: String
  /// `owner`: the daemon owns the table, so that no other program can change or flush it.
  package var isOwned = false

  package init(family: Family, name: String) {
    self.family = family
    self.name = name
  }

  package var description: String { "\(family.rawValue) \(name)" }
}

/// `table "NAME" { … }`: what the operator has said of a table; nil: nothing, so `policy(of:)` decides.
package struct TableOptions: Hashable, Sendable {
  package var name: String
  /// `role black|bypass`
  package var role: TableRole?
  /// `inet prefixlen …`: the lengths of IPv4 prefixes that are let in.
  package var ipv4Lengths: LengthRange?
  /// `inet6 prefixlen …`
  package var ipv6Lengths: LengthRange?
  /// `stale-time SECONDS`, for routes that fill this table, before that of the neighbour.
  package var staleTime: UInt32?
  /// `shrink-limit PERCENT|no [hold SECONDS]`; 100 percent is `no`.
  package var shrinkLimit: UInt8?
  package var shrinkHold: UInt32?
  /// `mark NUMBER`, with an owned table: what a packet from an address in the table gets as its mark, by OR. Not 0.
  package var mark: UInt32?

  package init(name: String) {
    self.name = name
  }
}

/// `export table "NAME" to "PATH" [format FORMAT [value TEXT]] [allow-empty] [run COMMAND [timeout SECONDS]]`.
package struct ExportFile: Hashable, Sendable {
  package var table: String
  package var path: String
  package var format: ExportFormat
  /// In place of what the format says of each entry by itself.
  package var value: String?
  /// Write the file even when the table is empty.
  package var allowEmpty: Bool
  /// What is run after the file has changed.
  package var hook: ExportHook?

  package init(
    table: String, path: String, format: ExportFormat, value: String? = nil, allowEmpty: Bool, hook: ExportHook? = nil
  ) {
    self.table = table
    self.path = path
    self.format = format
    self.value = value
    self.allowEmpty = allowEmpty
    self.hook = hook
  }
}

/// `run COMMAND [timeout SECONDS]`.
package struct ExportHook: Hashable, Sendable {
  /// For sh(1).
  package var command: String
  /// Seconds after which it is killed.
  package var timeout: UInt16

  package static let defaultTimeout: UInt16 = 30

  package init(command: String, timeout: UInt16 = Self.defaultTimeout) {
    self.command = command
    self.timeout = timeout
  }
}

/// A `neighbor` block with what its group gave it.
package struct Neighbor: Hashable, Sendable {
  package var address: IPAddress
  /// Empty when it stands in no group.
  package var group = ""
  package var remoteAS: ASN
  /// `descr`; empty for none.
  package var description = ""
  package var port: UInt16 = 179
  package var localAddress: IPAddress?
  /// `local-as`; nil: the global one.
  package var localAS: ASN?
  /// `local-as n n2`: the two-octet number; nil: `localAS` where it fits and AS_TRANS where not, or the global one.
  package var localTwoOctetAS: UInt16?
  /// `multihop n`; nil: directly connected, TTL 1 for eBGP.
  package var multihop: UInt8?
  package var ttlSecurity = false
  /// Seconds; nil: the global value.
  package var holdTime: UInt16?
  package var minimumHoldTime: UInt16?
  package var passive = false
  /// `down ["reason"]`; nil: not down.
  package var down: String?
  /// `martians yes`: routes to private and reserved addresses are no mistake, as with a bogon feed.
  package var allowsMartians = false
  /// `max-prefix N [restart M]`: prefixes, and minutes.
  package var maxPrefix: UInt32? = Configuration.defaultMaxPrefix
  package var maxPrefixRestart: UInt16?
  /// `enforce neighbor-as`: the leftmost AS of a path must be the neighbour's; false for iBGP unless the file says
  /// otherwise.
  package var enforceNeighborAS = true
  /// `enforce local-as`: a path with our own AS is excluded.
  package var enforceLocalAS = true
  /// `announce IPv4|IPv6 unicast|none`; both are offered unless the file says otherwise.
  package var families: [AddressFamily] = [.ipv4, .ipv6]
  /// `announce capabilities no`: an OPEN without any capability, so IPv4 alone.
  package var announceCapabilities = true
  package var announceRefresh = true
  package var announceEnhancedRefresh = true
  package var announceRestart = true
  package var announceFourOctetAS = true
  package var announceExtendedMessage = true
  /// `announce policy ROLE`, or `role ROLE` as later releases have it (RFC 9234); nil: none.
  package var role: BGPRole?
  /// `announce policy no` beside a role.
  package var announceRole = true
  /// `announce policy … enforce`: the neighbour must say its own.
  package var enforceRole = false
  /// `stale-time SECONDS`: how long the routes of a lost session stay; inherited from the group, then from the global
  /// value. nil: as long as the neighbour asks for (RFC 9494), or `Configuration.defaultStaleTime`.
  package var staleTime: UInt32?
  /// `tcp md5sig password|key`: the key's octets; nil for none.
  package var md5Key: [UInt8]?
  /// `log updates` of the neighbour; the global one holds beside it.
  package var logUpdates = false
  /// Line of the configuration file.
  package var line = 0

  package init(address: IPAddress, remoteAS: ASN) {
    self.address = address
    self.remoteAS = remoteAS
  }
}
