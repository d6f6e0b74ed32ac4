import Foundation
import Testing

/// Tests/Fixtures/rfc-ledger.txt, whose head says what the columns mean, and what it is compared with.
struct RFCLedger: Sendable {
  struct Clause: Sendable, Hashable, CustomTestStringConvertible {
    let rfc: Int
    let section: String
    /// M, and not S.
    let isDemanded: Bool
    let words: String
    /// nil for `-`.
    let test: String?
    /// Why nftbgpd does not do it.
    let missing: String?
    /// What it does instead, by design.
    let instead: String?

    var testDescription: String { "RFC \(rfc) §\(section): \(words)" }
  }

  struct Mistake: Error {
    let line: Int
  }

  static let rowPrefix = "malformed-updates: "

  /// The folder of all tests; a link is not one that can be walked through.
  private static let tests = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func clauses() throws -> [Clause] {
    let text = try String(contentsOf: tests.appendingPathComponent("Fixtures/rfc-ledger.txt"), encoding: .utf8)
    var clauses: [Clause] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      let columns = line.split(separator: " | ", omittingEmptySubsequences: false).map(String.init)
      let missing = columns.last.flatMap { Self.words(of: $0, after: "! missing: ") }
      let instead = columns.last.flatMap { Self.words(of: $0, after: "! instead: ") }
      guard (5...6).contains(columns.count), let rfc = Int(columns[0]), ["M", "S"].contains(columns[2]),
        !columns.contains(where: { $0.isEmpty || $0.contains("|") }),
        columns.count == 5 || missing != nil || instead != nil
      else { throw Mistake(line: index + 1) }
      clauses.append(
        Clause(
          rfc: rfc, section: columns[1], isDemanded: columns[2] == "M", words: columns[3],
          test: columns[4] == "-" ? nil : columns[4],
          missing: missing, instead: instead))
    }
    return clauses
  }

  private static func words(of column: String, after prefix: String) -> String? {
    column.hasPrefix(prefix) ? String(column.dropFirst(prefix.count)) : nil
  }

  /// The sentences of all tests.
  static func sentences() throws -> Set<String> {
    let files = try #require(FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil))
    var sentences: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      // A sentence on lines of its own too; none has a quotation mark in it that the ledger names.
      let parts = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "@Test(").dropFirst()
      for part in parts {
        let start = part.drop { $0.isWhitespace }
        guard start.first == "\"", let end = start.dropFirst().firstIndex(of: "\"") else { continue }
        let words = start[..<end].dropFirst().split(whereSeparator: \.isWhitespace)
        sentences.insert(words.joined(separator: " "))
      }
    }
    return sentences
  }

  /// The RFCs that README says are followed, or protect connections.
  static func claimed() throws -> Set<Int> {
    let readme = tests.deletingLastPathComponent().appendingPathComponent("README.md")
    let paragraphs = try String(contentsOf: readme, encoding: .utf8).components(separatedBy: "\n\n")
    let paragraph = try #require(paragraphs.first { $0.hasPrefix("Received messages follow RFC") })
    return Set(paragraph.split { !$0.isNumber }.compactMap { Int($0) }.filter { $0 >= 1000 })
  }
}
