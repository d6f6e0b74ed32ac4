package import BGPWire
package import Primitives

/// One rule of bgpd.conf(5)'s FILTER section, as written; `RuleSet` evaluates a list of them.
///
///     allow|deny|match [quick] from|to PEER [conditions] [set …]
package struct FilterRule: Hashable, Sendable {
  package enum Action: Hashable, Sendable {
    case allow
    case deny
    /// Applies its `set` list and decides nothing.
    case match
  }

  package enum Direction: Hashable, Sendable {
    case from
    /// Parsed and printed, never evaluated: nftbgpd announces nothing.
    case to
  }

  package var action: Action
  /// Evaluation stops here when the rule matches.
  package var quick: Bool
  package var direction: Direction
  /// The rule concerns a peer that any of these selects; never empty.
  package var peers: [PeerSelector]
  /// All must hold.
  package var conditions: [FilterCondition]
  package var sets: [FilterSet]
  /// Line of the configuration file, for messages; 0 for a rule that no line spells out.
  package var line: Int

  package init(
    action: Action, quick: Bool = false, direction: Direction = .from, peers: [PeerSelector] = [.any],
    conditions: [FilterCondition] = [], sets: [FilterSet] = [], line: Int = 0
  ) {
    self.action = action
    self.quick = quick
    self.direction = direction
    self.peers = peers
    self.conditions = conditions
    self.sets = sets
    self.line = line
  }
}

/// Which peers a rule concerns.
package enum PeerSelector: Hashable, Sendable {
  case any
  case ebgp
  case ibgp
  case address(IPAddress)
  case group(String)
  case remoteAS(ASN)
}

/// One half of a community pattern: a number, `*`, `neighbor-as` or `local-as`.
package enum CommunityField: Hashable, Sendable {
  case number(UInt32)
  case any
  case neighborAS
  case localAS
}

/// `community GLOBAL:LOCAL` with wildcards.
package struct CommunityPattern: Hashable, Sendable {
  package var global: CommunityField
  package var local: CommunityField

  package init(_ global: CommunityField, _ local: CommunityField) {
    self.global = global
    self.local = local
  }
}

/// `large-community GLOBAL:DATA1:DATA2` with wildcards.
package struct LargeCommunityPattern: Hashable, Sendable {
  package var global: CommunityField
  package var data1: CommunityField
  package var data2: CommunityField

  package init(_ global: CommunityField, _ data1: CommunityField, _ data2: CommunityField) {
    self.global = global
    self.data1 = data1
    self.data2 = data2
  }
}

/// `prefixlen` and its relatives: an inclusive range of lengths, possibly negated.
package struct LengthRange: Hashable, Sendable {
  package var range: ClosedRange<UInt8>
  /// `!=` and `><` match lengths outside `range`.
  package var inverted: Bool

  package init(_ range: ClosedRange<UInt8>, inverted: Bool = false) {
    self.range = range
    self.inverted = inverted
  }

  package func contains(_ length: UInt8) -> Bool {
    range.contains(length) != inverted
  }
}

/// `prefix 192.0.2.0/24 [or-longer | maxlen N | prefixlen …]`: covered by `prefix`, with a length in `lengths`.
package struct PrefixPattern: Hashable, Sendable {
  package var prefix: Prefix
  package var lengths: LengthRange

  package init(_ prefix: Prefix, lengths: LengthRange) {
    self.prefix = prefix
    self.lengths = lengths
  }
}

/// An AS number, a range of them or their complement.
package enum ASNPattern: Hashable, Sendable {
  case equal(ASN)
  case notEqual(ASN)
  /// `A - B`, inclusive.
  case range(ClosedRange<UInt32>)
  /// `A >< B`: outside A…B.
  case outside(ClosedRange<UInt32>)
  case neighborAS
}

/// Where in the AS_PATH an `ASNPattern` must hold.
package enum ASPathPosition: Hashable, Sendable {
  /// `AS`: anywhere.
  case any
  /// `source-as`: rightmost.
  case source
  /// `peer-as`: leftmost.
  case peer
  /// `transit-as`: anywhere but rightmost.
  case transit
}

/// One condition of a rule.
package enum FilterCondition: Hashable, Sendable {
  case community(CommunityPattern)
  case largeCommunity(LargeCommunityPattern)
  /// Exact value.
  case extendedCommunity(ExtendedCommunity)
  case family(AddressFamily)
  /// Any of these.
  case prefixes([PrefixPattern])
  /// `inet prefixlen …`: the length alone.
  case prefixLength(LengthRange)
  /// Any of the patterns at that position.
  case asPath(ASPathPosition, [ASNPattern])
  /// `max-as-len`: true when the path has more AS numbers than this.
  case maximumASLength(Int)
  /// `max-as-seq`: true when one AS number is repeated in a row more often than this.
  case maximumASSequence(Int)
  /// `max-communities`: true when there are more standard communities than this.
  case maximumCommunities(Int)
}

/// One element of a rule's `set` list that has an effect here.
package enum FilterSet: Hashable, Sendable {
  /// `set pftable "NAME"`: the last one that applies wins.
  case pftable(String)
  /// `set community`: later rules see it.
  case community(CommunityPattern)
  /// `set community delete`: wildcards allowed.
  case deleteCommunity(CommunityPattern)
  case largeCommunity(LargeCommunityPattern)
  case deleteLargeCommunity(LargeCommunityPattern)
}
