import Control
import Presentation
import Primitives
import Testing

@Suite("show summary and show neighbor")
struct NeighborPresentationTests {
  private func neighbors(_ reports: [NeighborReport] = Laboratory.neighbors) -> [ControlReply] {
    reports.map(ControlReply.neighbor)
  }

  /// The JSON without the object that bgpctl has not.
  private func withoutOwnKeys(_ json: String) -> String {
    json.replacing(
      """
      ,
      \t\t\t"nftbgpd": {
      \t\t\t\t"stale_prefixes": 0,
      \t\t\t\t"refused_prefixes": 0,
      \t\t\t\t"over_limit_prefixes": 0,
      \t\t\t\t"treated_as_withdraw": 0,
      \t\t\t\t"attributes_discarded": 0
      \t\t\t}
      """, with: "")
  }

  @Test("The summary is bgpctl's")
  func summary() throws {
    #expect(try present(.showSummary(terse: false), neighbors()) == fixture("show-summary.txt"))
    #expect(try present(.showSummary(terse: false), json: true, neighbors()) == fixture("show-summary.json"))
    #expect(try present(.showSummary(terse: true), neighbors()) == fixture("show-summary-terse.txt"))
    #expect(try present(.showSummary(terse: true), json: true, neighbors()) == fixture("show-summary-terse.json"))
  }

  @Test("The summary of a lost session is bgpctl's")
  func summaryAfterDrop() throws {
    var rs = Laboratory.rs
    rs.lastUpDown = 6
    rs.statistics.received.update = 22
    rs.statistics.sent.update = 11
    let reports = [rs, Laboratory.dropped, Laboratory.dead]
    #expect(try present(.showSummary(terse: false), neighbors(reports)) == fixture("drop-show-summary.txt"))
    #expect(
      try present(.showSummary(terse: false), json: true, neighbors(reports)) == fixture("drop-show-summary.json"))
  }

  @Test("A neighbour is shown as bgpctl shows it")
  func full() throws {
    #expect(try present(.showNeighbor(.all, .full), neighbors()) == fixture("show-neighbor-all.txt"))
    #expect(
      try present(.showNeighbor(.all, .full), neighbors([Laboratory.dead])) == fixture("show-neighbor-dead.txt"))
    #expect(
      try present(.showNeighbor(.all, .full), neighbors([Laboratory.dropped])) == fixture("drop-show-neighbor.txt"))
    let tooMany = neighbors([Laboratory.tooMany(secondsAgo: 8)])
    #expect(try present(.showNeighbor(.all, .full), tooMany) == fixture("maxprefix-show-neighbor.txt"))
  }

  @Test("Timers and counters are shown as bgpctl shows them")
  func views() throws {
    let rs = neighbors([Laboratory.rs])
    #expect(try present(.showNeighbor(.all, .timers), rs) == fixture("show-neighbor-timers.txt"))
    #expect(try present(.showNeighbor(.all, .terse), rs) == fixture("show-neighbor-terse.txt"))
  }

  @Test("The JSON of a neighbour has bgpctl's keys in bgpctl's order, and our own in one object at the end")
  func json() throws {
    let all = try present(.showNeighbor(.all, .full), json: true, neighbors())
    #expect(all.contains("\"nftbgpd\": {"))
    #expect(withoutOwnKeys(all) == (try fixture("show-neighbor-all.json")))
    // For timers bgpctl does not ask the process that counts prefixes.
    var uncounted = Laboratory.rs
    uncounted.statistics.prefixes = 0
    uncounted.statistics.announced = 0
    uncounted.statistics.endOfRIBSent = 0
    uncounted.statistics.endOfRIBReceived = 0
    let cases: [(NeighborReport, Command.NeighborView, String)] = [
      (uncounted, .timers, "show-neighbor-timers.json"), (Laboratory.rs, .terse, "show-neighbor-terse.json"),
      (Laboratory.dead, .full, "show-neighbor-dead.json"), (Laboratory.dropped, .full, "drop-show-neighbor.json"),
      (Laboratory.tooMany(secondsAgo: 9), .full, "maxprefix-show-neighbor.json"),
    ]
    for (report, view, name) in cases {
      let json = try present(.showNeighbor(.all, view), json: true, neighbors([report]))
      #expect(withoutOwnKeys(json) == (try fixture(name)), "\(name)")
    }
  }

  @Test("BoRR and EoRR are told apart from the requests among the ROUTE-REFRESH messages")
  func routeRefresh() throws {
    var report = Laboratory.rs
    report.statistics.sent.routeRefresh = 2
    report.statistics.received.routeRefresh = 9
    report.statistics.received.beginOfRouteRefresh = 3
    report.statistics.received.endOfRouteRefresh = 4
    let text = try present(.showNeighbor(.all, .full), neighbors([report]))
    let rows = text.split(separator: "\n").drop { $0 != "  Route Refresh statistics:" }.dropFirst().prefix(3)
    #expect(
      rows.map { $0.split(separator: " ").joined(separator: " ") } == [
        "Request 2 2", "Begin-of-RR 0 3", "End-of-RR 0 4",
      ])
    let json = try present(.showNeighbor(.all, .full), json: true, neighbors([report]))
    let members = json.split { " \t\n{},".contains($0) }.joined(separator: " ")
    #expect(members.contains("\"received\": \"request\": 2 \"borr\": 3 \"eorr\": 4"))
  }

  @Test("A description too long for the columns is cut, and the numbers stay in place")
  func longDescription() throws {
    var report = Laboratory.rs
    report.description = "a-route-server-with-a-very-long-name.example.net"
    report.remoteAS = 4_200_000_000
    let rows = try present(.showSummary(terse: false), neighbors([report])).split(separator: "\n")
    #expect(rows.last == "a-route-server-wit 4200000000         12          4     0 00:00:10      8/500000")
  }

  @Test("A neighbour without a description goes by its address, and without max-prefix shows the count alone")
  func address() throws {
    var report = Laboratory.rs
    report.description = ""
    report.configuration.maxPrefix = 0
    let rows = try present(.showSummary(terse: false), neighbors([report])).split(separator: "\n")
    #expect(rows.last == "127.0.0.2               65066         12          4     0 00:00:10      8")
  }

  @Test("What guards refuse and what is over max-prefix are told only where there is something to tell")
  func kept() throws {
    var report = Laboratory.dropped
    report.statistics.refused = 3
    report.statistics.overLimit = 1_200
    let text = try present(.showNeighbor(.all, .full), neighbors([report]))
    #expect(
      text
        == (try fixture("drop-show-neighbor.txt")).replacing(
          "\n  Last received shutdown reason",
          with: "\n  Prefixes refused by guards: 3\n  Prefixes over max-prefix: 1200\n  Last received shutdown reason"))
    #expect(text != (try fixture("drop-show-neighbor.txt")))
    let json = try present(.showNeighbor(.all, .full), json: true, neighbors([report]))
    #expect(json.contains("\"refused_prefixes\": 3,\n\t\t\t\t\"over_limit_prefixes\": 1200,\n"))
  }

  @Test("Why the last attempt to connect failed is told where it did")
  func connectError() throws {
    var report = Laboratory.dropped
    report.lastConnectError = "connection timed out: no SYN-ACK"
    let text = try present(.showNeighbor(.all, .full), neighbors([report]))
    #expect(
      text
        == (try fixture("drop-show-neighbor.txt")).replacing(
          "\n  Last received shutdown reason",
          with: "\n  Last attempt to connect: connection timed out: no SYN-ACK\n  Last received shutdown reason"))
    let json = try present(.showNeighbor(.all, .full), json: true, neighbors([report]))
    #expect(
      json.contains(
        "\"attributes_discarded\": 0,\n\t\t\t\t\"last_connect_error\": \"connection timed out: no SYN-ACK\"\n"))
  }

  @Test("Text of a peer reaches no terminal as it is")
  func escapes() throws {
    var report = Laboratory.dropped
    report.lastShutdownReason = "bye\u{1B}]0;x\u{7}\n  Last error sent: none\u{9B}31m\u{202E}é"
    let text = try present(.showNeighbor(.all, .full), neighbors([report]))
    #expect(text.contains("reason: \"bye\\u{1b}]0;x\\u{7}\\n  Last error sent: none\\u{9b}31m\\u{202e}é\"\n"))
    let json = try present(.showNeighbor(.all, .full), json: true, neighbors([report]))
    #expect(json.contains("\"last_shutdown_reason\": \"bye\\u001b]0;x\\u0007\\u000a  Last error sent"))
  }

  @Test("No neighbours are a header, or an empty object with a blank line")
  func empty() throws {
    #expect(try present(.showSummary(terse: false), []).split(separator: "\n").count == 1)
    #expect(try present(.showSummary(terse: false), json: true, []) == "{\n\n}\n")
    #expect(try present(.showNeighbor(.all, .full), []) == "")
  }

  @Test(
    "Times are written as bgpctl writes them",
    arguments: [
      (0, "00:00:00"), (59, "00:00:59"), (86_399, "23:59:59"), (86_400, "1d00h00m"), (604_799, "6d23h59m"),
      (604_800, "01w0d00h"), (60_000_000, "99w1d10h"), (.max, "30500568904943w0d07h"),
    ] as [(UInt64, String)])
  func times(seconds: UInt64, text: String) {
    #expect(Timeframe.text(seconds) == text)
  }
}
