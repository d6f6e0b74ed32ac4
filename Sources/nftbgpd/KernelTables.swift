import ConfigFile
import NIOCore
import Netfilter
import Primitives
import Snapshot
import Tables
import Transport

/// The one thread that talks to nf_tables, so that a slow commit never delays a KEEPALIVE.
///
/// It owns an event loop on which nothing else runs and blocks it on purpose. It knows how the sets are declared; what belongs into
/// them it is told.
actor KernelTables: LoopActor {
  let loop: any EventLoop
  private(set) var table: NFTable
  private var names: [String]
  /// Whether the table is ours alone, with a chain that marks packets.
  private var isOwned: Bool
  /// The marks of the chain, by the name of the table in the configuration.
  private var marks: [String: UInt32]
  /// Sets that no table of the configuration fills any more.
  private var abandoned: [Abandoned] = []
  /// The chain is not as the configuration says.
  private var isChainOld = false
  /// Grows for as long as the kernel answers, whoever looks.
  nonisolated let exchanges = ExchangeCount()
  var connection: NetfilterConnection
  private var monitor: RulesetMonitor
  /// The generation at the last look: what happened up to it, the look has seen.
  private var lookedAt: UInt32 = 0
  /// What another program was found to have done since, until it is reported.
  private var finding: String?
  /// Transactions since the last time that they mattered.
  var commits: UInt32 = 0
  private(set) var declarations: [KernelSet: SetDeclaration] = [:]

  private struct Abandoned {
    let table: NFTable
    let set: SetDeclaration
  }

  /// A set that is declared so that it cannot be used.
  struct UnusableSet: Error, CustomStringConvertible {
    let description: String
  }

  init(on loop: any EventLoop, _ configuration: Configuration) throws(NetfilterError) {
    self.loop = loop
    table = NFTable(configuration.nftTable)
    names = configuration.tableNames
    isOwned = configuration.nftTable.isOwned
    marks = configuration.marks
    connection = try NetfilterConnection(counting: exchanges)
    monitor = try RulesetMonitor(table: table)
  }

  // MARK: Another configuration

  /// Goes over to the tables of another configuration: the next reading makes the sets what it says.
  ///
  /// - Throws: why its sets cannot be used; then everything stays as it was.
  func adopt(_ configuration: Configuration) throws {
    let target = NFTable(configuration.nftTable)
    let isElsewhere = table != target
    var known: [String: SetDeclaration] = [:]
    for declaration in try connection.declarations(in: target) ?? [] { known[declaration.name] = declaration }
    var filled: Set<String> = []
    for name in configuration.tableNames {
      for family in AddressFamily.allCases {
        for set in KernelSet.sets(of: name, family, layout(of: name, family, known)) {
          if let declaration = known[set.name] { _ = try usable(declaration, set, in: target) }
          filled.insert(set.name)
        }
      }
    }
    if isElsewhere { monitor = try RulesetMonitor(table: target) }
    let gone = declarations.filter { set, _ in
      isElsewhere || !configuration.tableNames.contains { set.belongs(to: $0) }
    }
    abandoned += gone.values.map { Abandoned(table: table, set: $0) }
    // What is to be filled again is not to be emptied first.
    abandoned.removeAll { $0.table == target && filled.contains($0.set.name) }
    for set in gone.keys { declarations[set] = nil }
    isChainOld = isChainOld || !gone.isEmpty || marks != configuration.marks
    table = target
    names = configuration.tableNames
    isOwned = configuration.nftTable.isOwned
    marks = configuration.marks
  }

  /// Empties the sets that no table fills any more: they are not to go on blocking or letting through.
  private func emptyAbandoned() throws(NetfilterError) {
    while let next = abandoned.last {
      if try connection.declarations(in: next.table)?.contains(next.set) == true {
        var transaction = Transaction(table: next.table)
        transaction.flush(next.set)
        do throws(NetfilterError) {
          try connection.commit(transaction.finish())
        } catch {
          guard error.cause == .notFound else { throw error }
        }
      }
      abandoned.removeLast()
    }
  }

  // MARK: Reading

  /// Creates the table and the sets where they do not exist, and reads what they hold.
  ///
  /// - Parameter left: how an earlier run has left the interval sets. Where nobody has committed anything since, they are not read.
  func read(_ left: Snapshot.KernelState? = nil) throws -> [TableContents] {
    finding = nil
    // It listens already, unless a load ended before it could do so again.
    try monitor.resume()
    let before = try connection.generation()
    let isUntouched = left.map { $0.isOf(table) && $0.generation == before } ?? false
    let existing = try connection.declarations(in: table)
    var known: [String: SetDeclaration] = [:]
    for declaration in existing ?? [] { known[declaration.name] = declaration }
    var transaction = Transaction(table: table)
    let isAdopted = try own(existing != nil, &transaction)
    var layouts: [(table: TableID, name: String, family: AddressFamily, layout: SetLayout)] = []
    var missing: Set<String> = []
    for (index, name) in names.enumerated() {
      for family in AddressFamily.allCases {
        let layout = self.layout(of: name, family, known)
        layouts.append((TableID(index: UInt8(truncatingIfNeeded: index)), name, family, layout))
        if layout == .intervals, let set = KernelSet.sets(of: name, family, .hostsAndIntervals).last,
          let unused = known[set.name], unused.family == family
        {
          // A layout of before: rules that still name the set must not find what the feed has long withdrawn.
          transaction.flush(unused)
        }
        for set in KernelSet.sets(of: name, family, layout) {
          if let declaration = known[set.name] {
            declarations[set] = try usable(declaration, set, in: table)
          } else {
            let declaration = SetDeclaration(set)
            try transaction.create(declaration)
            declarations[set] = declaration
            missing.insert(set.name)
          }
        }
      }
    }
    if isOwned, isAdopted || isChainOld || !missing.isEmpty { try installChain(&transaction) }
    try connection.commit(transaction.finish())
    isChainOld = false
    try emptyAbandoned()
    // Whatever comes after this generation, the monitor tells: also what has come since those sets were found to be untouched.
    lookedAt = isUntouched ? before : try connection.settledGeneration(naming: table)
    let untouched = Dictionary(
      (isUntouched ? left?.sets ?? [] : []).map { ($0.name, $0.prefixes) }, uniquingKeysWith: { first, _ in first })
    return try layouts.map { entry in
      var contents = TableContents(table: entry.table, family: entry.family, layout: entry.layout)
      for set in KernelSet.sets(of: entry.name, entry.family, entry.layout) where !missing.contains(set.name) {
        guard let declaration = declarations[set] else { continue }
        if set.isInterval, let elements = untouched[set.name], try holdsSome(of: elements, declaration) {
          contents.intervals = elements
          continue
        }
        let found = try connection.contents(of: declaration, in: table)
        if set.isInterval {
          contents.intervals = found.prefixes
          contents.intervals.append(contentsOf: PrefixList(found.irregular.flatMap(\.prefixes)))
          contents.hasForeignRanges = !found.irregular.isEmpty || found.hasCatchAll
        } else {
          contents.hosts = found.prefixes
          contents.hasForeignHosts = found.hasCatchAll
        }
      }
      return contents
    }
  }

  /// Whether a set holds the elements, as far as a few of them tell.
  private func holdsSome(of elements: PrefixList, _ declaration: SetDeclaration) throws(NetfilterError) -> Bool {
    let all = elements.all
    let step = max(1, all.count / 16)
    let some = stride(from: 0, to: all.count, by: step).map { all[$0] }
    return try connection.contains(some, in: declaration, of: table).allSatisfy { $0 }
  }

  /// What lets the next run find out whether anybody has changed the ruleset since; nil where somebody may have already.
  ///
  /// - Parameter sets: what the interval sets hold.
  func state(of sets: [String: PrefixList]) -> Snapshot.KernelState? {
    guard let generation = try? connection.settledGeneration(naming: table) else { return nil }
    guard observe(), finding == nil else { return nil }
    return Snapshot.KernelState(generation: generation, table, sets)
  }

  /// Creates the table, or makes it ours where the configuration wants that.
  ///
  /// - Returns: whether it was there and becomes ours now.
  private func own(_ exists: Bool, _ transaction: inout Transaction) throws -> Bool {
    guard isOwned else {
      if !exists { try transaction.createTable() }
      return false
    }
    guard try connection.declaration(of: table)?.owner != connection.portID else { return false }
    try transaction.createOwnedTable()
    return exists
  }

  /// Makes packets from the tables' addresses bear their marks: nobody else can make rules in a table of ours.
  private func installChain(_ transaction: inout Transaction) throws {
    var chain = ClassifyChain(name: "classify")
    for name in names {
      guard let mark = marks[name] else { continue }
      let sets = declarations.filter { $0.key.belongs(to: name) }.sorted { $0.key.name < $1.key.name }
      chain.entries += sets.filter { isSeen($0.key.family) }.map { .init(set: $0.value, mark: mark) }
    }
    try transaction.install(chain)
  }

  /// Whether packets of a family go through the table.
  private func isSeen(_ family: AddressFamily) -> Bool {
    switch table.family {
    case .inet: true
    case .ipv4: family == .ipv4
    case .ipv6: family == .ipv6
    }
  }

  /// The operator's declaration of `T` decides.
  private func layout(of name: String, _ family: AddressFamily, _ known: [String: SetDeclaration]) -> SetLayout {
    guard let hosts = KernelSet.sets(of: name, family, .hostsAndIntervals).first, let declaration = known[hosts.name]
    else {
      return .hostsAndIntervals
    }
    return declaration.isInterval ? .intervals : .hostsAndIntervals
  }

  private func usable(
    _ declaration: SetDeclaration, _ set: KernelSet, in table: NFTable
  ) throws -> SetDeclaration {
    let wanted = SetDeclaration(set)
    guard declaration.family == set.family, declaration.isInterval == set.isInterval,
      declaration.otherFlags.subtracting(.statements).isEmpty
    else {
      throw UnusableSet(
        description: "\(declaration) in table \(table) cannot hold what the feed says; declare it as: \(wanted)")
    }
    return declaration
  }

  // MARK: Watching

  /// What another program has done to the sets since the last look; nil for nothing.
  func check() -> String? {
    observe()
    defer { finding = nil }
    return finding
  }

  /// Notes what of the messages that have come is of harm.
  ///
  /// - Returns: whether these were all. Somebody else's load does not hold up ours: the rest is for the next look.
  @discardableResult private func observe() -> Bool {
    do throws(NetfilterError) {
      for _ in 0..<Self.readings {
        let observation = try monitor.read()
        for change in observation.changes where change.isLater(than: lookedAt) && harms(change) {
          finding = finding ?? "table \(table) was changed by another program, \(change)"
        }
        if observation.isLost { finding = finding ?? "the kernel has dropped messages on what other programs did" }
        guard observation.hasMore else { return true }
      }
      return false
    } catch {
      finding = finding ?? "\(error)"
      return false
    }
  }

  /// At most this many portions of messages in one go.
  private static let readings = 16

  /// Whether a commit of somebody else may have left the sets other than we did. A declaration alone, as at each reload of a ruleset
  /// that names our sets, changes nothing.
  private func harms(_ change: RulesetChange) -> Bool {
    guard change.portID != connection.portID else { return false }
    if change.isTruncated || change.table == .deleted || change.table == .replaced { return true }
    let ours = Set(declarations.keys.map(\.name))
    return change.sets.contains { name, change in
      ours.contains(name)
        && (change.fate == .deleted || change.fate == .replaced || change.added > 0 || change.removed > 0)
    }
  }

  /// Whether a packet with the address would match one of the sets.
  func holds(_ address: IPAddress, _ sets: [KernelSet]) throws -> Bool {
    for set in sets {
      guard let declaration = declarations[set] else { continue }
      if try connection.matches([address], in: declaration, of: table).first == true { return true }
    }
    return false
  }

  /// Carries out a load that would be several times dearer while somebody listens, and finds out from the generation afterwards whether
  /// anybody else was there meanwhile.
  func unwatched<Result>(_ load: () throws -> Result) throws -> Result {
    // Only then everything up to that generation can be heard, before it is no longer listened to.
    let before = try connection.settledGeneration(naming: table)
    if !observe() { finding = finding ?? "other programs have done more than could be followed" }
    commits = 0
    try monitor.suspend()
    let result = Swift.Result { try load() }
    try monitor.resume()
    if try connection.generation() != before &+ commits {
      finding = finding ?? "another program has changed the ruleset during a load of ours"
    }
    return try result.get()
  }
}

extension NFTable {
  /// The parser has let only these three families through.
  init(_ table: ConfigFile.NFTTable) {
    let family: Family =
      switch table.family {
      case .ip: .ipv4
      case .ip6: .ipv6
      case .inet, .netdev, .bridge, .arp: .inet
      }
    self.init(family: family, name: table.name)
  }
}

extension KernelSet {
  /// Whether it is one of the sets of a table of the configuration.
  fileprivate func belongs(to table: String) -> Bool {
    [SetLayout.intervals, .hostsAndIntervals].contains { Self.sets(of: table, family, $0).contains(self) }
  }
}

extension SetDeclaration {
  /// How a set is declared that does not exist yet.
  init(_ set: KernelSet) {
    self.init(name: set.name, family: set.family, isInterval: set.isInterval)
  }
}
