import BGPWire
import Primitives
import Tables

/// What only the whole file shows.
extension ConfigParser {
  mutating func finish() -> ConfigResult {
    // For what no statement is at fault.
    let start = Position(file: files.first ?? "", line: 1, column: 1, order: .max)
    if !hasAS {
      report(.error, start, "AS not given, expected a statement such as AS 65001")
    }
    finishNeighbors(start)
    finishRules()
    checkRules(start)
    checkTables()
    checkExports()
    checkTableBlocks()
    checkGuessedRoles()
    // Stable: of two findings at one place, the first stays first.
    let diagnostics = findings.enumerated().sorted {
      $0.element.order != $1.element.order ? $0.element.order < $1.element.order : $0.offset < $1.offset
    }.map(\.element.diagnostic)
    return ConfigResult(
      configuration: errors == 0 ? configuration : nil, diagnostics: diagnostics, files: files,
      filesWithSecrets: filesWithSecrets, unreadable: nil)
  }

  // MARK: Neighbours

  private mutating func finishNeighbors(_ start: Position) {
    configuration.neighbors = peers.map { draft in
      var neighbor = draft.values
      let isInternal = neighbor.remoteAS == neighbor.localAS ?? configuration.localAS
      neighbor.enforceNeighborAS = draft.enforceNeighborAS ?? !isInternal
      neighbor.localAddress = draft.localAddresses[neighbor.address.family]
      neighbor.families = AddressFamily.allCases.filter(draft.offers.contains)
      neighbor.staleTime = draft.staleTime ?? configuration.staleTime
      neighbor.passive = draft.passive != nil
      return neighbor
    }
    for draft in peers where draft.offers.isEmpty {
      if let position = draft.position {
        report(
          .error, position,
          "neighbor \(draft.values.address) announces neither IPv4 nor IPv6, expected one of them to receive routes of")
      }
    }
    if configuration.listeners.isEmpty {
      // A group's `passive` is one mistake, however many neighbours have it.
      for position in Set(peers.compactMap(\.passive)) {
        report(
          .error, position, "passive without listen on: no session could ever come up, expected a listen on statement")
      }
    }
    for group in groups where !group.hasNeighbors {
      warn(
        group.position,
        "group \"\(group.name)\" has no neighbors: are they commented out? Rules that name it match nothing")
    }
    if peerLines.isEmpty, groups.isEmpty, errors == 0 {
      warn(start, "no neighbors: nothing will be received")
    }
    guard !peersUncertain else { return }
    for (name, position) in unknownGroups {
      if let group = groups.first(where: { $0.name == name }) {
        report(
          .error, position,
          "no such group: \"\(name)\", expected it above the rule and not below, in line \(group.position.line)")
      } else {
        let known = groups.map { "\"\($0.name)\"" }.joined(separator: " or ")
        report(
          .error, position, "no such group: \"\(name)\", expected \(known.isEmpty ? "a group block above" : known)")
      }
    }
  }

  // MARK: Rules

  /// The `set` lists of blocks become rules before all others: those of groups first, as in bgpd.
  private mutating func finishRules() {
    var implied: [FilterRule] = []
    for group in groups where !group.sets.isEmpty {
      implied.append(
        FilterRule(action: .match, peers: [.group(group.name)], sets: group.sets, line: group.position.line))
    }
    for peer in peers where !peer.sets.isEmpty {
      implied.append(
        FilterRule(action: .match, peers: [.address(peer.values.address)], sets: peer.sets, line: peer.values.line))
    }
    configuration.rules = implied + rules
  }

  private mutating func checkRules(_ start: Position) {
    let inbound = configuration.rules.filter { $0.direction == .from }
    let decides = inbound.contains { $0.action != .match }
    configuration.defaultAction = inbound.isEmpty || decides ? .deny : .allow
    // With errors, what is missing may be what did not parse.
    guard errors == 0 else { return }
    let fillsTable = !configuration.tableNames.isEmpty
    if !fillsTable {
      warn(start, "no rule fills a table: nothing will reach the firewall without a rule that has set pftable")
    }
    guard configuration.defaultAction == .allow, fillsTable else { return }
    let place = zip(rules, rulePositions).first { $0.0.direction == .from }?.1
    warn(
      place ?? start,
      "no inbound allow or deny rule: routes are allowed, as before OpenBSD 6.4; "
        + "write \"allow from any\" above the rules to say so")
  }

  // MARK: Tables

  private mutating func checkTables() {
    let filled = Set(configuration.tableNames)
    let used = tables.filter { filled.contains($0.name) }
    if used.count > Self.maximumTables, let last = used.last {
      report(.error, last.position, "too many tables, expected at most \(Self.maximumTables)")
    }
    var owners: [String: String] = [:]
    for (name, position) in used {
      let sets = NFTName.sets(of: name)
      if let set = sets.first(where: { owners[$0] != nil }), let other = owners[set] {
        report(
          .error, position,
          "tables \"\(other)\" and \"\(name)\" would both become the nft set \(set), expected another name"
        )
      }
      for set in sets where owners[set] == nil { owners[set] = name }
    }
  }

  private mutating func checkExports() {
    for (export, position) in zip(configuration.exports, exportPositions) {
      expectRule(thatFills: export.table, position, "export table")
    }
  }

  private mutating func checkTableBlocks() {
    configuration.tables = tableDrafts.map(\.options)
    for draft in tableDrafts {
      expectRule(thatFills: draft.options.name, draft.position, "table")
      if let position = draft.mark, !configuration.nftTable.isOwned {
        report(
          .error, position,
          "mark: rules are made only in an nft table that nftbgpd owns, expected nft table FAMILY NAME owner")
      }
    }
  }

  private mutating func expectRule(thatFills table: String, _ position: Position, _ statement: String) {
    let filled = configuration.tableNames
    guard !filled.contains(table) else { return }
    // A rule that has a mistake may be the one that fills it.
    guard errors == 0 || !tables.contains(where: { $0.name == table }) else { return }
    let known = filled.isEmpty ? "a rule with set pftable" : filled.map { "\"\($0)\"" }.joined(separator: " or ")
    report(.error, position, "\(statement) \"\(table)\": no rule fills it, expected \(known)")
  }

  /// A name that tells nothing makes a black list, and community N:42 is what marks good senders.
  private mutating func checkGuessedRoles() {
    // With errors, the role may stand in what did not parse.
    guard errors == 0 else { return }
    var warned: Set<String> = []
    for (rule, position) in zip(rules, rulePositions) where rule.direction == .from && rule.asksForGoodSenders {
      for case .pftable(let name) in rule.sets {
        guard configuration.policy(of: name).role == .black,
          !configuration.tables.contains(where: { $0.name == name && $0.role != nil }), warned.insert(name).inserted
        else { continue }
        warn(
          position,
          "table \"\(name)\" is taken for a black list by its name, yet a community :42 marks good senders; "
            + "expected table \"\(name)\" { role bypass }, or { role black } to say so")
      }
    }
  }
}

extension FilterRule {
  /// Whether it matches only routes with a community that ends in 42: in the bgp-spamd project, senders that may pass.
  fileprivate var asksForGoodSenders: Bool {
    conditions.contains {
      if case .community(let pattern) = $0 { pattern.local == .number(42) } else { false }
    }
  }
}
