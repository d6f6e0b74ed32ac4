import ConfigFile
import Primitives

/// When which export file is written: some time after the first of a burst of changes, never twice at once. And when which hook is run:
/// after the files that name it, once for all of them, never beside itself.
struct ExportSchedule: Sendable {
  private struct Entry: Sendable {
    let file: ExportFile
    var isDirty = false
    var isWriting = false
  }

  private struct Hook: Sendable {
    /// With the longest timeout of the files that name it.
    var hook: ExportHook
    var isDue = false
    var isRunning = false
    /// Not to be run again before; nil: it has not been run.
    var earliest: Instant?
  }

  private var entries: [Entry] = []
  private var hooks: [Hook] = []
  /// When the dirty files are due; nil for none, or while nothing may be written yet.
  private(set) var deadline: Instant?

  /// A burst of changes is one file.
  static let debounce = Interval.milliseconds(500)

  /// From one start of a hook to the next: a feed that never rests must not keep a mail server busy with reading its tables.
  static let hookPause = Interval.seconds(10)

  init(_ files: [ExportFile]) {
    entries = files.map { Entry(file: $0) }
    for hook in files.compactMap(\.hook) {
      if let index = hooks.firstIndex(where: { $0.hook.command == hook.command }) {
        hooks[index].hook.timeout = max(hooks[index].hook.timeout, hook.timeout)
      } else {
        hooks.append(Hook(hook: hook))
      }
    }
  }

  /// Goes over to the files of another configuration: those that are new are out of date.
  mutating func adopt(_ files: [ExportFile], at now: Instant) {
    let before = self
    self = ExportSchedule(files)
    for index in entries.indices {
      if let known = before.entries.first(where: { $0.file == entries[index].file }) {
        entries[index] = known
      } else {
        entries[index].isDirty = true
      }
    }
    for index in hooks.indices {
      guard var known = before.hooks.first(where: { $0.hook.command == hooks[index].hook.command }) else { continue }
      known.hook = hooks[index].hook
      hooks[index] = known
    }
    schedule(now)
  }

  // MARK: Files

  /// The files of these tables are out of date.
  mutating func mark(tables: [String], at now: Instant) {
    for index in entries.indices where tables.contains(entries[index].file.table) {
      entries[index].isDirty = true
    }
    schedule(now)
  }

  /// All files are out of date.
  mutating func mark(at now: Instant) {
    mark(tables: entries.map(\.file.table), at: now)
  }

  private mutating func schedule(_ now: Instant) {
    if deadline == nil, entries.contains(where: \.isDirty) { deadline = now + Self.debounce }
  }

  /// Whether the table of a file may have changed since it was written.
  func isOutdated(_ index: Int) -> Bool {
    entries.indices.contains(index) && (entries[index].isDirty || entries[index].isWriting)
  }

  func isDue(at now: Instant) -> Bool {
    deadline.map { $0 <= now } ?? false
  }

  /// Not yet: the next mark sets a new deadline.
  mutating func hold() {
    deadline = nil
  }

  /// The files to write now.
  mutating func take() -> [ExportFile] {
    deadline = nil
    var due: [ExportFile] = []
    for index in entries.indices where entries[index].isDirty && !entries[index].isWriting {
      entries[index].isDirty = false
      entries[index].isWriting = true
      due.append(entries[index].file)
    }
    return due
  }

  /// A file has been written or has failed.
  ///
  /// - Parameters:
  ///   - changed: its hook is due.
  ///   - retry: it is to be tried again.
  mutating func done(_ file: ExportFile, changed: Bool, retry: Bool, at now: Instant) {
    guard let index = entries.firstIndex(where: { $0.file == file && $0.isWriting }) else { return }
    entries[index].isWriting = false
    if retry { entries[index].isDirty = true }
    if entries[index].isDirty { deadline = now + (retry ? Self.retryTime : Self.debounce) }
    guard changed, let hook = hookIndex(entries[index].file.hook?.command) else { return }
    hooks[hook].isDue = true
  }

  /// After a failure.
  static let retryTime = Interval.seconds(60)

  // MARK: Hooks

  /// When `takeHooks` is to be called; nil: not before something else happens.
  var hookDeadline: Instant? {
    hooks.filter(isReady).compactMap(\.earliest).min()
  }

  /// The hooks to run now.
  mutating func takeHooks(at now: Instant) -> [ExportHook] {
    var due: [ExportHook] = []
    for index in hooks.indices where isReady(hooks[index]) && hooks[index].earliest.map({ $0 <= now }) ?? true {
      hooks[index].isDue = false
      hooks[index].isRunning = true
      hooks[index].earliest = now + Self.hookPause
      due.append(hooks[index].hook)
    }
    return due
  }

  /// A hook has ended, in whatever way.
  mutating func ended(_ hook: ExportHook) {
    guard let index = hookIndex(hook.command) else { return }
    hooks[index].isRunning = false
  }

  /// Files of the same turn that are still being written are waited for.
  private func isReady(_ hook: Hook) -> Bool {
    hook.isDue && !hook.isRunning
      && !entries.contains { $0.isWriting && $0.file.hook?.command == hook.hook.command }
  }

  private func hookIndex(_ command: String?) -> Int? {
    hooks.firstIndex { $0.hook.command == command }
  }
}
