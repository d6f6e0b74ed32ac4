/// What has become of an export file.
package struct ExportOutcome: Hashable, Sendable {
  /// Number of entries in the file.
  package var entries: Int
  /// Whether they are others than before; if not, the file was left alone.
  package var changed: Bool

  package init(entries: Int, changed: Bool) {
    self.entries = entries
    self.changed = changed
  }
}

/// How a hook ended.
package struct HookOutcome: Hashable, Sendable {
  package enum End: Hashable, Sendable {
    case exited(Int32)
    case signaled(Int32)
    /// Killed, because its time was over.
    case timedOut
    /// It could not be started.
    case failed(String)
  }

  package var end: End
  /// The last line that it wrote to its standard error; empty for none.
  package var lastLine: String

  package init(_ end: End, lastLine: String = "") {
    self.end = end
    self.lastLine = lastLine
  }
}
