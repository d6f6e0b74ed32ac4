import Control
import Presentation
import Primitives
import Testing

@Suite("show tables")
struct TablePresentationTests {
  private let tables: [ControlReply] = [
    .table(
      TableReport(
        name: "bgp_spamd", role: .black, family: .ipv4, nftTable: "inet nftbgpd", sets: ["bgp_spamd", "bgp_spamd_net"],
        prefixes: 204_113, wanted: 204_100, inKernel: 204_100, stale: 13, held: 4_100, refused: 2,
        hash: 0x0123_4567_89AB_CDEF, lastChange: 7, error: nil)),
    .table(
      TableReport(
        name: "bgp_bypass", role: .bypass, family: .ipv6, nftTable: "inet nftbgpd", sets: ["bgp_bypass6"], prefixes: 12,
        wanted: 12, inKernel: nil, stale: 12, held: 0, refused: 0, hash: 0, lastChange: nil,
        error: "no set bgp_bypass6\n")),
  ]

  @Test("A row per table and family, and the error below its row")
  func text() throws {
    #expect(
      try present(.showTables, tables) == """
        Table            Role   Family Prefixes  Wanted  Kernel   Fresh   Stale    Held Refused Last Change Hash             Sets
        bgp_spamd        black  IPv4     204113  204100  204100  200000      13    4100       2    00:00:07 0123456789abcdef bgp_spamd bgp_spamd_net
        bgp_bypass       bypass IPv6         12      12       -       0      12       0       0       Never 0000000000000000 bgp_bypass6
          error: no set bgp_bypass6\\n

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
        \t\t\t"table": "bgp_bypass",
        \t\t\t"role": "bypass",
        \t\t\t"family": "IPv6",
        \t\t\t"nft_table": "inet nftbgpd",
        \t\t\t"sets": [
        \t\t\t\t"bgp_bypass6"
        \t\t\t],
        \t\t\t"prefixes": 12,
        \t\t\t"wanted": 12,
        \t\t\t"fresh": 0,
        \t\t\t"stale": 12,
        \t\t\t"held": 0,
        \t\t\t"refused": 0,
        \t\t\t"hash": "0000000000000000",
        \t\t\t"last_change": "Never",
        \t\t\t"last_change_sec": -1,
        \t\t\t"error": "no set bgp_bypass6\\u000a"
        \t\t}
        \t]
        }

        """)
  }
}
