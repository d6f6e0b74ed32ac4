import Control
import Presentation
import Primitives
import Testing

@Suite("show tables")
struct TablePresentationTests {
  private let tables: [ControlReply] = [
    .table(
      TableReport(
        name: "bgp_spamd", family: .ipv4, nftTable: "inet nftbgpd", sets: ["bgp_spamd", "bgp_spamd_net"],
        prefixes: 204_113,
        wanted: 204_100, inKernel: 204_100, stale: 0, lastChange: 7, error: nil)),
    .table(
      TableReport(
        name: "bgp_spamd", family: .ipv6, nftTable: "inet nftbgpd", sets: ["bgp_spamd6"], prefixes: 0, wanted: 0,
        inKernel: nil, stale: 12, lastChange: nil, error: "no set bgp_spamd6\n")),
  ]

  @Test("A row per table and family, and the error below its row")
  func text() throws {
    #expect(
      try present(.showTables, tables) == """
        Table                Family   Prefixes     Wanted     Kernel      Stale Last Change Sets
        bgp_spamd            IPv4       204113     204100     204100          0    00:00:07 inet nftbgpd: bgp_spamd bgp_spamd_net
        bgp_spamd            IPv6            0          0          -         12       Never inet nftbgpd: bgp_spamd6
          error: no set bgp_spamd6\\n

        """)
  }

  @Test("The JSON leaves out what is not known")
  func json() throws {
    let json = try present(.showTables, json: true, Array(tables.dropFirst()))
    #expect(
      json == """
        {
        \t"tables": [
        \t\t{
        \t\t\t"table": "bgp_spamd",
        \t\t\t"family": "IPv6",
        \t\t\t"nft_table": "inet nftbgpd",
        \t\t\t"sets": [
        \t\t\t\t"bgp_spamd6"
        \t\t\t],
        \t\t\t"prefixes": 0,
        \t\t\t"wanted": 0,
        \t\t\t"stale": 12,
        \t\t\t"last_change": "Never",
        \t\t\t"last_change_sec": -1,
        \t\t\t"error": "no set bgp_spamd6\\u000a"
        \t\t}
        \t]
        }

        """)
  }
}
