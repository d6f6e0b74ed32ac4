import Testing

@Suite("The ledger of what RFCs ask for")
struct RFCLedgerTests {
  @Test("No clause stands in it twice")
  func duplicates() throws {
    let clauses = try RFCLedger.clauses()
    #expect(clauses.count >= 200)
    let names = Dictionary(grouping: clauses, by: \.testDescription)
    #expect(names.filter { $0.value.count > 1 }.keys.sorted() == [])
  }

  @Test("Every test and every row that it names is there")
  func names() throws {
    let sentences = try RFCLedger.sentences()
    #expect(sentences.count >= 400)
    let rows = Set(MalformedUpdate.all.map { RFCLedger.rowPrefix + $0.name })
    let unknown = try RFCLedger.clauses().filter { clause in
      clause.test.map { !rows.contains($0) && !sentences.contains($0) } ?? false
    }
    #expect(Set(unknown.compactMap(\.test)).sorted() == [])
  }

  @Test("Whatever an RFC demands is shown by a test, or told to be missing")
  func coverage() throws {
    let clauses = try RFCLedger.clauses()
    print("RFC ledger: clauses with a test, without one, and of the latter those that nftbgpd does not follow")
    for (rfc, ofIt) in Dictionary(grouping: clauses, by: \.rfc).sorted(by: { $0.key < $1.key }) {
      print("  RFC \(rfc): \(Self.counts(ofIt))")
    }
    print("  in total: \(Self.counts(clauses))")
    for clause in clauses {
      guard let reason = clause.missing else { continue }
      print("  MISSING (\(clause.isDemanded ? "M" : "S")) \(clause.testDescription): \(reason)")
      #expect(clause.test == nil, "\(clause.testDescription): tested and missing")
    }
    let untested = clauses.filter { $0.isDemanded && $0.test == nil && $0.missing == nil }
    #expect(untested.map(\.testDescription) == [])
  }

  @Test("README names the RFCs of which something is shown, and no others")
  func readme() throws {
    let shown = Set(try RFCLedger.clauses().filter { $0.test != nil }.map(\.rfc))
    #expect(try RFCLedger.claimed().sorted() == shown.sorted())
  }

  private static func counts(_ clauses: [RFCLedger.Clause]) -> String {
    let tested = clauses.count { $0.test != nil }
    return "\(tested), \(clauses.count - tested), \(clauses.count { $0.missing != nil })"
  }
}
