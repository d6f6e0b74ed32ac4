import Export
import Primitives
import Testing

@Suite("Export formats")
struct ExportFormatTests {
  private let header = ExportHeader(table: "bgp_spamd", generator: "nftbgpctl 1.0", time: "2026-11-21T09:30:00Z")

  private func list(_ texts: String...) throws -> PrefixList {
    PrefixList(try texts.map { try #require(Prefix($0)) })
  }

  private func text(_ format: ExportFormat, _ prefixes: PrefixList) -> String {
    String(decoding: format.render(prefixes, header: header), as: UTF8.self)
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

  @Test("Duplicates are written once, covered entries stay", arguments: ExportFormat.allCases)
  func duplicates(format: ExportFormat) throws {
    let prefixes = try list("192.0.2.1", "192.0.2.0/24", "192.0.2.1", "192.0.2.1", "192.0.2.0/25", "192.0.2.0/24")
    let lines = text(format, prefixes).split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines == ["192.0.2.0/24", "192.0.2.0/25", "192.0.2.1"])
    #expect(format.entries(in: prefixes) == 3)
  }

  @Test("Entries are counted as the format writes them")
  func entries() throws {
    let prefixes = try list("2001:db8::25", "192.0.2.1", "2001:db8::25")
    #expect(ExportFormat.spamd.entries(in: prefixes) == 1)
    #expect(ExportFormat.plain.entries(in: prefixes) == 2)
    #expect(ExportFormat.spamd.entries(in: try list("2001:db8::25")) == 0)
  }

  @Test("An empty table is a header alone, ending in a line feed", arguments: ExportFormat.allCases)
  func empty(format: ExportFormat) {
    let text = text(format, PrefixList())
    #expect(text.hasSuffix("Z\n"))
    #expect(text.split(separator: "\n").count == 4)
  }

  @Test("No header text can leave its comment line")
  func oddHeader() {
    let odd = ExportHeader(table: "a\n192.0.2.1\r\u{0}", generator: "grün", time: "\u{2028}")
    let octets = ExportFormat.spamd.render(PrefixList(), header: odd)
    #expect(octets.split(separator: UInt8(ascii: "\n")).allSatisfy { $0.first == UInt8(ascii: "#") })
    #expect(octets.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) })
  }

  @Test("Every line of either format reads back as the prefix it came from", arguments: 0..<20)
  func readsBack(seed: Int) throws {
    var source = RandomSource(seed: UInt64(seed))
    var prefixes = PrefixList()
    for _ in 0..<300 {
      let ipv4 = IPv4Address(UInt32.random(in: .min ... .max, using: &source))
      prefixes.ipv4.append(try #require(IPv4Prefix(ipv4, length: UInt8.random(in: 0...32, using: &source))))
      let ipv6 = IPv6Address(high: UInt64.random(in: .min ... .max, using: &source), low: source.next())
      prefixes.ipv6.append(try #require(IPv6Prefix(ipv6, length: UInt8.random(in: 0...128, using: &source))))
    }
    for format in ExportFormat.allCases {
      let lines = text(format, prefixes).split(separator: "\n").filter { !$0.hasPrefix("#") }
      let read = try lines.map { try #require(Prefix($0)) }
      let expected = Set(format == .spamd ? prefixes.ipv4.map(Prefix.v4) : prefixes.all)
      #expect(read == expected.sorted())
    }
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
