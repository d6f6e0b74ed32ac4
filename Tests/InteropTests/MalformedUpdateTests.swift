import Foundation
import Testing

extension InteropTier {
  @Suite("Malformed UPDATE messages") struct MalformedUpdates {
    private static let tool = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Tools/compare-errors").path

    @Test("What nftbgpd does about each row of the table is what the RFCs ask for, on a session of its own")
    func table() throws {
      try Laboratory.run { laboratory in
        let outcome = try laboratory.run(
          Self.tool, ["--here", "--only", "nftbgpd", "--products", Laboratory.products])
        let rows = outcome.output.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        #expect(rows.count >= 400, "\(outcome.errors)")
        for row in rows where row.contains("**") || row.contains("not possible") {
          Issue.record("\(row)")
        }
        #expect(outcome.status == 0)
      }
    }
  }
}
