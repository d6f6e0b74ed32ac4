import ConfigFile
import Primitives
import Tables

/// Which tables there are and how each is guarded: what a configuration says of them.
struct TableArrangement: Equatable, Sendable {
  let names: [String]
  /// One for each name.
  let policies: [TablePolicy]
  /// The role whose tables keep what tables of the other role hold, too; nil: both keep it.
  let preferred: TableRole?
  /// For each name, whether the table can hold no private or reserved addresses at all.
  let carvesReserved: [Bool]

  /// - Parameter rules: those of each neighbour of the configuration.
  init(_ configuration: Configuration, _ rules: [PeerRules]) {
    // What a neighbour with `martians yes` can fill.
    let mayHoldReserved = Set(
      zip(configuration.neighbors, rules).filter { $0.0.allowsMartians }.flatMap { $0.1.reachableTables })
    names = configuration.tableNames
    policies = names.map { configuration.policy(of: $0) }
    preferred = configuration.preferredRole
    carvesReserved = names.indices.map { !mayHoldReserved.contains(TableID(index: UInt8(truncatingIfNeeded: $0))) }
  }
}

extension TableKeeper {
  /// Goes over to the tables of another configuration. What belongs to a table that stays goes with its name.
  ///
  /// - Parameter isElsewhere: the sets are not where they were, or are to be seen otherwise: they must be looked at.
  /// - Returns: what the tables so far are from now on.
  mutating func adopt(_ new: TableArrangement, isElsewhere: Bool) -> TableRenumbering {
    let renumbering = TableRenumbering(from: names, to: new.names)
    let sources = renumbering.sources
    membership.renumber(renumbering)
    projections4 = sources.map { $0.flatMap { projections4[Int($0.index)] } }
    projections6 = sources.map { $0.flatMap { projections6[Int($0.index)] } }
    shrinkGuards = zip(sources, new.policies).map { source, policy in
      var guarding = source.map { shrinkGuards[Int($0.index)] } ?? ShrinkGuard(policy)
      guarding.adopt(policy)
      return guarding
    }
    let before = parts
    parts = Self.parts(new.names).map { part in
      guard var kept = before.first(where: { $0.name == part.name && $0.family == part.family }) else { return part }
      kept.table = part.table
      return kept
    }
    var stillInherited: [TableID: PrefixList] = [:]
    for (table, prefixes) in inherited { if let target = renumbering[table] { stillInherited[target] = prefixes } }
    inherited = stillInherited
    if arrangement != new { exclusions.adopt(new) }
    arrangement = new
    if isElsewhere || renumbering.hasNew || renumbering.hasGone { isInStep = false }
    // What is being read is told by the numbers of before.
    if isReading { isReadingVoid = true }
    return renumbering
  }
}
