import Foundation
import Testing

/// An exported file.
struct ExportedList {
  let comments: [String]
  let entries: [String]

  init(_ path: String) throws {
    self.init(text: try String(contentsOfFile: path, encoding: .utf8))
  }

  init(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    comments = lines.filter { $0.hasPrefix("#") }
    // The last line ends with a line feed, after which there is nothing.
    entries = (lines.last == "" ? lines.dropLast() : lines[...]).filter { !$0.hasPrefix("#") }
  }

  /// Waits until a file that a daemon writes has these entries, in this order.
  static func wait(
    for entries: [String], in path: String, _ laboratory: Laboratory, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try laboratory.wait("\(path) lists \(entries)", sourceLocation: sourceLocation) {
      (try? ExportedList(path))?.entries == entries
    }
  }
}
