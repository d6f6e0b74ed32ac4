import Control
import Presentation
import Primitives
import Testing

@Suite("The words of a command")
struct CommandWordsTests {
  private func parse(_ line: String) throws(CommandError) -> Command {
    try CommandWords.parse(line.split(separator: " ").map(String.init))
  }

  private func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test(
    "Words and their abbreviations",
    arguments: [
      ("show", .showSummary(terse: false)), ("s", .showSummary(terse: false)),
      ("show summary", .showSummary(terse: false)),
      ("s su", .showSummary(terse: false)), ("show summary terse", .showSummary(terse: true)),
      ("s su t", .showSummary(terse: true)), ("show rib summary", .showSummary(terse: false)),
      ("show neighbor", .showNeighbor(.all, .full)), ("sh nei timers", .showNeighbor(.all, .timers)),
      ("show neighbor rs.bgp-spamd.net", .showNeighbor(.description("rs.bgp-spamd.net"), .full)),
      ("show neighbor tim", .showNeighbor(.description("tim"), .full)),
      ("show neighbor group spamd-bgp terse", .showNeighbor(.group("spamd-bgp"), .terse)),
      ("show neighbor rs messages", .showNeighbor(.description("rs"), .full)),
      ("show tables", .showTables), ("s t", .showTables), ("export bgp_spamd", .export(table: "bgp_spamd")),
      ("e show", .export(table: "show")), ("show refused", .showRefused), ("s re", .showRefused),
      ("show conflicts", .showConflicts), ("s c", .showConflicts), ("show metrics", .showMetrics(openMetrics: false)),
    ] as [(String, Command)])
  func commands(line: String, command: Command) throws {
    #expect(try parse(line) == command)
  }

  @Test(
    "Filters of show rib, in any order, all together",
    arguments: [
      ("show rib", RIBQuery()), ("sh ip bgp", RIBQuery()), ("show rib in", RIBQuery(adjRIBIn: true)),
      ("sh rib comm 65066:666", RIBQuery(community: .init(global: 65066, local: 666))),
      ("show rib community *:666", RIBQuery(community: .init(global: nil, local: 666))),
      ("show rib community 65066:*", RIBQuery(community: .init(global: 65066, local: nil))),
      ("show rib community blackhole", RIBQuery(community: .init(global: 65535, local: 666))),
      ("show rib community NO_EXPORT", RIBQuery(community: .init(global: 65535, local: 65281))),
      ("show rib community 1:2 community 65066:42", RIBQuery(community: .init(global: 65066, local: 42))),
      (
        "show rib large 65066:*:4294967295",
        RIBQuery(largeCommunity: .init(global: 65066, data1: nil, data2: 4_294_967_295))
      ),
      ("show rib as 65066", RIBQuery(asn: 65066)), ("show rib source-as 1.10", RIBQuery(sourceAS: 65546)),
      ("show rib peer 4294967295", RIBQuery(peerAS: 4_294_967_295)),
      ("show rib best", RIBQuery(selectedOnly: true)), ("show rib selected", RIBQuery(selectedOnly: true)),
      ("show rib inet", RIBQuery(family: .ipv4)), ("show rib inet6", RIBQuery(family: .ipv6)),
      ("show rib IPv6", RIBQuery(family: .ipv6)),
      ("show rib neighbor rs", RIBQuery(neighbor: .description("rs"))),
      ("show rib neighbor group spamd-bgp in", RIBQuery(neighbor: .group("spamd-bgp"), adjRIBIn: true)),
      (
        "show rib in inet peer-as 65066 best neighbor rs community 65066:666 source-as 7",
        RIBQuery(
          community: .init(global: 65066, local: 666), sourceAS: 7, peerAS: 65066, neighbor: .description("rs"),
          family: .ipv4, adjRIBIn: true, selectedOnly: true)
      ),
    ] as [(String, RIBQuery)])
  func filters(line: String, query: RIBQuery) throws {
    #expect(try parse(line) == .showRIB(query, .row))
  }

  @Test("An address asks for the longest match, a prefix for itself, and words after them for more")
  func prefixes() throws {
    let cases: [(String, RIBQuery.PrefixFilter)] = [
      ("192.0.2.1", .longestMatch(try address("192.0.2.1"))),
      ("2001:db8::25", .longestMatch(try address("2001:db8::25"))),
      ("192.0.2.0/24", .exact(try prefix("192.0.2.0/24"))), ("192.0.2.9/24 all", .all(try prefix("192.0.2.0/24"))),
      ("192.0.2.0/24 or-shorter", .orShorter(try prefix("192.0.2.0/24"))),
      ("192.0.2.1 or", .orShorter(try prefix("192.0.2.1"))),
      ("::/0 all", .all(try prefix("::/0"))),
    ]
    for (words, filter) in cases {
      #expect(try parse("show rib \(words)") == .showRIB(RIBQuery(prefix: filter), .row))
    }
    let mixed = RIBQuery(asn: 7, prefix: .all(try prefix("192.0.2.0/24")), selectedOnly: true)
    #expect(try parse("show rib best 192.0.2.0/24 all as 7 detail") == .showRIB(mixed, .detail))
    #expect(
      try parse("show rib 192.0.2.0/24 as 7 best")
        == .showRIB(RIBQuery(asn: 7, prefix: .exact(try prefix("192.0.2.0/24")), selectedOnly: true), .row))
    #expect(try parse("show rib neighbor ::1") == .showRIB(RIBQuery(neighbor: .address(try address("::1"))), .row))
    #expect(try parse("show neighbor 127.0.0.2 ti") == .showNeighbor(.address(try address("127.0.0.2")), .timers))
  }

  @Test("ssv is the detail on a line, whichever is said first")
  func details() throws {
    #expect(try parse("show rib detail") == .showRIB(RIBQuery(), .detail))
    #expect(try parse("show rib ssv") == .showRIB(RIBQuery(), .ssv))
    #expect(try parse("show rib ssv detail") == .showRIB(RIBQuery(), .ssv))
    #expect(try parse("show rib detail ssv") == .showRIB(RIBQuery(), .ssv))
  }

  private func error(_ line: String) -> String? {
    do throws(CommandError) {
      _ = try parse(line)
      return nil
    } catch {
      return error.text
    }
  }

  @Test("Ambiguous and unknown words are answered as bgpctl answers them")
  func unknown() throws {
    // bgpctl 7.7 has no `show metrics`, later ones do; the others are ours.
    let later = ["metrics", "refused", "conflicts"].map { "  \($0)\n" }.joined()
    #expect(error("s r comm 65066:42") == (try fixture("abbreviated.txt")) + later)
    #expect(error("show foo") == (try fixture("bogus-command.txt")) + later)
    #expect(
      error("") == "missing argument:\nvalid commands/args:\n"
        + ["reload", "show", "fib", "neighbor", "network", "log", "export", "why", "table"]
        .map { "  \($0)\n" }.joined())
    #expect(error("show summary terse now") == "superfluous argument: now\n")
    #expect(error("show neighbor group") == "missing argument:\nvalid commands/args:\n  <group>\n")
    #expect(error("export") == "missing argument:\nvalid commands/args:\n  <table>\n")
    #expect(error("show rib as") == "missing argument:\nvalid commands/args:\n  <asnum>\n")
    for line in [
      "show rib as -1", "show rib as 4294967296", "show rib as 1.2.3", "show rib 192.0.2.1/33", "show rib all",
    ] {
      #expect(error(line)?.hasPrefix("unknown argument: ") == true, "\(line)")
    }
    #expect(error("show \u{1B}[2J")?.hasPrefix("unknown argument: \\u{1b}[2J\n") == true)
  }

  @Test("Bad communities are answered as bgpctl answers them")
  func communities() throws {
    let bad = try fixture("show-rib-community-bad.txt").replacing("bgpctl: ", with: "nftbgpctl: ")
    #expect(error("show rib community 65066") == bad)
    for word in ["1:2:3", ":", "1:", ":1", "65066;42"] {
      #expect(error("show rib community \(word)") == bad, "\(word)")
    }
    let big = try fixture("show-rib-community-big.txt").replacing("bgpctl: ", with: "nftbgpctl: ")
    #expect(error("show rib community 65066:70000") == big)
    #expect(error("show rib community 70000:*") == big)
    #expect(error("show rib community 65066:x") == "nftbgpctl: Community x is invalid (max: 65535)\n")
    #expect(error("show rib large-community 1:2") == bad)
    #expect(
      error("show rib large-community 1:2:4294967296")
        == "nftbgpctl: Community 4294967296 is too large (max: 4294967295)\n")
  }

  @Test(
    "What bgpctl shows and nftbgpd has not is refused with the reason",
    arguments: [
      "show fib", "show fib inet", "show interfaces", "show nexthop", "show network", "show rtr", "show mrt",
      "show sets",
      "show rib out", "show rib memory", "show rib table Loc-RIB", "neighbor rs destroy",
    ])
  func refused(line: String) {
    #expect(error(line)?.hasPrefix("nftbgpctl: ") == true)
    #expect(error(line)?.hasSuffix("\n") == true)
  }

  @Test("An empty word fits nothing")
  func emptyWord() {
    #expect(throws: CommandError.self) { try CommandWords.parse([""]) }
    #expect(throws: CommandError.self) { try CommandWords.parse(["show", ""]) }
    #expect(throws: CommandError.self) { try CommandWords.parse(["export", ""]) }
  }

  @Test(
    "After the words so far those are offered that may come next",
    arguments: [
      ("sh nei", ["group", "messages", "terse", "timers"]),
      ("show neighbor rs", ["messages", "terse", "timers"]), ("neighbor rs", ["clear", "down", "refresh", "up"]),
      ("neighbor group g down", ["flush"]), ("show rib 192.0.2.1 neighbor", ["group"]), ("table x", ["accept"]),
      ("show rib community", []), ("show summary terse", []), ("show rib as x", []), ("show fib", []), ("x", []),
    ] as [(String, Set<String>)])
  func continuations(line: String, words: Set<String>) {
    #expect(Set(CommandWords.continuations(of: line.split(separator: " ").map(String.init))) == words)
  }

  @Test("The words of bgpctl that are refused are not offered")
  func refusedContinuations() {
    let offered = CommandWords.continuations(of: [])
    #expect(offered.contains("show") && offered.contains("export"))
    #expect(!offered.contains("network") && !offered.contains("fib"))
  }
}
