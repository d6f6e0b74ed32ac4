import ConfigFile
import Primitives

/// When which export file is written: some time after the first of a burst of changes, never twice at once.
struct ExportSchedule: Sendable {
  private struct Entry: Sendable {
    let file: ExportFile
    var isDirty = false
    var isWriting = false
  }

  private var entries: [Entry]
  /// When the dirty files are due; nil for none, or while nothing may be written yet.
  private(set) var deadline: Instant?

  /// A burst of changes is one file.
  static let debounce = Interval.milliseconds(500)

  init(_ files: [ExportFile]) {
    entries = files.map { Entry(file: $0) }
  }

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
  mutating func take() -> [(index: Int, file: ExportFile)] {
    deadline = nil
    var due: [(index: Int, file: ExportFile)] = []
    for index in entries.indices where entries[index].isDirty && !entries[index].isWriting {
      entries[index].isDirty = false
      entries[index].isWriting = true
      due.append((index, entries[index].file))
    }
    return due
  }

  /// A file has been written or has failed.
  ///
  /// - Parameter retry: it is to be tried again.
  mutating func done(_ index: Int, retry: Bool, at now: Instant) {
    guard entries.indices.contains(index) else { return }
    entries[index].isWriting = false
    if retry { entries[index].isDirty = true }
    if entries[index].isDirty { deadline = now + (retry ? Self.retryTime : Self.debounce) }
  }

  /// After a failure.
  static let retryTime = Interval.seconds(60)
}
