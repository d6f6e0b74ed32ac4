/// A finding of the parser: an error, after which the file does not load, or a warning.
package struct ConfigDiagnostic: Hashable, Sendable, CustomStringConvertible {
  package enum Severity: Hashable, Sendable {
    case error
    case warning
  }

  package var severity: Severity
  /// The file as named on the command line or by `include`.
  package var file: String
  /// Both count from 1; the column counts characters, a tab being one.
  package var line: Int
  package var column: Int
  /// What is wrong, and what was expected.
  package var message: String

  package init(severity: Severity, file: String, line: Int, column: Int, message: String) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  /// `FILE:LINE:COLUMN: [warning: ]MESSAGE`.
  package var description: String {
    "\(file):\(line):\(column): \(severity == .warning ? "warning: " : "")\(message)"
  }
}
