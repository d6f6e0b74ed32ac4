package import Primitives

/// What is written of the lines that the log is given: bursts of commits become one line with sums, and a complaint that is repeated is
/// counted.
///
/// The first of a burst is written at once, because who waits for it wants to see it.
package struct LogDigest: Sendable {
  /// Commits that are this close together share a line.
  static let burst = Interval.seconds(1)
  /// For how long a complaint is only counted.
  static let repetition = Interval.seconds(60)
  /// More different ones at once are written each time.
  static let mostComplaints = 256

  private struct Complaint: Sendable {
    var repetitions = 0
    var deadline: Instant
  }

  private var changes: KernelChanges?
  private var burstDeadline: Instant?
  private var complaints: [LogRecord: Complaint] = [:]
  /// The keys of `complaints`, what is due first at the front.
  private var order: [LogRecord] = []

  package init() {}

  /// When `advance` is due; nil for never.
  package var nextDeadline: Instant? {
    [burstDeadline, order.first.flatMap { complaints[$0]?.deadline }].compactMap { $0 }.min()
  }

  /// - Returns: the line itself, for debugging only where it is to be summed up.
  package mutating func take(_ record: LogRecord, at now: Instant) -> LogRecord {
    if let added = record.changes {
      guard burstDeadline != nil else {
        burstDeadline = now + Self.burst
        return record
      }
      if changes?.add(added) == nil { changes = added }
      return record.detail
    }
    guard record.isComplaint else { return record }
    guard complaints[record] == nil else {
      complaints[record]?.repetitions += 1
      return record.detail
    }
    if complaints.count < Self.mostComplaints { watch(record, now) }
    return record
  }

  /// - Returns: the lines that sum up what has come since, where that is due.
  package mutating func advance(to now: Instant) -> [LogRecord] {
    var lines: [LogRecord] = []
    if let deadline = burstDeadline, deadline <= now {
      burstDeadline = changes.map { _ in now + Self.burst }
      if let line = takeChanges() { lines.append(line) }
    }
    while let record = order.first, let complaint = complaints[record], complaint.deadline <= now {
      order.removeFirst()
      complaints[record] = nil
      guard let line = Self.line(record, complaint) else { continue }
      lines.append(line)
      watch(record, now)
    }
    return lines
  }

  /// - Returns: the lines that are not due yet, at the end.
  package mutating func finish() -> [LogRecord] {
    let repeated = order.compactMap { record in complaints[record].flatMap { Self.line(record, $0) } }
    let lines = [takeChanges()].compactMap { $0 } + repeated
    self = LogDigest()
    return lines
  }

  private mutating func watch(_ record: LogRecord, _ now: Instant) {
    complaints[record] = Complaint(deadline: now + Self.repetition)
    order.append(record)
  }

  private mutating func takeChanges() -> LogRecord? {
    defer { changes = nil }
    return changes.map { LogRecord($0) }
  }

  private static func line(_ record: LogRecord, _ complaint: Complaint) -> LogRecord? {
    guard complaint.repetitions > 0 else { return nil }
    let times = complaint.repetitions == 1 ? "once more" : "\(complaint.repetitions) more times"
    var line = record
    line.message += " (\(times) within \(Self.repetition.seconds) s)"
    return line
  }
}

extension LogRecord {
  /// The same for debugging only.
  fileprivate var detail: LogRecord {
    var record = self
    record.level = .debug
    return record
  }

  /// Whether the same line a moment later says nothing new. What happens in a session always does, and so does an answer to a reload.
  fileprivate var isComplaint: Bool {
    switch level {
    case .debug, .info, .notice: false
    case .warning, .error: kind != .notification && kind != .reloaded
    }
  }
}
