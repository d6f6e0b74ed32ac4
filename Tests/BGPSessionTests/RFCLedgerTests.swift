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

  @Test("Whatever an RFC demands, a test shows that it is done, or what is done instead")
  func coverage() throws {
    let clauses = try RFCLedger.clauses()
    print(
      "RFC ledger: clauses shown by a test, of them those with another behaviour by design, and clauses without a test")
    for (rfc, ofIt) in Dictionary(grouping: clauses, by: \.rfc).sorted(by: { $0.key < $1.key }) {
      print("  RFC \(rfc): \(Self.counts(ofIt))")
    }
    print("  demanded (M): \(Self.counts(clauses.filter(\.isDemanded)))")
    print("  recommended (S): \(Self.counts(clauses.filter { !$0.isDemanded }))")
    for clause in clauses {
      let mark = clause.isDemanded ? "M" : "S"
      if let instead = clause.instead { print("  INSTEAD (\(mark)) \(clause.testDescription): \(instead)") }
      if let missing = clause.missing { print("  MISSING (\(mark)) \(clause.testDescription): \(missing)") }
    }
    #expect(clauses.filter { $0.isDemanded && $0.test == nil }.map(\.testDescription) == [])
    let unexplained = clauses.filter { ($0.test == nil) != ($0.missing != nil) || $0.instead != nil && $0.test == nil }
    #expect(unexplained.map(\.testDescription) == [])
  }

  @Test("README names the RFCs of which something is shown, and no others")
  func readme() throws {
    let shown = Set(try RFCLedger.clauses().filter { $0.test != nil }.map(\.rfc))
    #expect(try RFCLedger.claimed().sorted() == shown.sorted())
  }

  private static func counts(_ clauses: [RFCLedger.Clause]) -> String {
    "\(clauses.count { $0.test != nil }), \(clauses.count { $0.instead != nil }), \(clauses.count { $0.test == nil })"
  }
}
