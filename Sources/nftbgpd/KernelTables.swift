import ConfigFile
import NIOCore
import Netfilter
import Primitives
import Tables
import Transport

/// The one thread that talks to nf_tables, so that a slow commit never delays a KEEPALIVE.
///
/// It owns an event loop on which nothing else runs and blocks it on purpose. It knows how the sets are declared; what belongs into
/// them it is told.
actor KernelTables: LoopActor {
  let loop: any EventLoop
  private let table: NFTable
  private let names: [String]
  private var connection: NetfilterConnection
  private var monitor: RulesetMonitor
  /// The generation at the last look: what happened up to it, the look has seen.
  private var lookedAt: UInt32 = 0
  /// What another program was found to have done since, until it is reported.
  private var finding: String?
  /// Transactions since the last time that they mattered.
  private var commits: UInt32 = 0
  private var declarations: [KernelSet: SetDeclaration] = [:]

  /// A set that is declared so that it cannot be used.
  struct UnusableSet: Error, CustomStringConvertible {
    let description: String
  }

  /// Elements of hash sets in one transaction: small enough that other writers of nf_tables wait for milliseconds only, and that a set
  /// without a size grows between transactions (one transaction of 200,000 takes three times the time).
  private static let chunk = 16384
  /// Elements that are not worth to stop listening for, which makes each three times as dear.
  private static let few = 1024

  /// - Parameter names: of the tables, in the order of their `TableID`s.
  init(on loop: any EventLoop, table: ConfigFile.NFTTable, names: [String]) throws(NetfilterError) {
    self.loop = loop
    self.table = NFTable(table)
    self.names = names
    connection = try NetfilterConnection()
    monitor = try RulesetMonitor(table: NFTable(table))
  }

  // MARK: Reading

  /// Creates the table and the sets where they do not exist, and reads what they hold.
  func read() throws -> [TableContents] {
    finding = nil
    // It listens already, unless a load ended before it could do so again.
    try monitor.resume()
    let existing = try connection.declarations(in: table)
    var known: [String: SetDeclaration] = [:]
    for declaration in existing ?? [] { known[declaration.name] = declaration }
    var transaction = Transaction(table: table)
    if existing == nil { try transaction.createTable() }
    var layouts: [(table: TableID, name: String, family: AddressFamily, layout: SetLayout)] = []
    var missing: Set<String> = []
    for (index, name) in names.enumerated() {
      for family in AddressFamily.allCases {
        let layout = try self.layout(of: name, family, known)
        layouts.append((TableID(index: UInt8(truncatingIfNeeded: index)), name, family, layout))
        if layout == .intervals, let set = KernelSet.sets(of: name, family, .hostsAndIntervals).last,
          let unused = known[set.name], unused.family == family
        {
          // A layout of before: rules that still name the set must not find what the feed has long withdrawn.
          transaction.flush(unused)
        }
        for set in KernelSet.sets(of: name, family, layout) {
          if let declaration = known[set.name] {
            declarations[set] = try usable(declaration, set)
          } else {
            let declaration = SetDeclaration(set)
            try transaction.create(declaration)
            declarations[set] = declaration
            missing.insert(set.name)
          }
        }
      }
    }
    try connection.commit(transaction.finish())
    // Whatever comes after this generation, the monitor tells.
    lookedAt = try connection.generation()
    return try layouts.map { entry in
      var contents = TableContents(table: entry.table, family: entry.family, layout: entry.layout)
      for set in KernelSet.sets(of: entry.name, entry.family, entry.layout) where !missing.contains(set.name) {
        guard let declaration = declarations[set] else { continue }
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

  /// The operator's declaration of `T` decides.
  private func layout(of name: String, _ family: AddressFamily, _ known: [String: SetDeclaration]) throws -> SetLayout {
    guard let hosts = KernelSet.sets(of: name, family, .hostsAndIntervals).first, let declaration = known[hosts.name]
    else {
      return .hostsAndIntervals
    }
    return declaration.isInterval ? .intervals : .hostsAndIntervals
  }

  private func usable(_ declaration: SetDeclaration, _ set: KernelSet) throws -> SetDeclaration {
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

  private func observe() {
    do throws(NetfilterError) {
      for _ in 0..<Self.readings {
        let observation = try monitor.read()
        for change in observation.changes where change.isLater(than: lookedAt) && harms(change) {
          finding = finding ?? "table \(table) was changed by another program, \(change)"
        }
        if observation.isLost { finding = finding ?? "the kernel has dropped messages on what other programs did" }
        guard observation.hasMore else { return }
      }
    } catch {
      finding = finding ?? "\(error)"
    }
  }

  /// At most this many portions of messages in one go: somebody else's load does not hold up ours.
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

  /// Carries out a load that would be several times dearer while somebody listens, and finds out from the generation afterwards whether
  /// anybody else was there meanwhile.
  private func unwatched(_ load: () throws -> Void) throws {
    observe()
    let before = try connection.generation()
    commits = 0
    try monitor.suspend()
    let result = Result { try load() }
    try monitor.resume()
    if try connection.generation() != before &+ commits {
      finding = finding ?? "another program has changed the ruleset during a load of ours"
    }
    try result.get()
  }

  // MARK: Writing

  /// Carries out the changes: in one transaction where they are few, so that a prefix that moves from one table to another is never
  /// in neither; otherwise each interval set in one and the hash sets in several, additions first.
  ///
  /// What the kernel refuses in one set must not hold up the others: then removals and additions go set by set.
  ///
  /// - Throws: the first error, when everything else has been carried out.
  func commit(_ changes: [SetChange]) throws {
    let count = changes.reduce(0) { $0 + $1.added.count + $1.removed.count }
    guard count > Self.few else { return try commitOrEach(changes) }
    guard count > Self.chunk else { return try unwatched { try commitOrEach(changes) } }
    // A set that is emptied first must be full again in the same transaction.
    let inOne = changes.filter { $0.set.isInterval || $0.replaces }
    let hosts = changes.filter { !$0.set.isInterval && !$0.replaces }
    let additions = hosts.flatMap { change in
      change.added.parts(of: Self.chunk).map { SetChange(set: change.set, added: $0) }
    }
    let removals = hosts.flatMap { change in
      change.removed.parts(of: Self.chunk).map { SetChange(set: change.set, removed: $0) }
    }
    try unwatched { try commitEach(inOne + additions + removals) }
  }

  /// All in one transaction; when the kernel refuses that, set by set.
  private func commitOrEach(_ changes: [SetChange]) throws {
    do {
      try commitTogether(changes)
    } catch {
      try commitEach(changes.flatMap(\.halves))
    }
  }

  /// Each in a transaction of its own.
  private func commitEach(_ changes: [SetChange]) throws {
    var failure: (any Error)?
    for change in changes {
      do {
        try commitTogether([change])
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  private func commitTogether(_ changes: [SetChange]) throws {
    var transaction = Transaction(table: table)
    for change in changes {
      guard let declaration = declarations[change.set] else { continue }
      if change.replaces { transaction.flush(declaration) }
      switch change.set.family {
      case .ipv4: try transaction.remove(change.removed.ipv4, from: declaration)
      case .ipv6: try transaction.remove(change.removed.ipv6, from: declaration)
      }
    }
    for change in changes {
      guard let declaration = declarations[change.set] else { continue }
      // Exclusive: an interval set must refuse what it would otherwise take silently and corrupt on a later removal.
      switch change.set.family {
      case .ipv4: try transaction.add(change.added.ipv4, to: declaration, isExclusive: change.set.isInterval)
      case .ipv6: try transaction.add(change.added.ipv6, to: declaration, isExclusive: change.set.isInterval)
      }
    }
    try connection.commit(transaction.finish())
    commits &+= 1
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

extension SetDeclaration {
  /// How a set is declared that does not exist yet.
  init(_ set: KernelSet) {
    self.init(name: set.name, family: set.family, isInterval: set.isInterval)
  }
}

extension SetChange {
  /// The removals and the additions apart, unless the set is replaced.
  fileprivate var halves: [SetChange] {
    if replaces { return [self] }
    return [SetChange(set: set, removed: removed), SetChange(set: set, added: added)].filter { !$0.isEmpty }
  }
}

extension PrefixList {
  /// The list in parts of at most `size` prefixes.
  fileprivate func parts(of size: Int) -> [PrefixList] {
    stride(from: 0, to: ipv4.count, by: size).map { PrefixList(ipv4: Array(ipv4[$0..<min($0 + size, ipv4.count)])) }
      + stride(from: 0, to: ipv6.count, by: size).map { PrefixList(ipv6: Array(ipv6[$0..<min($0 + size, ipv6.count)])) }
  }
}

extension AddressRange {
  /// The fewest prefixes that cover the range exactly.
  fileprivate var prefixes: [Prefix] {
    switch self {
    case .v4(let first, let last):
      var prefixes: [Prefix] = []
      var next = UInt64(first.value)
      let end = UInt64(last.value)
      while next <= end {
        var length = 32
        // Widen while the start stays aligned and the end is not passed.
        while length > 0, next & (1 << UInt64(32 - length)) == 0, next + (2 << UInt64(32 - length)) - 1 <= end {
          length -= 1
        }
        if let prefix = IPv4Prefix(IPv4Address(UInt32(truncatingIfNeeded: next)), length: UInt8(length)) {
          prefixes.append(.v4(prefix))
        }
        next += 1 << UInt64(32 - length)
      }
      return prefixes
    case .v6(let first, let last):
      return Self.prefixes(from: first, to: last)
    }
  }

  private static func prefixes(from first: IPv6Address, to last: IPv6Address) -> [Prefix] {
    var prefixes: [Prefix] = []
    var next = first
    while next <= last {
      var widest = IPv6Prefix(host: next)
      while widest.length > 0, let wider = IPv6Prefix(next, length: widest.length - 1), wider.address == next,
        wider.lastAddress <= last
      {
        widest = wider
      }
      prefixes.append(.v6(widest))
      let end = widest.lastAddress
      guard end < last else { break }
      next = end.low == .max ? IPv6Address(high: end.high + 1, low: 0) : IPv6Address(high: end.high, low: end.low + 1)
    }
    return prefixes
  }
}
