import ConfigFile
import Export
import Metrics
package import Primitives
import Tables

/// Tables to the kernel and to files: what the shell answers to `readSets`, `commit` and `export`.
extension Engine {
  mutating func setsRead(_ contents: [TableContents], _ now: Instant) {
    guard tables.endReading() else { return readSetsIfNeeded() }
    let isFirst = !tables.hasBeenRead
    let changes = tables.read(contents, inherits: isFirst)
    if isFirst {
      let count = contents.reduce(0) { $0 + $1.hosts.count + $1.intervals.count }
      if count > 0 {
        log(
          .info, "the tables hold \(count) elements of an earlier run: kept until the feed is complete", kind: .snapshot
        )
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
    log(.warning, "\(change); repairing", kind: .foreignChange)
    tables.distrust()
    readSetsIfNeeded()
  }

  /// Looks at the sets as soon as nothing is under way that changes them.
  mutating func readSetsIfNeeded() {
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

  /// What the interval sets hold, by their names; nil while that is not what they should.
  package var intervalSets: [String: PrefixList]? { tables.intervalSets }

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
    log(.error, "\(error); the snapshot stays as it was", kind: .snapshot)
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
      log(
        .error, "set \(refusal.set.name): \(refusal.reason): \(refusal.prefixes.count) elements have to wait",
        kind: .kernelFailed, sets: [refusal.set.name])
    }
    pause(after: duration, elements: sums.reduce(0) { $0 + $1.added + $1.removed }, now)
    readSetsIfNeeded()
    let changes = KernelChanges(
      sums.map { .init(name: $0.name, added: $0.added, removed: $0.removed) }, in: duration)
    effects.append(.log(LogRecord(changes)))
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

  mutating func setsUnreadable(_ reason: String, _ now: Instant) {
    guard tables.endReading() else { return readSetsIfNeeded() }
    tablesFailed(nil, reason, now)
  }

  mutating func tablesFailed(_ serial: UInt64?, _ reason: String, _ now: Instant) {
    guard tables.failed(serial, reason, at: now) else { return }
    owedSince = committingSince ?? owedSince
    committingSince = nil
    if serial == nil { counters.failedReads += 1 } else { counters.failedCommits += 1 }
    let wait = tables.retryDeadline.map { ($0 - now).seconds } ?? 0
    log(.error, "\(reason); the tables stay as they are, next attempt in \(wait) s", kind: .kernelFailed)
  }

  // MARK: Export files

  mutating func startExports(_ now: Instant) {
    guard peers.contains(where: \.hasEverSynchronized) else {
      exports.hold()
      return
    }
    for file in exports.take() {
      guard let table = tables.table(named: file.table) else { continue }
      let prefixes = tables.contents(of: table)
      if !file.format.hasEntries(for: prefixes), !file.allowEmpty {
        exports.done(file, changed: false, retry: false, at: now)
        log(
          .warning,
          "table \(file.table) has no entry for \(file.path), which stays as it was (allow-empty would write it)",
          kind: .exportFailed, sets: [file.table])
      } else {
        effects.append(.export(file, prefixes))
      }
    }
  }

  mutating func exported(_ file: ExportFile, _ result: Result<ExportOutcome, SystemError>, _ now: Instant) {
    switch result {
    case .success(let outcome):
      exports.done(file, changed: outcome.changed, retry: false, at: now)
      counters.exports[file.path, default: ExportCounters()].lastWritten = now
      counters.exports[file.path]?.entries = outcome.entries
      if outcome.changed {
        log(
          .info, "wrote \(outcome.entries) entries of \(file.table) to \(file.path)", kind: .exported,
          sets: [file.table])
      } else {
        log(.debug, "\(file.path) has the \(outcome.entries) entries of \(file.table) already")
      }
    case .failure(let error):
      exports.done(file, changed: false, retry: true, at: now)
      counters.exports[file.path, default: ExportCounters()].failures += 1
      log(.error, "\(error); \(file.path) stays as it was", kind: .exportFailed, sets: [file.table])
    }
  }

  // MARK: Hooks

  mutating func runHooks(_ now: Instant) {
    for hook in exports.takeHooks(at: now) {
      effects.append(.run(hook))
    }
  }

  mutating func hookEnded(_ hook: ExportHook, _ outcome: HookOutcome) {
    exports.ended(hook)
    let failure: String
    switch outcome.end {
    case .exited(0): return log(.info, "ran \"\(hook.command)\"", kind: .hookEnded)
    case .exited(let status): failure = "exit status \(status)"
    case .signaled(let signal): failure = "killed by signal \(signal)"
    case .timedOut: failure = "killed after \(hook.timeout) s"
    case .failed(let reason): failure = "not run: \(reason)"
    }
    let words = outcome.lastLine.isEmpty ? failure : "\(failure): \(outcome.lastLine)"
    log(.error, "\"\(hook.command)\" \(words)", kind: .hookEnded)
  }
}
