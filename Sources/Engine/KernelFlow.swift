import ConfigFile
import Metrics
package import Primitives
import Tables

/// Tables to the kernel and to files: what the shell answers to `readSets`, `commit` and `export`.
extension Engine {
  mutating func setsRead(_ contents: [TableContents], _ now: Instant) {
    let isFirst = tables.parts.allSatisfy { $0.inKernel == nil }
    let changes = tables.read(contents, inherits: isFirst)
    if isFirst {
      let count = contents.reduce(0) { $0 + $1.hosts.count + $1.intervals.count }
      if count > 0 {
        log(.info, "the tables hold \(count) elements of an earlier run: kept until the feed is complete")
      }
    }
    if !changes.isEmpty { commit(changes) }
    if checkDeadline == nil { checkDeadline = now + Self.checkTime }
  }

  // MARK: What other programs do

  mutating func checkSets(_ now: Instant) {
    checkDeadline = now + Self.checkTime
    if tables.isIdle { effects.append(.checkSets) }
  }

  mutating func setsChecked(_ change: String?, _ now: Instant) {
    guard let change else { return }
    counters.externalChanges += 1
    log(.warning, "\(change); repairing")
    tables.distrust()
    readSetsIfNeeded()
  }

  /// Looks at the sets as soon as nothing is under way that changes them.
  private mutating func readSetsIfNeeded() {
    if tables.startReading() { effects.append(.readSets) }
  }

  // MARK: Snapshot

  mutating func saveSnapshot(_ now: Instant) {
    snapshotDeadline = now + Self.snapshotRenewal
    lastSnapshot = now
    effects.append(.saveSnapshot(snapshot, age: snapshotAge(at: now)))
  }

  /// The tables as they should be now.
  package var snapshot: [String: PrefixList] {
    Dictionary(
      uniqueKeysWithValues: tables.names.enumerated().map { index, name in
        (name, tables.membership.prefixes(of: TableID(index: UInt8(truncatingIfNeeded: index))))
      })
  }

  /// How long ago the tables were last what a feed says: a dead feed does not become younger by being saved.
  package func snapshotAge(at now: Instant) -> Interval {
    if peers.contains(where: \.isSynchronized) { return .zero }
    return lastConfirmation.map { now - $0 } ?? .zero
  }

  mutating func snapshotSaved(_ error: SystemError?, _ now: Instant) {
    guard let error else {
      counters.lastSnapshot = now
      return
    }
    counters.failedSnapshots += 1
    log(.error, "\(error); the snapshot stays as it was")
    snapshotDeadline = now + ExportSchedule.retryTime
  }

  // MARK: Commits

  /// Gives changes to the kernel.
  mutating func commit(_ changes: [SetChange]) {
    committingSince = owedSince
    owedSince = nil
    effects.append(.commit(serial: tables.begin(changes), changes))
  }

  mutating func committed(_ serial: UInt64, _ refusals: [KernelRefusal], _ duration: Interval, _ now: Instant) {
    guard let (sums, alarms) = tables.committed(serial, refusing: refusals, at: now) else { return }
    committingSince = nil
    counters.commits.add(duration)
    counters.refusedElements += refusals.reduce(0) { $0 + UInt64($1.prefixes.count) }
    for refusal in alarms {
      log(.error, "set \(refusal.set.name): \(refusal.reason): \(refusal.prefixes.count) elements have to wait")
    }
    pause(after: duration, elements: sums.reduce(0) { $0 + $1.added + $1.removed }, now)
    readSetsIfNeeded()
    let counts = sums.map { "+\($0.added) -\($0.removed) \($0.name)" }.joined(separator: ", ")
    log(.info, "\(counts) in \(duration.milliseconds) ms")
    exports.mark(tables: sums.map(\.name), at: now)
    if configuration.snapshotPath != nil {
      let earliest = max(now + Self.snapshotTime, lastSnapshot.map { $0 + Self.snapshotPause } ?? now)
      snapshotDeadline = min(snapshotDeadline ?? earliest, earliest)
    }
  }

  /// Lets time pass after a commit that cost more than its elements did.
  private mutating func pause(after duration: Interval, elements: Int, _ now: Instant) {
    let excess = duration.nanoseconds - Self.elementTime.nanoseconds * Int64(elements)
    guard excess > Self.shortCommit.nanoseconds else { return }
    paceDeadline = now + min(Interval(nanoseconds: 9 * min(excess, Self.longestPause.nanoseconds)), Self.longestPause)
  }

  mutating func tablesFailed(_ serial: UInt64?, _ reason: String, _ now: Instant) {
    guard tables.failed(serial, reason, at: now) else { return }
    owedSince = committingSince ?? owedSince
    committingSince = nil
    if serial == nil { counters.failedReads += 1 } else { counters.failedCommits += 1 }
    let wait = tables.retryDeadline.map { ($0 - now).seconds } ?? 0
    log(.error, "\(reason); the tables stay as they are, next attempt in \(wait) s")
  }

  // MARK: Export files

  mutating func startExports(_ now: Instant) {
    guard peers.contains(where: \.hasEverSynchronized) else {
      exports.hold()
      return
    }
    for (index, file) in exports.take() {
      guard let table = tables.table(named: file.table) else { continue }
      let prefixes = tables.contents(of: table)
      let isEmpty = file.format == .spamd ? prefixes.ipv4.isEmpty : prefixes.isEmpty
      if isEmpty, !file.allowEmpty {
        exports.done(index, retry: false, at: now)
        log(
          .warning,
          "table \(file.table) has no entry for \(file.path), which stays as it was (allow-empty would write it)")
      } else {
        effects.append(.export(index: index, file, prefixes))
      }
    }
  }

  mutating func exported(_ index: Int, _ result: Result<Int, SystemError>, _ now: Instant) {
    guard configuration.exports.indices.contains(index) else { return }
    let file = configuration.exports[index]
    switch result {
    case .success(let count):
      exports.done(index, retry: false, at: now)
      counters.exports[file.path, default: ExportCounters()].lastWritten = now
      counters.exports[file.path]?.entries = count
      log(.info, "wrote \(count) entries of \(file.table) to \(file.path)")
    case .failure(let error):
      exports.done(index, retry: true, at: now)
      counters.exports[file.path, default: ExportCounters()].failures += 1
      log(.error, "\(error); \(file.path) stays as it was")
    }
  }
}
