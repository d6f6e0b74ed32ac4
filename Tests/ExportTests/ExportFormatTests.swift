import Export
import Primitives
import Testing

@Suite("Export formats")
struct ExportFormatTests {
  private let header = ExportHeader(generator: "nftbgpctl 1.0", time: "2026-11-21T09:30:00Z")
  private static let black = ExportedTable(name: "bgp_spamd", role: .black)
  private static let bypass = ExportedTable(name: "bgp_bypass", role: .bypass)

  private func list(_ texts: String...) throws -> PrefixList {
    PrefixList(try texts.map { try #require(Prefix($0)) })
  }

  private func text(
    _ format: ExportFormat, _ prefixes: PrefixList, of table: ExportedTable = black, value: String? = nil
  ) -> String {
    String(decoding: format.render(prefixes, of: table, value: value, header: header), as: UTF8.self)
  }

  @Test("The spamd format has hosts bare, nets as CIDR, ascending, and states what it leaves out")
  func spamd() throws {
    let prefixes = try list(
      "203.0.113.7", "192.0.2.3", "2001:db8::25", "198.51.100.0/24", "10.0.0.0/8", "2a00:15a8::/32", "192.0.2.20")
    #expect(
      text(.spamd, prefixes) == """
        # table bgp_spamd
        # entries 5
        # IPv6 entries left out 2
        # generator nftbgpctl 1.0
        # time 2026-11-21T09:30:00Z
        10.0.0.0/8
        192.0.2.3
        192.0.2.20
        198.51.100.0/24
        203.0.113.7

        """)
  }

  @Test("The plain format has both families, IPv4 first")
  func plain() throws {
    let prefixes = try list("2001:db8::25", "198.51.100.0/24", "::/0", "203.0.113.7", "2001:db8:42::/64")
    #expect(
      text(.plain, prefixes) == """
        # table bgp_spamd
        # entries 5
        # generator nftbgpctl 1.0
        # time 2026-11-21T09:30:00Z
        198.51.100.0/24
        203.0.113.7
        ::/0
        2001:db8::25
        2001:db8:42::/64

        """)
  }

  /// What follows the header for a network, a host and an IPv6 network.
  private static let layouts: [(ExportFormat, ExportedTable, String?, String)] = [
    (.postfix, black, nil, "198.51.100.0/24 reject\n203.0.113.7 reject\n2001:db8::/32 reject\n"),
    (.postfix, bypass, nil, "198.51.100.0/24 permit\n203.0.113.7 permit\n2001:db8::/32 permit\n"),
    (
      .postfix, black, "450 4.7.1 Listed",
      "198.51.100.0/24 450 4.7.1 Listed\n203.0.113.7 450 4.7.1 Listed\n2001:db8::/32 450 4.7.1 Listed\n"
    ),
    (.exim, black, nil, "198.51.100.0/24: black\n203.0.113.7: black\n\"2001:db8::/32\": black\n"),
    (.exim, bypass, "good", "198.51.100.0/24: good\n203.0.113.7: good\n\"2001:db8::/32\": good\n"),
    (.nginx, bypass, nil, "198.51.100.0/24 bypass;\n203.0.113.7 bypass;\n2001:db8::/32 bypass;\n"),
    (
      .rbldnsd, black, nil,
      """
      $SOA 300 localhost. hostmaster.localhost. 0 600 300 86400 300
      $NS 300 localhost.
      $TTL 300
      $DATASET ip4set:bgp_spamd @
      :127.0.0.2:$ is listed in bgp_spamd
      198.51.100.0/24
      203.0.113.7
      $DATASET ip6trie:bgp_spamd @
      :127.0.0.2:$ is listed in bgp_spamd
      2001:db8::/32

      """
    ),
    (
      .nft, bypass, "ip6 mail",
      """
      add table ip6 mail
      add set ip6 mail bgp_bypass { type ipv4_addr; flags interval; auto-merge; }
      add set ip6 mail bgp_bypass6 { type ipv6_addr; flags interval; auto-merge; }
      flush set ip6 mail bgp_bypass
      flush set ip6 mail bgp_bypass6
      add element ip6 mail bgp_bypass {
      \t198.51.100.0/24,
      \t203.0.113.7
      }
      add element ip6 mail bgp_bypass6 {
      \t2001:db8::/32
      }

      """
    ),
    (
      .ipset, black, "spam",
      """
      create spam hash:net family inet maxelem 16777216 -exist
      create spam_new hash:net family inet maxelem 16777216 -exist
      flush spam_new
      add spam_new 198.51.100.0/24
      add spam_new 203.0.113.7
      swap spam_new spam
      destroy spam_new
      create spam6 hash:net family inet6 maxelem 16777216 -exist
      create spam6_new hash:net family inet6 maxelem 16777216 -exist
      flush spam6_new
      add spam6_new 2001:db8::/32
      swap spam6_new spam6
      destroy spam6_new

      """
    ),
  ]

  @Test("What each format says of an entry follows from the role of the table, or from a value", arguments: layouts)
  func layout(format: ExportFormat, table: ExportedTable, value: String?, body: String) throws {
    let text = text(format, try list("203.0.113.7", "2001:db8::/32", "198.51.100.0/24"), of: table, value: value)
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(4).joined(separator: "\n") == body)
    #expect(text.hasPrefix("# table \(table.name)\n# entries 3\n"))
  }

  @Test("JSON and CSV have every entry as a network")
  func data() throws {
    let prefixes = try list("203.0.113.7", "2001:db8::1", "198.51.100.0/24")
    #expect(
      text(.json, prefixes) == """
        {"table": "bgp_spamd", "generator": "nftbgpctl 1.0", "time": "2026-11-21T09:30:00Z", "entries": 3,
        "role": "black",
        "ipv4": [
        "198.51.100.0/24",
        "203.0.113.7/32"
        ],
        "ipv6": [
        "2001:db8::1/128"
        ]
        }

        """)
    #expect(
      text(.csv, prefixes, of: Self.bypass) == """
        prefix,table,role
        198.51.100.0/24,bgp_bypass,bypass
        203.0.113.7/32,bgp_bypass,bypass
        2001:db8::1/128,bgp_bypass,bypass

        """)
  }

  @Test("Duplicates are written once, covered entries stay", arguments: ExportFormat.allCases)
  func duplicates(format: ExportFormat) throws {
    let prefixes = try list("192.0.2.1", "192.0.2.0/24", "192.0.2.1", "192.0.2.1", "192.0.2.0/25", "192.0.2.0/24")
    #expect(text(format, prefixes) == text(format, try list("192.0.2.0/24", "192.0.2.0/25", "192.0.2.1")))
    #expect(text(format, prefixes).split(separator: "\n").count { $0.contains("192.0.2.") } == 3)
    #expect(format.entries(in: prefixes) == 3)
  }

  @Test("Entries are counted as the format writes them", arguments: ExportFormat.allCases)
  func entries(format: ExportFormat) throws {
    let prefixes = try list("2001:db8::25", "192.0.2.1", "2001:db8::25")
    #expect(format.entries(in: prefixes) == (format == .spamd ? 1 : 2))
    let six = try list("2001:db8::25")
    #expect(format.hasEntries(for: six) == (format != .spamd))
    #expect(format.entries(in: six) == (format == .spamd ? 0 : 1))
    #expect(!format.hasEntries(for: PrefixList()))
  }

  @Test("An empty table has a header, and no entry", arguments: ExportFormat.allCases)
  func empty(format: ExportFormat) {
    let text = text(format, PrefixList())
    #expect(text.hasSuffix("\n") && !text.contains("add element") && !text.contains("add bgp_spamd"))
    #expect(format == .csv || text.contains("2026-11-21T09:30:00Z"))
    #expect(format == .csv || format == .json || text.contains("# entries 0\n"))
  }

  @Test(
    "Two files of a list are the same whoever wrote them and when; those of two lists are not",
    arguments: ExportFormat.allCases)
  func same(format: ExportFormat) throws {
    func octets(_ list: PrefixList, _ header: ExportHeader) -> [UInt8] {
      format.render(list, of: Self.black, value: nil, header: header)
    }
    let other = ExportHeader(generator: "nftbgpd 2.0", time: "2027-01-01T00:00:00Z")
    let prefixes = try list("192.0.2.1", "198.51.100.0/24")
    #expect(format.isSame(octets(prefixes, header), octets(prefixes, other)))
    #expect(!format.isSame(octets(prefixes, header), octets(try list("192.0.2.1"), header)))
    #expect(!format.isSame(octets(prefixes, header), octets(PrefixList(), header)))
    #expect(!format.isSame(octets(prefixes, header), []))
  }

  @Test("No text of a header or a name can leave its place", arguments: ExportFormat.allCases)
  func oddHeader(format: ExportFormat) {
    let odd = ExportHeader(generator: "gr\u{FC}n\"\\", time: "\u{2028}\n192.0.2.1")
    let table = ExportedTable(name: "a\n192.0.2.1\r\u{0}\",; }", role: .black)
    let plain = ExportedTable(name: "a?192.0.2.1???????", role: .black)
    let octets = format.render(PrefixList(), of: table, value: nil, header: odd)
    #expect(table == plain)
    #expect(octets.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) })
    let expected = format.render(PrefixList(), of: plain, value: nil, header: header)
    #expect(format.isSame(octets, expected))
    #expect(octets.count { $0 == 0x0A } == expected.count { $0 == 0x0A })
  }

  @Test(
    "A value is refused where the format has none, or where it would be something else",
    arguments: [
      (.spamd, "x"), (.plain, "x"), (.json, "x"), (.csv, "x"), (.postfix, ""), (.postfix, "a\nb"), (.postfix, " a"),
      (.exim, "\u{FC}"), (.nginx, "a b"), (.nginx, "a;"), (.nginx, "$x"), (.rbldnsd, "listed"), (.rbldnsd, "192.0.2.1"),
      (.nft, "mail"), (.nft, "netdev mail"), (.nft, "inet 1"), (.nft, "inet a b"), (.ipset, "a b"),
      (.ipset, "a23456789012345678901234567"),
    ] as [(ExportFormat, String)])
  func badValues(format: ExportFormat, value: String) {
    #expect(format.fault(of: value) != nil)
  }

  @Test(
    "A value is taken where it means something",
    arguments: [
      (.postfix, "450 4.7.1 Try again"), (.exim, "anything: at all"), (.nginx, "1"), (.rbldnsd, "127.0.0.4"),
      (.rbldnsd, "127.0.0.4:$ is known"), (.nft, "ip mail"), (.ipset, "greyd-black"),
    ] as [(ExportFormat, String)])
  func goodValues(format: ExportFormat, value: String) {
    #expect(format.fault(of: value) == nil)
  }

  @Test("A table whose name is too long for an ipset needs a value")
  func longName() {
    let name = String(repeating: "a", count: 27)
    #expect(ExportFormat.ipset.fault(ofTable: name, value: nil) != nil)
    #expect(ExportFormat.ipset.fault(ofTable: name, value: "short") == nil)
    #expect(ExportFormat.ipset.fault(ofTable: String(name.dropLast()), value: nil) == nil)
    #expect(ExportFormat.plain.fault(ofTable: name, value: nil) == nil)
  }

  @Test("Every line of either format of lists reads back as the prefix it came from", arguments: 0..<20)
  func readsBack(seed: Int) throws {
    var source = RandomSource(seed: UInt64(seed))
    var prefixes = PrefixList()
    for _ in 0..<300 {
      let ipv4 = IPv4Address(UInt32.random(in: .min ... .max, using: &source))
      prefixes.ipv4.append(try #require(IPv4Prefix(ipv4, length: UInt8.random(in: 0...32, using: &source))))
      let ipv6 = IPv6Address(high: UInt64.random(in: .min ... .max, using: &source), low: source.next())
      prefixes.ipv6.append(try #require(IPv6Prefix(ipv6, length: UInt8.random(in: 0...128, using: &source))))
    }
    for format in [ExportFormat.spamd, .plain] {
      let lines = text(format, prefixes).split(separator: "\n").filter { !$0.hasPrefix("#") }
      let read = try lines.map { try #require(Prefix($0)) }
      let expected = Set(format == .spamd ? prefixes.ipv4.map(Prefix.v4) : prefixes.all)
      #expect(read == expected.sorted())
    }
    #expect(
      String(decoding: ExportFormat.lines(of: prefixes), as: UTF8.self).split(separator: "\n").map(String.init)
        == text(.plain, prefixes).split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init))
  }

  @Test(
    "A moment is written in UTC",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_795_253_400, "2026-11-21T09:30:00Z"), (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    ] as [(Int64, String)])
  func timestamps(seconds: Int64, text: String) {
    #expect(Timestamp(unixSeconds: seconds).description == text)
  }
}
