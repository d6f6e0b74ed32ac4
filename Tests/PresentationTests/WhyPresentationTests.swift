import Control
import Presentation
import Primitives
import Testing

@Suite("why")
struct WhyPresentationTests {
  private func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }

  private func table(
    _ name: String = "bgp_spamd", _ role: TableReport.Role = .black, members: [String] = [], wanted: String? = nil,
    kernel: WhyReport.Kernel = .doesNotHold, notes: [WhyReport.Note] = []
  ) throws -> WhyReport.Table {
    WhyReport.Table(
      name: name, role: role, members: try members.map(prefix), wanted: try wanted.map(prefix), kernel: kernel,
      notes: notes)
  }

  private func route(
    _ text: String, _ neighbor: NeighborReport, _ outcome: WhyReport.Outcome, staleFor: UInt64? = nil
  ) throws -> WhyReport.Route {
    WhyReport.Route(
      prefix: try prefix(text), neighborAddress: neighbor.address, neighborDescription: neighbor.description,
      asPath: "65066 64513", communities: ["64513:666", "65066:666"], largeCommunities: [], age: 4_210,
      staleFor: staleFor, outcome: outcome)
  }

  private func present(_ report: WhyReport, json: Bool = false) throws -> String {
    try PresentationTests.present(.why(report.asked), json: json, [.why(report)])
  }

  private func listed() throws -> WhyReport {
    WhyReport(
      asked: try prefix("203.0.113.7"),
      tables: [
        try table(members: ["203.0.113.0/24"], wanted: "203.0.113.0/24", kernel: .holds),
        try table("bgp_bypass", .bypass),
      ],
      routes: [
        try route("203.0.113.0/24", Laboratory.rs, .fills(table: "bgp_spamd", line: 12)),
        try route("203.0.0.0/7", Laboratory.eu, .refused(table: "bgp_spamd", line: 12, reason: "shorter than /8")),
      ])
  }

  @Test("The verdict on each table comes first, then each route with what became of it")
  func text() throws {
    #expect(
      try present(listed()) == """
        bgp_spamd (black): LISTED by 203.0.113.0/24, and the kernel holds it
        bgp_bypass (bypass): not listed

        Routes that cover 203.0.113.7:

        203.0.113.0/24 from rs.bgp-spamd.net (127.0.0.2)
            fills bgp_spamd by the rule on line 12
            AS path: 65066 64513
            Communities: 64513:666 65066:666
            Last update: 01:10:10 ago, fresh

        202.0.0.0/7 from eu.bgp-spamd.net (127.0.0.3)
            refused for bgp_spamd: shorter than /8; the rule on line 12 names the table
            AS path: 65066 64513
            Communities: 64513:666 65066:666
            Last update: 01:10:10 ago, fresh

        """)
  }

  @Test("The JSON has stable keys, and leaves out what is not there")
  func json() throws {
    var report = try listed()
    report.tables[1].kernel = .unknown("Operation not permitted")
    report.tables[1].notes = [
      .inherited(try prefix("203.0.113.7")), .held(try prefix("203.0.113.7"), 90),
      .protected(try prefix("203.0.113.0/24"), "address of this host"),
      .preferred(try prefix("203.0.113.7"), table: "t"), .refusedByKernel(try prefix("203.0.113.7"), "File exists"),
    ]
    report.routes[0].largeCommunities = ["65066:1:2"]
    report.routes[0].staleFor = 61
    report.routes[1].neighborDescription = ""
    report.routes[1].communities = []
    #expect(
      try present(report, json: true) == """
        {
        \t"why": {
        \t\t"asked": "203.0.113.7/32",
        \t\t"tables": [
        \t\t\t{
        \t\t\t\t"table": "bgp_spamd",
        \t\t\t\t"role": "black",
        \t\t\t\t"listed": true,
        \t\t\t\t"wanted": "203.0.113.0/24",
        \t\t\t\t"in_kernel": true,
        \t\t\t\t"members": [
        \t\t\t\t\t"203.0.113.0/24"
        \t\t\t\t]
        \t\t\t},
        \t\t\t{
        \t\t\t\t"table": "bgp_bypass",
        \t\t\t\t"role": "bypass",
        \t\t\t\t"listed": false,
        \t\t\t\t"kernel_error": "Operation not permitted",
        \t\t\t\t"notes": [
        \t\t\t\t\t{
        \t\t\t\t\t\t"note": "inherited",
        \t\t\t\t\t\t"prefix": "203.0.113.7/32"
        \t\t\t\t\t},
        \t\t\t\t\t{
        \t\t\t\t\t\t"note": "held",
        \t\t\t\t\t\t"prefix": "203.0.113.7/32",
        \t\t\t\t\t\t"remaining": "00:01:30",
        \t\t\t\t\t\t"remaining_sec": 90
        \t\t\t\t\t},
        \t\t\t\t\t{
        \t\t\t\t\t\t"note": "protected",
        \t\t\t\t\t\t"prefix": "203.0.113.0/24",
        \t\t\t\t\t\t"reason": "address of this host"
        \t\t\t\t\t},
        \t\t\t\t\t{
        \t\t\t\t\t\t"note": "preferred",
        \t\t\t\t\t\t"prefix": "203.0.113.7/32",
        \t\t\t\t\t\t"table": "t"
        \t\t\t\t\t},
        \t\t\t\t\t{
        \t\t\t\t\t\t"note": "refused_by_kernel",
        \t\t\t\t\t\t"prefix": "203.0.113.7/32",
        \t\t\t\t\t\t"reason": "File exists"
        \t\t\t\t\t}
        \t\t\t\t]
        \t\t\t}
        \t\t],
        \t\t"routes": [
        \t\t\t{
        \t\t\t\t"prefix": "203.0.113.0/24",
        \t\t\t\t"aspath": "65066 64513",
        \t\t\t\t"neighbor": {
        \t\t\t\t\t"description": "rs.bgp-spamd.net",
        \t\t\t\t\t"remote_addr": "127.0.0.2"
        \t\t\t\t},
        \t\t\t\t"communities": [
        \t\t\t\t\t"64513:666",
        \t\t\t\t\t"65066:666"
        \t\t\t\t],
        \t\t\t\t"large_communities": [
        \t\t\t\t\t"65066:1:2"
        \t\t\t\t],
        \t\t\t\t"last_update": "01:10:10",
        \t\t\t\t"last_update_sec": 4210,
        \t\t\t\t"stale": true,
        \t\t\t\t"stale_since": "00:01:01",
        \t\t\t\t"stale_since_sec": 61,
        \t\t\t\t"outcome": "fills",
        \t\t\t\t"table": "bgp_spamd",
        \t\t\t\t"line": 12
        \t\t\t},
        \t\t\t{
        \t\t\t\t"prefix": "202.0.0.0/7",
        \t\t\t\t"aspath": "65066 64513",
        \t\t\t\t"neighbor": {
        \t\t\t\t\t"remote_addr": "127.0.0.3"
        \t\t\t\t},
        \t\t\t\t"last_update": "01:10:10",
        \t\t\t\t"last_update_sec": 4210,
        \t\t\t\t"stale": false,
        \t\t\t\t"outcome": "refused",
        \t\t\t\t"table": "bgp_spamd",
        \t\t\t\t"line": 12,
        \t\t\t\t"reason": "shorter than /8"
        \t\t\t}
        \t\t]
        \t}
        }

        """)
  }

  /// What stands after the table's name, and the lines below it.
  private func verdict(_ table: WhyReport.Table, asked: String = "203.0.113.7") throws -> [Substring] {
    let text = try present(WhyReport(asked: try prefix(asked), tables: [table], routes: []))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let first = try #require(lines.first)
    try #require(first.hasPrefix("bgp_spamd (black): "))
    return [first.dropFirst("bgp_spamd (black): ".count)] + lines.dropFirst().prefix { !$0.isEmpty }
  }

  @Test("What the table should hold and what the kernel holds make the verdict")
  func verdicts() throws {
    let element = "203.0.113.7/32"
    let inside = [element]
    let cases: [(WhyReport.Table, String)] = [
      (try table(), "not listed"),
      (try table(kernel: .holds), "not listed, but the kernel (still) holds it"),
      (try table(kernel: .unknown("no\u{7}")), "not listed; the kernel cannot be asked: no\\u{7}"),
      (try table(members: inside, wanted: element, kernel: .holds), "LISTED by \(element), and the kernel holds it"),
      (try table(members: inside, wanted: element), "listed by \(element), but the kernel does not hold it (yet)"),
      (
        try table(members: inside, wanted: element, kernel: .unknown("Operation not permitted")),
        "listed by \(element); the kernel cannot be asked: Operation not permitted"
      ),
    ]
    for (table, words) in cases {
      #expect(try verdict(table) == [Substring(words)])
    }
  }

  @Test("What decided beside routes and rules stands below the verdict, and in it where it decided against")
  func notes() throws {
    let (host, net) = (try prefix("203.0.113.7"), try prefix("203.0.113.0/24"))
    let wanted = "203.0.113.0/24"
    #expect(
      try verdict(table(members: [wanted], kernel: .doesNotHold, notes: [.protected(host, "address of this host")]))
        == [
          "NOT LISTED: protected (address of this host)", "  members that cover it: 203.0.113.0/24",
          "  203.0.113.7/32 is protected: address of this host",
        ])
    #expect(
      try verdict(table(members: [wanted], kernel: .doesNotHold, notes: [.protected(host, "spoof\n")]), asked: wanted)
        .first
        == "NOT LISTED as a whole: 203.0.113.7/32 is protected (spoof\\n)")
    #expect(
      try verdict(table(kernel: .holds, notes: [.preferred(net, table: "bgp_bypass")])) == [
        "NOT LISTED: it is in bgp_bypass, which is preferred, but the kernel (still) holds it",
        "  203.0.113.0/24 is in bgp_bypass, which is preferred",
      ])
    #expect(
      try verdict(table(kernel: .doesNotHold, notes: [.preferred(host, table: "b\u{1B}")]), asked: wanted) == [
        "NOT LISTED as a whole: 203.0.113.7/32 is in b\\u{1b}, which is preferred",
        "  203.0.113.7/32 is in b\\u{1b}, which is preferred",
      ])
    #expect(try verdict(table(members: [wanted])).first == "NOT LISTED, although members cover it")
    #expect(
      try verdict(
        table(members: [wanted], wanted: wanted, kernel: .holds, notes: [.inherited(net), .held(net, 3_600)])) == [
          "LISTED by 203.0.113.0/24, and the kernel holds it",
          "  203.0.113.0/24 was left by an earlier run, and no neighbor has confirmed it yet",
          "  203.0.113.0/24 is withdrawn, but held by the shrink guard for 01:00:00 more: "
            + "nftbgpctl table bgp_spamd accept lets it go",
        ])
    #expect(
      try verdict(
        table(
          members: ["203.0.113.7", wanted], wanted: wanted, kernel: .doesNotHold, notes: [.refusedByKernel(net, "x\n")])
      )
        == [
          "listed by 203.0.113.0/24, but the kernel has refused it",
          "  members that cover it: 203.0.113.7/32 203.0.113.0/24",
          "  203.0.113.0/24 was refused by the kernel: x\\n",
        ])
  }

  @Test(
    "What rules and guards make of a route",
    arguments: [
      (.fills(table: "t\u{7}", line: 12), "fills t\\u{7} by the rule on line 12"),
      (.fills(table: "t", line: 0), "fills t by a rule that no line spells out"), (.noTable, "no rule names a table"),
      (.denied(line: 7), "denied by line 7"), (.denied(line: 0), "denied by a rule that no line spells out"),
      (.denied(line: nil), "denied: no rule allows it"),
      (
        .refused(table: "t", line: 0, reason: "r\n"),
        "refused for t: r\\n; a rule that no line spells out names the table"
      ),
    ] as [(WhyReport.Outcome, String)])
  func outcomes(outcome: WhyReport.Outcome, words: String) throws {
    var route = try route("203.0.113.7", Laboratory.rs, outcome, staleFor: 61)
    route.asPath = ""
    route.communities = []
    route.largeCommunities = ["65066:1:2", "\u{1B}"]
    route.neighborDescription = ""
    let text = try present(WhyReport(asked: route.prefix, tables: [], routes: [route]))
    #expect(
      text == """
        The configuration has no tables.

        Routes that cover 203.0.113.7:

        203.0.113.7/32 from 127.0.0.2
            \(words)
            Large Communities: 65066:1:2 \\u{1b}
            Last update: 01:10:10 ago, stale since 00:01:01 ago

        """)
  }

  @Test("Denials tell a line from the default, and no line from line 0, also in JSON")
  func outcomeJSON() throws {
    let cases: [(WhyReport.Outcome, String)] = [
      (.denied(line: 7), "\"outcome\": \"denied\",\n\t\t\t\t\"line\": 7\n"),
      (.denied(line: 0), "\"outcome\": \"denied\"\n"),
      (.denied(line: nil), "\"outcome\": \"denied_by_default\"\n"), (.noTable, "\"outcome\": \"no_table\"\n"),
      (.fills(table: "t", line: 0), "\"outcome\": \"fills\",\n\t\t\t\t\"table\": \"t\"\n"),
    ]
    for (outcome, members) in cases {
      let route = try route("203.0.113.7", Laboratory.rs, outcome)
      #expect(try present(WhyReport(asked: route.prefix, tables: [], routes: [route]), json: true).contains(members))
    }
  }

  @Test("That no route covers it is said, of an address and of a prefix", arguments: ["203.0.113.7", "2001:db8::/32"])
  func noRoute(asked: String) throws {
    let report = WhyReport(asked: try prefix(asked), tables: [try table()], routes: [])
    #expect(try present(report) == "bgp_spamd (black): not listed\n\nNo route covers \(asked).\n")
    #expect(try !present(report, json: true).contains("routes"))
  }

  @Test("One question has one answer")
  func twice() throws {
    let report = try listed()
    for json in [false, true] {
      #expect(throws: ControlError.self) {
        try PresentationTests.present(.why(report.asked), json: json, [.why(report), .why(report)])
      }
    }
  }
}
