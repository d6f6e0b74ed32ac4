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

  private let policies: [TablePolicy]
  private let preferred: TableRole?
  private let carvesReserved: [Bool]
  private(set) var protected: [Protected] = []
  /// The same, without reasons and by family.
  private var protected4 = Exclusion<IPv4Prefix>()
  private var protected6 = Exclusion<IPv6Prefix>()
  /// Members of the tables of the preferred role, sorted; empty without a preference.
  private var preferred4: [IPv4Prefix] = []
  private var preferred6: [IPv6Prefix] = []
  /// What is protected has changed since the sets were last told.
  var haveChanged = false

  init(_ policies: [TablePolicy], preferred: TableRole?, carvesReserved: [Bool]) {
    self.policies = policies
    self.preferred = preferred
    self.carvesReserved = carvesReserved
  }

  /// From now on these are protected.
  ///
  /// - Returns: whether that is news.
  mutating func protect(_ list: [Protected]) -> Bool {
    guard list != protected else { return false }
    protected = list
    let prefixes = PrefixList(list.map(\.prefix))
    protected4 = Exclusion(prefixes.ipv4)
    protected6 = Exclusion(prefixes.ipv6)
    haveChanged = true
    return true
  }

  /// What a table of IPv4 must not hold now.
  func ipv4(_ table: TableID) -> Exclusion<IPv4Prefix> {
    Exclusion(
      (isProtected(table) ? protected4.prefixes : []) + (carves(table) ? ReservedAddresses.ipv4.prefixes : [])
        + (yields(table) ? withoutProtected(preferred4, protected4) : []))
  }

  /// What a table of IPv6 must not hold now.
  func ipv6(_ table: TableID) -> Exclusion<IPv6Prefix> {
    Exclusion(
      (isProtected(table) ? protected6.prefixes : []) + (carves(table) ? ReservedAddresses.ipv6.prefixes : [])
        + (yields(table) ? withoutProtected(preferred6, protected6) : []))
  }

  /// What is kept out of the tables of the preferred role does not count there.
  private func withoutProtected<Key: AddressPrefix>(_ members: [Key], _ protected: Exclusion<Key>) -> [Key] {
    preferred == .black ? protected.subtracted(from: members.cover()) : members
  }

  /// Whether protected addresses are carved out of a table.
  func isProtected(_ table: TableID) -> Bool { policies[Int(table.index)].role == .black }

  private func carves(_ table: TableID) -> Bool { isProtected(table) && carvesReserved[Int(table.index)] }

  /// Whether a table yields to those of the preferred role.
  func yields(_ table: TableID) -> Bool { preferred != nil && policies[Int(table.index)].role != preferred }

  /// The preferred role; nil: tables of both keep what they hold.
  var preference: TableRole? { preferred }

  /// Follows a change of the members.
  ///
  /// - Returns: the tables that must not hold something else now.
  mutating func apply(_ deltas: [TableID: TableDelta], _ membership: Membership) -> Set<TableID> {
    var concerned: Set<TableID> = []
    let tables = policies.indices.map { TableID(index: UInt8(truncatingIfNeeded: $0)) }
    if haveChanged { concerned.formUnion(tables.filter { isProtected($0) }) }
    haveChanged = false
    guard let preferred else { return concerned }
    let winners = tables.filter { policies[Int($0.index)].role == preferred }
    for winner in winners {
      guard let delta = deltas[winner] else { continue }
      concerned.formUnion(tables.filter { yields($0) })
      let isGone = { (prefix: Prefix) in !winners.contains { membership.contains(prefix, in: $0) } }
      preferred4 = preferred4.merging(
        added: delta.added.ipv4.sorted(), removed: delta.removed.ipv4.filter { isGone(.v4($0)) }.sorted())
      preferred6 = preferred6.merging(
        added: delta.added.ipv6.sorted(), removed: delta.removed.ipv6.filter { isGone(.v6($0)) }.sorted())
    }
    return concerned
  }

  /// Starts over with these members.
  mutating func reset(to membership: Membership) {
    haveChanged = false
    guard let preferred else { return }
    var members = PrefixList()
    for index in policies.indices where policies[index].role == preferred {
      members.append(contentsOf: membership.prefixes(of: TableID(index: UInt8(truncatingIfNeeded: index))))
    }
    preferred4 = Set(members.ipv4).sorted()
    preferred6 = Set(members.ipv6).sorted()
  }

  /// The protected prefix that covers a prefix or lies in it; nil: nothing of it is protected.
  func overlapping(_ prefix: Prefix) -> Protected? {
    let found: Prefix? =
      switch prefix {
      case .v4(let prefix): protected4.overlapping(prefix).map { .v4($0) }
      case .v6(let prefix): protected6.overlapping(prefix).map { .v6($0) }
      }
    return found.flatMap { found in protected.first { $0.prefix == found } }
  }

  /// Whether all of a prefix is protected.
  func covers(_ prefix: Prefix) -> Bool {
    switch prefix {
    case .v4(let prefix): protected4.contains(prefix)
    case .v6(let prefix): protected6.contains(prefix)
    }
  }

  /// Whether only single addresses are protected in a family.
  func areHosts(_ family: AddressFamily) -> Bool {
    switch family {
    case .ipv4: protected4.prefixes.allSatisfy(\.isHost)
    case .ipv6: protected6.prefixes.allSatisfy(\.isHost)
    }
  }
}
