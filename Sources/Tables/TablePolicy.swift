package import Primitives

/// What a table is for, which decides how it is guarded: a wrong entry in a black table delays mail, a wrong entry in a bypass table lets
/// spam in.
package enum TableRole: String, Hashable, Sendable, CaseIterable {
  /// Listed senders: blocked, redirected or slowed down.
  case black
  /// Known good senders, which pass by the checks.
  case bypass

  /// The role that a table's name tells, as in every published configuration: `bgp_spamd_bypass`, `spamd-white`.
  package init(guessedFrom name: String) {
    let name = name.lowercased()
    self = ["pass", "white", "allow", "nospam", "good"].contains { name.contains($0) } ? .bypass : .black
  }
}

/// How a table is guarded.
package struct TablePolicy: Hashable, Sendable {
  package var role: TableRole
  /// Prefixes of other lengths do not enter.
  package var ipv4Lengths: LengthRange
  package var ipv6Lengths: LengthRange
  /// Percent of the table that may leave within `ShrinkGuard.window`; 100: all of it.
  package var shrinkLimit: UInt8 = 50
  /// For how long the rest is held.
  package var shrinkHold = Interval.seconds(86400)
  /// How long stale routes of this table stay; nil: what holds for their neighbour.
  package var staleTime: Interval?

  package init(role: TableRole) {
    self.role = role
    switch role {
    case .black:
      ipv4Lengths = LengthRange(8...32)
      ipv6Lengths = LengthRange(16...128)
    case .bypass:
      ipv4Lengths = LengthRange(24...32)
      ipv6Lengths = LengthRange(48...128)
    }
  }
}
