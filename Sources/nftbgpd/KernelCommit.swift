import NIOCore
import Netfilter
import Primitives
import Tables

/// Changes to transactions.
extension KernelTables {
  /// Elements of hash sets in one transaction: small enough that other writers of nf_tables wait for milliseconds only, and that a set
  /// without a size grows between transactions. One transaction of 200,000 takes ten times the time, in which nothing is listed yet.
  private static let chunk = 16384
  /// Elements that are not worth to stop listening for, which makes each three times as dear.
  private static let few = 1024

  /// Carries out the changes, and tells how long that took.
  func timed(_ changes: [SetChange]) throws -> (refusals: [KernelRefusal], duration: Interval) {
    let start = NIODeadline.now()
    let refusals = try commit(changes)
    return (refusals, Interval(nanoseconds: (NIODeadline.now() - start).nanoseconds))
  }

  /// Carries out the changes: in one transaction where they are few, so that a prefix that moves from one table to another is never
  /// in neither; otherwise each interval set in one and the hash sets in several, additions first.
  ///
  /// What the kernel refuses in one set must not hold up the others, nor one element the rest: then it goes set by set, and in ever
  /// smaller parts.
  ///
  /// - Returns: the elements that the kernel does not take.
  /// - Throws: the first error that is not about an element, when everything else has been carried out.
  func commit(_ changes: [SetChange]) throws -> [KernelRefusal] {
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
    return try unwatched { try commitEach(inOne + additions + removals) }
  }

  /// All in one transaction; when the kernel refuses that, set by set.
  private func commitOrEach(_ changes: [SetChange]) throws -> [KernelRefusal] {
    do {
      try commitTogether(changes)
      return []
    } catch {
      return try commitEach(changes.flatMap(\.halves))
    }
  }

  /// Each in a transaction of its own, or in several where the kernel refuses that.
  private func commitEach(_ changes: [SetChange]) throws -> [KernelRefusal] {
    var failure: NetfilterError?
    var refusals: [KernelSet: KernelRefusal] = [:]
    var rest = changes[...]
    while let change = rest.popFirst() {
      do throws(NetfilterError) {
        try commitTogether([change])
      } catch {
        guard error.isAboutAnElement else {
          failure = failure ?? error
          continue
        }
        // What leaves makes room for what comes.
        guard change.halves.count == 1 else {
          rest = change.halves + rest
          continue
        }
        do throws(NetfilterError) {
          let refused = try commitInParts(change, after: error)
          guard !refused.isEmpty else { continue }
          refusals[change.set, default: KernelRefusal(set: change.set, prefixes: PrefixList(), reason: error.words)]
            .prefixes.append(contentsOf: refused)
        } catch {
          failure = failure ?? error
        }
      }
    }
    if let failure { throw failure }
    return refusals.values.sorted { $0.set.name < $1.set.name }
  }

  /// Adds what the kernel takes of a change that it has refused as a whole.
  ///
  /// - Returns: what it does not take. Of a set that is full these are the last ones.
  private func commitInParts(_ change: SetChange, after error: NetfilterError) throws(NetfilterError) -> PrefixList {
    // What is there cannot be missing because of another element.
    guard change.removed.isEmpty || change.replaces else { throw error }
    guard change.added.count > 1 else {
      if change.replaces { try commitTogether([SetChange(set: change.set, replaces: true)]) }
      return change.added
    }
    var refused = PrefixList()
    // Only the first part empties a set that is to be replaced.
    var replaces = change.replaces
    for part in change.added.parts(of: (change.added.count + 1) / 2) {
      if error.cause == .setFull, !refused.isEmpty {
        // Where one did not fit, none that comes after it does.
        refused.append(contentsOf: part)
        continue
      }
      let half = SetChange(set: change.set, replaces: replaces, added: part)
      replaces = false
      do throws(NetfilterError) {
        try commitTogether([half])
      } catch {
        guard error.isAboutAnElement else { throw error }
        refused.append(contentsOf: try commitInParts(half, after: error))
      }
    }
    return refused
  }

  private func commitTogether(_ changes: [SetChange]) throws(NetfilterError) {
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

extension NetfilterError {
  /// Whether another element, or fewer of them, might have been taken.
  fileprivate var isAboutAnElement: Bool {
    switch cause {
    case .setFull, .exists, .unsuitable, .tooBig, .other: true
    case .notFound, .notPermitted, .outOfMemory, .stale, .lost, .malformed: false
    }
  }

  /// Why an element was not taken, without naming it.
  fileprivate var words: String {
    cause == .setFull ? "it is full" : "\(self)"
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
