import BGPWire
import ConfigFile
import Primitives
import Tables
import Testing

@Suite("How tables are guarded")
struct TableStatementTests {
  private func configuration(_ text: String) throws -> Configuration {
    let result = parse(
      "AS 65001\nneighbor 192.0.2.1 { remote-as 65066 }\n\(text)\n"
        + "allow from any set pftable bgp_spamd\nmatch from any community 65066:42 set pftable bgp_spamd_bypass\n")
    return try #require(result.configuration, "\(result.diagnostics)")
  }

  @Test("A table block says what it says, above the rules that fill the table or below them")
  func wholeBlock() throws {
    let block = """
      nft table inet nftbgpd owner
      table "bgp_spamd" {
      	role bypass
      	inet prefixlen >= 16
      	inet6 prefixlen 32 - 64
      	stale-time 60
      	shrink-limit 30 hold 3600
      	mark 0x2A
      }

      """
    var expected = TableOptions(name: "bgp_spamd")
    expected.role = .bypass
    expected.ipv4Lengths = LengthRange(16...32)
    expected.ipv6Lengths = LengthRange(32...64)
    expected.staleTime = 60
    expected.shrinkLimit = 30
    expected.shrinkHold = 3600
    expected.mark = 42
    #expect(try configuration(block).tables == [expected])
    let text = "AS 1\nneighbor 192.0.2.1 { remote-as 2 }\nallow from any set pftable bgp_spamd\n\(block)"
    #expect(parse(text).configuration?.tables == [expected])
  }

  @Test("One option may stand on the line of the block, and a block may say nothing")
  func shortBlocks() throws {
    let tables = try configuration("table bgp_spamd { mark 7 }\ntable \"bgp_spamd_bypass\" { }\nnft table ip x owner\n")
      .tables
    #expect(tables.map(\.name) == ["bgp_spamd", "bgp_spamd_bypass"])
    #expect(tables.map(\.mark) == [7, nil])
    #expect(tables.last == TableOptions(name: "bgp_spamd_bypass"))
  }

  @Test("Of an option given twice the last one counts, as a whole")
  func repeated() throws {
    let block = """
      table bgp_spamd {
      	inet prefixlen = 32
      	shrink-limit 30 hold 60
      	role bypass
      	inet maxlen 24
      	shrink-limit no
      	role black
      }
      """
    let table = try #require(try configuration(block).tables.first)
    #expect(table.ipv4Lengths == LengthRange(0...24))
    #expect(table.shrinkLimit == 100)
    #expect(table.shrinkHold == nil)
    #expect(table.role == .black)
  }

  @Test(
    "Marks are decimal, or hexadecimal after 0x",
    arguments: [("1", 1), ("4294967295", .max), ("0xffffffff", .max), ("0X0001", 1), ("0xDeadBeef", 0xDEAD_BEEF)]
      as [(String, UInt32)])
  func marks(_ text: String, _ mark: UInt32) throws {
    #expect(try configuration("nft table inet x owner\ntable bgp_spamd { mark \(text) }").tables.first?.mark == mark)
  }

  @Test("What is not said of a table follows from its role, and the role from its name")
  func policies() throws {
    let black = try configuration("table bgp_spamd { shrink-limit no hold 5 }").policy(of: "bgp_spamd")
    var expected = TablePolicy(role: .black)
    expected.shrinkLimit = 100
    expected.shrinkHold = .seconds(5)
    #expect(black == expected)
    let told = try configuration("table bgp_spamd { role bypass }").policy(of: "bgp_spamd")
    #expect(told == TablePolicy(role: .bypass))
    #expect(try configuration("").policy(of: "bgp_spamd_bypass") == TablePolicy(role: .bypass))
  }

  @Test("never takes prefixes and addresses, adds up, and keeps each once")
  func never() throws {
    let configuration = try configuration(
      """
      never { 198.51.100/24, 192.0.2.7
      	2001:db8::1 "203.0.113.9"
      	2001:db8::/32
      }
      never 198.51.100.77/24
      never 10/8
      """)
    #expect(
      configuration.never.map(\.description) == [
        "198.51.100.0/24", "192.0.2.7/32", "2001:db8::1/128", "203.0.113.9/32", "2001:db8::/32", "10.0.0.0/8",
      ])
  }

  @Test("This host is protected unless the file says no")
  func protection() throws {
    #expect(try configuration("").protectsHost)
    #expect(try configuration("protect no\nprotect yes").protectsHost)
    #expect(try !configuration("protect no").protectsHost)
  }

  @Test("No role is preferred unless the file names one, and both is none")
  func preference() throws {
    #expect(try configuration("").preferredRole == nil)
    #expect(try configuration("prefer black").preferredRole == .black)
    #expect(try configuration("prefer bypass").preferredRole == .bypass)
    #expect(try configuration("prefer black\nprefer both").preferredRole == nil)
  }

  @Test("The nft table is shared unless it is owned")
  func ownership() throws {
    #expect(try !configuration("nft table inet x").nftTable.isOwned)
    #expect(try configuration("nft table inet x owner").nftTable.isOwned)
    #expect(try !configuration("nft table inet x owner\nnft table inet x").nftTable.isOwned)
  }

  @Test("A neighbor takes martians from its group, and its own goes first")
  func martians() throws {
    let configuration = try configuration(
      """
      group "bogons" {
      	remote-as 65332
      	neighbor 192.0.2.2
      	martians yes
      	neighbor 192.0.2.3
      	neighbor 192.0.2.4 { martians no }
      }
      """)
    #expect(configuration.neighbors.map(\.allowsMartians) == [false, false, true, false])
  }

  @Test("Without a stale-time in the file a neighbor has none, so that its own wish counts (RFC 9494)")
  func staleTime() throws {
    #expect(try configuration("").staleTime == nil)
    #expect(try configuration("").neighbors.map(\.staleTime) == [nil])
    #expect(try configuration("stale-time 0").neighbors.map(\.staleTime) == [0])
  }

  @Test("max-prefix is two million where nothing is said, and restart alone is printed with it")
  func maxPrefix() throws {
    #expect(try configuration("").neighbors.map(\.maxPrefix) == [2_000_000])
    #expect(try !configuration("").print().contains("max-prefix"))
    let text = "neighbor 192.0.2.2 {\nremote-as 1\nmax-prefix 2000000 restart 5\n}\n"
    #expect(try configuration(text).print().contains("\tmax-prefix 2000000 restart 5\n"))
    let unlimited = "neighbor 192.0.2.2 {\nremote-as 1\nmax-prefix 0\n}\n"
    #expect(try configuration(unlimited).print().contains("\tmax-prefix 0\n"))
  }

  @Test("A table that only a rule with a mistake may fill is no second mistake")
  func consequences() {
    let result = parse(
      "AS 1\nneighbor 192.0.2.1 { remote-as 2 }\nallow from any set pftable t bogus\ntable t { role black }\n")
    #expect(
      result.errors == ["t.conf:3:30: unexpected 'bogus', expected end of line: a list of several stands in braces"])
  }

  // MARK: Printing

  @Test("A comment tells the role and the prefix lengths of a table of which the file does not say the role")
  func comments() throws {
    let text = try configuration("table bgp_spamd { inet prefixlen = 32 }").print()
    #expect(
      text.contains(
        """

        # table "bgp_spamd": role black (from its name), inet prefixlen = 32, inet6 prefixlen 16 - 128
        table "bgp_spamd" {
        	inet prefixlen = 32
        }

        # table "bgp_spamd_bypass": role bypass (from its name), inet prefixlen 24 - 32, inet6 prefixlen 48 - 128

        """))
  }

  @Test("A table with a role has no comment, and a file without tables has none")
  func noComments() throws {
    let text = try configuration("table bgp_spamd { role black }\ntable bgp_spamd_bypass { role bypass }").print()
    #expect(!text.contains("#"))
    let bare = parse("AS 1\nneighbor 192.0.2.1 { remote-as 2 }\nallow from any\n")
    #expect(bare.configuration?.print().contains("#") == false)
  }

  // MARK: Roles that look wrong

  private func warnings(_ rule: String, _ more: String = "") -> [String] {
    parse("AS 1\nneighbor 192.0.2.1 { remote-as 2 }\nallow from any\n\(rule)\n\(more)\n").warnings
  }

  @Test("A table of good senders that is taken for a black list gives a warning, once")
  func wrongGuess() {
    let rule = "match from any { AS 1, AS 2 } community 65066:42 set pftable feed"
    #expect(
      warnings(rule + "\n" + rule) == [
        "t.conf:4:1: warning: table \"feed\" is taken for a black list by its name, yet a community :42 marks good "
          + "senders; expected table \"feed\" { role bypass }, or { role black } to say so"
      ])
    #expect(warnings("match from any community *:42 set pftable feed").count == 1)
  }

  @Test(
    "No warning where the role is said, where the name tells it, or where the rule does not ask for :42",
    arguments: [
      ("match from any community 65066:42 set pftable feed", "table feed { role black }"),
      ("match from any community 65066:42 set pftable feed", "table feed { role bypass }"),
      ("match from any community 65066:42 set pftable spamd-white", ""),
      ("match from any community 65066:666 set pftable feed", ""),
      ("match from any community 65066:* set pftable feed", ""),
      ("match from any set { community 65066:42 pftable feed }", ""),
      ("match to any community 65066:42 set pftable feed\nmatch from any set pftable feed", ""),
    ])
  func rightGuess(_ rule: String, _ more: String) {
    #expect(warnings(rule, more) == [])
  }
}
