import Primitives
import Tables

/// What each table must not hold although it is a member: protected addresses in black tables, and what a table of the preferred role
/// holds in tables of the other.
struct TableExclusions: Sendable {
  /// Addresses of this host, of those that it depends on, and those of the operator's `never` list.
  struct Protected: Hashable, Sendable {
    let prefix: Prefix
    /// `address of this host`
    let reason: String
  }

  /// The exclusions of one family.
  private struct Family<Key: AddressPrefix>: Sendable {
    let reserved: Exclusion<Key>
    var protected = Exclusion<Key>()
    /// Members of the tables of the preferred role: single addresses, and networks.
    var preferredHosts = Exclusion<Key>()
    var preferredNetworks = Exclusion<Key>()
    private var networkMembers: [Key] = []
    /// Whether what is protected is kept out of the tables of the preferred role, and so no reason to keep it out of others.
    let sparesProtected: Bool

    init(reserved: Exclusion<Key>, sparesProtected: Bool) {
      self.reserved = reserved
      self.sparesProtected = sparesProtected
    }

    /// Follows a change of the members of a preferred table.
    ///
    /// - Parameter isGone: whether no preferred table has the prefix any more.
    mutating func follow(added: [Key], removed: [Key], isGone: (Key) -> Bool) {
      let gone = removed.filter(isGone)
      preferredHosts.change(
        adding: added.filter { $0.isHost && !(sparesProtected && protected.contains($0)) },
        removing: gone.filter(\.isHost))
      let networks = (added: added.filter { !$0.isHost }, gone: gone.filter { !$0.isHost })
      guard !networks.added.isEmpty || !networks.gone.isEmpty else { return }
      networkMembers = networkMembers.merging(added: networks.added.sorted(), removed: networks.gone.sorted())
      excludeNetworks()
    }

    mutating func reset(to members: [Key]) {
      preferredHosts = Exclusion(members.filter { $0.isHost && !(sparesProtected && protected.contains($0)) })
      networkMembers = Set(members.filter { !$0.isHost }).sorted()
      excludeNetworks()
    }

    private mutating func excludeNetworks() {
      let cover = Exclusion(networkMembers).networks
      preferredNetworks = Exclusion(sparesProtected ? protected.subtracted(from: cover) : cover)
    }
  }

  private var arrangement: TableArrangement
  /// The role whose tables keep what tables of the other role hold, too; nil: both keep it.
  var preferred: TableRole? { arrangement.preferred }
  private(set) var protected: [Protected] = []
  private var ipv4: Family<IPv4Prefix>
  private var ipv6: Family<IPv6Prefix>
  /// What is protected, or where, has changed since the sets were last told.
  private(set) var haveChanged = false
  /// Tables that may hold now what they must not have held before.
  private var isRearranged = false

  init(_ arrangement: TableArrangement) {
    self.arrangement = arrangement
    let sparesProtected = arrangement.preferred == .black
    ipv4 = Family(reserved: ReservedAddresses.ipv4, sparesProtected: sparesProtected)
    ipv6 = Family(reserved: ReservedAddresses.ipv6, sparesProtected: sparesProtected)
  }

  /// Goes over to the tables of another configuration; what is protected stays so.
  mutating func adopt(_ new: TableArrangement) {
    let list = protected
    self = TableExclusions(new)
    _ = protect(list)
    haveChanged = true
    isRearranged = true
  }

  /// From now on these are protected.
  ///
  /// - Returns: whether that is news.
  mutating func protect(_ list: [Protected]) -> Bool {
    guard list != protected else { return false }
    protected = list
    let prefixes = PrefixList(list.map(\.prefix))
    ipv4.protected = Exclusion(prefixes.ipv4)
    ipv6.protected = Exclusion(prefixes.ipv6)
    haveChanged = true
    return true
  }

  /// What a table of IPv4 must not hold now, in layers.
  func ipv4(_ table: TableID) -> [Exclusion<IPv4Prefix>] { layers(ipv4, table) }

  /// What a table of IPv6 must not hold now, in layers.
  func ipv6(_ table: TableID) -> [Exclusion<IPv6Prefix>] { layers(ipv6, table) }

  private func layers<Key: AddressPrefix>(_ family: Family<Key>, _ table: TableID) -> [Exclusion<Key>] {
    var layers: [Exclusion<Key>] = []
    if isProtected(table) {
      layers.append(family.protected)
      if arrangement.carvesReserved[Int(table.index)] { layers.append(family.reserved) }
    }
    if yields(table) { layers += [family.preferredHosts, family.preferredNetworks] }
    return layers.filter { !$0.isEmpty }
  }

  /// Whether protected addresses are carved out of a table.
  func isProtected(_ table: TableID) -> Bool { role(of: table) == .black }

  /// Whether a table yields to those of the preferred role.
  func yields(_ table: TableID) -> Bool { preferred != nil && role(of: table) != preferred }

  private func role(of table: TableID) -> TableRole { arrangement.policies[Int(table.index)].role }
  private var tables: [TableID] { arrangement.policies.indices.map { TableID(index: UInt8(truncatingIfNeeded: $0)) } }
  private var winners: [TableID] { tables.filter { preferred != nil && !yields($0) } }

  /// Follows a change of the members.
  ///
  /// - Returns: the tables that must not hold something else now, and which prefixes that concerns; nil: any.
  mutating func apply(
    _ deltas: [TableID: TableDelta], _ membership: Membership
  ) -> (tables: Set<TableID>, moved: PrefixList?) {
    guard !haveChanged else {
      let isRearranged = isRearranged
      reset(to: membership)
      return (Set(tables.filter { isRearranged || isProtected($0) || yields($0) }), nil)
    }
    var moved = PrefixList()
    let winners = winners
    for winner in winners {
      guard let delta = deltas[winner] else { continue }
      moved.append(contentsOf: delta.added)
      moved.append(contentsOf: delta.removed)
      let isGone = { (prefix: Prefix) in !winners.contains { membership.contains(prefix, in: $0) } }
      ipv4.follow(added: delta.added.ipv4, removed: delta.removed.ipv4) { isGone(.v4($0)) }
      ipv6.follow(added: delta.added.ipv6, removed: delta.removed.ipv6) { isGone(.v6($0)) }
    }
    return (moved.isEmpty ? [] : Set(tables.filter { yields($0) }), moved)
  }

  /// Starts over with these members.
  mutating func reset(to membership: Membership) {
    forgetChanges()
    follow(membership)
  }

  /// Takes over who the members are now; what the sets are to be told stays.
  mutating func follow(_ membership: Membership) {
    guard preferred != nil else { return }
    var members = PrefixList()
    for winner in winners { members.append(contentsOf: membership.prefixes(of: winner)) }
    ipv4.reset(to: members.ipv4)
    ipv6.reset(to: members.ipv6)
  }

  /// The changes are not for the sets: these are read again.
  mutating func forgetChanges() {
    haveChanged = false
    isRearranged = false
  }

  /// The protected prefix that covers a prefix or lies in it; nil: nothing of it is protected.
  func overlapping(_ prefix: Prefix) -> Protected? {
    let found: Prefix? =
      switch prefix {
      case .v4(let prefix): ipv4.protected.overlapping(prefix).map { .v4($0) }
      case .v6(let prefix): ipv6.protected.overlapping(prefix).map { .v6($0) }
      }
    return found.flatMap { found in protected.first { $0.prefix == found } }
  }

  /// Whether all of a prefix is protected.
  func covers(_ prefix: Prefix) -> Bool {
    switch prefix {
    case .v4(let prefix): ipv4.protected.contains(prefix)
    case .v6(let prefix): ipv6.protected.contains(prefix)
    }
  }

  /// Whether only single addresses are protected in a family.
  func areHosts(_ family: AddressFamily) -> Bool {
    switch family {
    case .ipv4: ipv4.protected.networks.isEmpty
    case .ipv6: ipv6.protected.networks.isEmpty
    }
  }
}
