import Control
import Foundation
import Presentation
import Primitives
import Testing

@Suite("show rib")
struct RIBPresentationTests {
  private let rows = Command.showRIB(RIBQuery(), .row)
  private let detail = Command.showRIB(RIBQuery(), .detail)

  /// What bgpctl printed, less what nftbgpd does not have: multipath, and the route that a next hop resolves to.
  private func expected(_ name: String) throws -> String {
    var nextHop = ""
    let lines = try fixture(name).components(separatedBy: "\n").compactMap { line -> String? in
      if line.contains("\"ecmp\"") || line.contains("\"dmetric\"") { return nil }
      if let hop = line.firstMatch(of: /exit_nexthop": "(.*)"/) { nextHop = String(hop.1) }
      return line.replacing(/true_nexthop": ".*"/, with: "true_nexthop\": \"\(nextHop)\"")
        .replacing(/Nexthop ([^ ]+) \(via [^ ]+\)/) { "Nexthop \($0.1) (via \($0.1))" }
        .replacing(", ecmp", with: "").replacing(#/^\*m /#, with: "*  ")
    }
    return lines.joined(separator: "\n")
  }

  @Test("--format 7.7 is the layout of OpenBGPD 7.7")
  func release77() throws {
    #expect(try present(rows, format: .release77, Laboratory.rib()) == expected("show-rib.txt"))
    #expect(try present(rows, format: .release77, []) == fixture("show-rib-community-nomatch.txt"))
  }

  @Test("detail and ssv are the layouts of OpenBGPD 7.7")
  func details() throws {
    #expect(try present(detail, Laboratory.rib()) == expected("show-rib-detail.txt"))
    let ssv = Command.showRIB(RIBQuery(), .ssv)
    #expect(try present(ssv, Laboratory.rib(listedOnly: true)) == expected("show-rib-community-666-ssv.txt"))
  }

  @Test("The JSON has bgpctl's keys in bgpctl's order, communities only with detail")
  func json() throws {
    #expect(try present(rows, json: true, Laboratory.rib()) == expected("show-rib.json"))
    #expect(try present(detail, json: true, Laboratory.rib()) == expected("show-rib-detail.json"))
    #expect(try present(rows, json: true, []) == fixture("show-rib-community-nomatch.json"))
  }

  /// The rows of the reconstructed 6.3 output: an internal, a stale and an invalid one among them.
  private var classicRIB: [ControlReply] {
    var internalPath = Laboratory.path(3, Laboratory.rs, nextHop: "127.0.0.2", [])
    internalPath.isInternal = true
    var routes = [
      Laboratory.route("192.0.2.3", 1), Laboratory.route("192.0.2.3", 2, best: false),
      Laboratory.route("198.51.100.0/24", 1),
      Laboratory.route("203.0.113.7", 4, best: false), Laboratory.route("203.0.113.8", 3),
      Laboratory.route("203.0.113.9", 1), Laboratory.route("2001:db8::25", 5),
    ]
    routes[3].isValid = false
    routes[5].isStale = true
    return [
      .path(Laboratory.path(1, Laboratory.rs, nextHop: "127.0.0.2", [])),
      .path(Laboratory.path(2, Laboratory.eu, nextHop: "127.0.0.3", [])), .path(internalPath),
      .path(Laboratory.path(4, Laboratory.eu, nextHop: "10.99.99.99", [])),
      .path(Laboratory.path(5, Laboratory.eu, nextHop: "::1", [])), .routes(routes),
    ]
  }

  @Test("The default is the layout of OpenBGPD 6.3, but for the flags that the scripts cannot remove")
  func classic() throws {
    let old = try fixture("show-rib-6.3.txt")
    let expected = old.replacing("\nI*> ", with: "\n*>  ").replacing("\nS*> ", with: "\n*>  ")
    #expect(expected != old)
    #expect(try present(rows, classicRIB) == expected)
  }

  @Test("--format 7.7 shows the flags that the default leaves out")
  func flags() throws {
    let text = try present(rows, format: .release77, classicRIB)
    #expect(text.contains("\nI*>     N 203.0.113.8/32"))
    #expect(text.contains("\nS*>     N 203.0.113.9/32"))
    #expect(text.contains("\n        N 203.0.113.7/32"))
  }

  @Test("The published pipeline turns the default layout into the addresses, and nothing else")
  func pipeline() throws {
    let arguments = ["-e", "1,4d", "-e", #"s/\/.*$//"#, "-e", #"s/[ \*\>]*//"#]
    let addresses = try run("sed", arguments, input: try present(rows, classicRIB))
    #expect(
      addresses == """
        192.0.2.3
        192.0.2.3
        198.51.100.0
        203.0.113.7
        203.0.113.8
        203.0.113.9
        2001:db8::25

        """)
    #expect(try run("sed", arguments, input: try present(rows, [])) == "")
  }

  @Test("The pipeline written for OpenBGPD 6.4 to 7.7 turns that layout into the addresses")
  func laterPipeline() throws {
    let script = #"cut -c 10- | sed -e '1,6d' -e 's/\/.*$//' -e 's/[ \*\>]*//'"#
    let addresses = try run("sh", ["-c", script], input: try present(rows, format: .release77, classicRIB))
    #expect(addresses.split(separator: "\n").suffix(3) == ["203.0.113.8", "203.0.113.9", "2001:db8::25"])
    #expect(addresses.split(separator: "\n").count == 7)
  }

  @Test("--format list has each prefix once, ascending")
  func list() throws {
    let backwards = Laboratory.paths.map(ControlReply.path) + [.routes(Laboratory.routes.reversed())]
    #expect(
      try present(rows, format: .list, backwards) == """
        192.0.2.1
        192.0.2.2
        192.0.2.3
        192.0.2.4
        192.0.2.5
        198.51.100.0/24
        203.0.113.7
        2001:db8::25
        2001:db8:42::/64

        """)
  }

  @Test("Without a next hop the neighbour stands in its column, and an empty path leaves only the origin")
  func bare() throws {
    var path = Laboratory.path(1, Laboratory.rs, nextHop: "127.0.0.9", [])
    path.nextHop = nil
    path.asPath = ""
    path.origin = .incomplete
    path.multiExitDiscriminator = 4_000_000_000
    let text = try present(rows, [.path(path), .routes([Laboratory.route("2001:db8:1234:5678:9abc::/128", 1)])])
    #expect(text.hasSuffix("\n*>    2001:db8:1234:5678:9abc::/128 127.0.0.2          100 4000000000 ?\n"))
  }

  @Test("A route of a path that was not declared is an error, and so is an answer to another question")
  func malformed() {
    #expect(throws: ControlError.self) { try present(rows, [.routes([Laboratory.route("192.0.2.1", 1)])]) }
    #expect(throws: ControlError.self) { try present(rows, [.neighbor(Laboratory.rs)]) }
    #expect(throws: ControlError.self) { try present(.showTables, [.prefixes(PrefixList())]) }
    #expect(throws: ControlError.self) { try present(rows, [.end]) }
  }
}
