import Control
import Presentation
import Primitives
import Testing

@Suite("show refused, show conflicts and changes")
struct GuardPresentationTests {
  private func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }

  private func refused() throws -> [RefusedReport] {
    [
      RefusedReport(
        prefix: try prefix("10.0.0.0/8"), table: "bgp_spamd", neighborAddress: Laboratory.rs.address,
        neighborDescription: "rs.bgp-spamd.net", reason: "private or reserved: 10.0.0.0/8"),
      RefusedReport(
        prefix: try prefix("192.0.2.1"), table: "bgp_spamd", neighborAddress: nil, neighborDescription: "",
        reason: "protected: address of this host"),
      RefusedReport(
        prefix: try prefix("2001:db8:1234:5678::/64"), table: "b\n", neighborAddress: Laboratory.address("2001:db8::1"),
        neighborDescription: "\u{1B}[2J", reason: "\u{9B}31m"),
    ]
  }

  @Test("A row per refused prefix, a dash for what is not known, and no text as it came")
  func refusedText() throws {
    let reports = try refused()
    #expect(
      try present(.showRefused, [.refused(Array(reports.prefix(2))), .refused(Array(reports.dropFirst(2)))]) == """
        Prefix               Table            Neighbor        Description          Reason
        10.0.0.0/8           bgp_spamd        127.0.0.2       rs.bgp-spamd.net     private or reserved: 10.0.0.0/8
        192.0.2.1/32         bgp_spamd        -               -                    protected: address of this host
        2001:db8:1234:5678::/64 b\\n              2001:db8::1     \\u{1b}[2J            \\u{9b}31m

        """)
  }

  @Test("The JSON of a refused prefix has a neighbour only where one announced it")
  func refusedJSON() throws {
    #expect(
      try present(.showRefused, json: true, [.refused(Array(refused().prefix(2)))]) == """
        {
        \t"refused": [
        \t\t{
        \t\t\t"prefix": "10.0.0.0/8",
        \t\t\t"table": "bgp_spamd",
        \t\t\t"neighbor": {
        \t\t\t\t"description": "rs.bgp-spamd.net",
        \t\t\t\t"remote_addr": "127.0.0.2"
        \t\t\t},
        \t\t\t"reason": "private or reserved: 10.0.0.0/8"
        \t\t},
        \t\t{
        \t\t\t"prefix": "192.0.2.1/32",
        \t\t\t"table": "bgp_spamd",
        \t\t\t"reason": "protected: address of this host"
        \t\t}
        \t]
        }

        """)
  }

  private func conflicts() throws -> [ConflictReport] {
    let (bypass, black) = (try prefix("192.0.2.25"), try prefix("192.0.2.0/24"))
    return [.bypass, .black, nil].map { role in
      ConflictReport(
        bypass: bypass, bypassTable: "bgp_bypass", black: black, blackTable: "bgp_spamd", preferred: role)
    }
  }

  @Test("A row per conflict, with the one that wins")
  func conflictText() throws {
    #expect(
      try present(.showConflicts, [.conflicts(conflicts())]) == """
        Bypass               Table            Black                Table            Wins
        192.0.2.25/32        bgp_bypass       192.0.2.0/24         bgp_spamd        bypass
        192.0.2.25/32        bgp_bypass       192.0.2.0/24         bgp_spamd        black
        192.0.2.25/32        bgp_bypass       192.0.2.0/24         bgp_spamd        both stay

        """)
  }

  @Test("The JSON of a conflict names both prefixes, both tables and the one that wins")
  func conflictJSON() throws {
    let json = try present(.showConflicts, json: true, [.conflicts(Array(conflicts().dropFirst(2)))])
    #expect(
      json == """
        {
        \t"conflicts": [
        \t\t{
        \t\t\t"bypass": "192.0.2.25/32",
        \t\t\t"bypass_table": "bgp_bypass",
        \t\t\t"black": "192.0.2.0/24",
        \t\t\t"black_table": "bgp_spamd",
        \t\t\t"wins": "both"
        \t\t}
        \t]
        }

        """)
    #expect(try present(.showConflicts, json: true, [.conflicts(conflicts())]).contains("\"wins\": \"bypass\"\n"))
  }

  @Test("Nothing refused and no conflicts are a header", arguments: [Command.showRefused, .showConflicts])
  func empty(command: Command) throws {
    #expect(try present(command, []).split(separator: "\n").count == 1)
  }

  @Test(
    "A change that was carried out is answered as bgpctl answers it",
    arguments: [
      .neighbor(.all, .up), .neighbor(.group("g"), .down(flush: true, "bye")), .accept(table: "bgp_spamd"),
    ] as [Command])
  func changes(command: Command) throws {
    #expect(try present(command, []) == "request processed\n")
    #expect(try present(command, json: true, []) == "{\n\t\"status\": \"OK\"\n}\n")
  }

  @Test("A change of what is logged is answered as bgpctl answers it", arguments: [true, false])
  func logging(isVerbose: Bool) throws {
    #expect(try present(.log(verbose: isVerbose), []) == fixture("log-brief.txt"))
    #expect(try present(.log(verbose: isVerbose), json: true, []) == "{\n\t\"status\": \"OK\"\n}\n")
  }

  @Test("Before the end of the answer nothing says that a change was carried out")
  func unfinishedChange() {
    for json in [false, true] {
      var presenter = Presenter(.accept(table: "bgp_spamd"), json: json)
      #expect(presenter.take() == [])
    }
  }

  @Test("Records that do not belong to the command are an error")
  func malformed() throws {
    #expect(throws: ControlError.self) { try present(.showConflicts, [.refused([])]) }
    #expect(throws: ControlError.self) { try present(.showRefused, [.conflicts([])]) }
    #expect(throws: ControlError.self) { try present(.accept(table: ""), [.refused([])]) }
  }
}
