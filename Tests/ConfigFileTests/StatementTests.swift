import BGPWire
import ConfigFile
import Export
import Primitives
import Tables
import Testing

@Suite("What statements mean")
struct StatementTests {
  static let rule = "allow from any set pftable \"t\"\n"

  /// The configuration of a file that must load.
  private func configuration(_ text: String, _ comment: Comment? = nil) throws -> Configuration {
    let result = parse(text + Self.rule)
    return try #require(result.configuration, comment ?? "\(result.diagnostics)")
  }

  /// The one neighbour of a file.
  private func neighbor(_ options: String, global: String = "") throws -> Neighbor {
    let text = "AS 65001\n\(global)neighbor 192.0.2.1 {\nremote-as 65066\n\(options)\n}\n"
    return try #require(try configuration(text).neighbors.first)
  }

  @Test(
    "The two-octet AS is the second number, the first where it fits, or 23456 (RFC 6793 §4.2.2)",
    arguments: [
      ("AS 65001", 65001, 65001), ("AS 70000", 70000, 23456), ("AS 4200000001 65001", 4_200_000_001, 65001),
      ("AS 1.10", 65546, 23456), ("AS 65001 64999", 65001, 64999),
    ] as [(String, UInt32, UInt16)])
  func localAS(_ statement: String, _ asn: UInt32, _ twoOctet: UInt16) throws {
    let configuration = try configuration(statement + "\nneighbor 192.0.2.1 { remote-as 1 }\n")
    #expect(configuration.localAS == ASN(asn))
    #expect(configuration.twoOctetAS == twoOctet)
  }

  @Test("Global settings")
  func globals() throws {
    let configuration = try configuration(
      """
      AS 65001
      router-id 192.0.2.7
      holdtime 180
      holdtime min 30
      connect-retry 20
      stale-time 3600
      snapshot "/run/snapshot"
      log updates
      socket "/run/a"
      socket "/run/b"
      socket "/run/c" restricted
      listen on 192.0.2.2
      listen on 2001:db8::2 port 1179
      metrics file "/var/nftbgpd.prom"
      metrics listen on 127.0.0.1
      metrics listen on ::1 port 9100
      nft table ip filter
      neighbor 192.0.2.1 { remote-as 65066 }
      export table "t" to "/var/t.black" allow-empty
      export table t to "/var/t.plain" format plain
      export table t to "/var/t.cidr" format postfix value "450 4.7.1 Try again" run "postfix reload" timeout 60
      export table t to "/var/t.geo" format nginx allow-empty run "nginx -s reload"

      """)
    #expect(configuration.routerID == IPv4Address("192.0.2.7"))
    #expect(configuration.holdTime == 180)
    #expect(configuration.minimumHoldTime == 30)
    #expect(configuration.connectRetry == 20)
    #expect(configuration.staleTime == 3600)
    #expect(configuration.snapshotPath == "/run/snapshot")
    #expect(configuration.logUpdates)
    // One socket of each kind: the last one.
    #expect(
      configuration.controlSockets == [
        ControlSocket(path: "/run/b", restricted: false), ControlSocket(path: "/run/c", restricted: true),
      ])
    #expect(configuration.listeners.map(\.port) == [179, 1179])
    #expect(configuration.metricsFile == "/var/nftbgpd.prom")
    #expect(
      configuration.metricsListeners == [
        Listener(address: .v4(IPv4Address(0x7F00_0001)), port: 9179),
        Listener(address: .v6(IPv6Address(high: 0, low: 1)), port: 9100),
      ])
    #expect(configuration.nftTable == NFTTable(family: .ip, name: "filter"))
    #expect(
      configuration.exports == [
        ExportFile(table: "t", path: "/var/t.black", format: .spamd, allowEmpty: true),
        ExportFile(table: "t", path: "/var/t.plain", format: .plain, allowEmpty: false),
        ExportFile(
          table: "t", path: "/var/t.cidr", format: .postfix, value: "450 4.7.1 Try again", allowEmpty: false,
          hook: ExportHook(command: "postfix reload", timeout: 60)),
        ExportFile(
          table: "t", path: "/var/t.geo", format: .nginx, allowEmpty: true,
          hook: ExportHook(command: "nginx -s reload", timeout: 30)),
      ])
  }

  @Test("Metrics that others than this host may read are worth a warning")
  func openMetrics() {
    let base = "AS 65001\nneighbor 192.0.2.1 { remote-as 65066 }\n" + Self.rule
    for (address, isOpen) in [
      ("127.9.9.9", false), ("::1", false), ("192.0.2.2", true), ("0.0.0.0", true), ("::", true),
    ] {
      let warnings = parse(base + "metrics listen on \(address)\n").diagnostics.map(\.message)
      #expect(warnings == (isOpen ? ["metrics listen on \(address): whoever can connect to it may read them"] : []))
    }
  }

  @Test("Options of a neighbor")
  func options() throws {
    let neighbor = try neighbor(
      """
      descr a "route  server"
      port 1179
      local-address 2001:db8::9
      local-address 192.0.2.9
      local-as 65002
      multihop 64
      ttl-security yes
      holdtime 30
      holdtime min 10
      stale-time 60
      down "for repair"
      max-prefix 1000 restart 5
      enforce neighbor-as no
      enforce local-as no
      announce refresh no
      announce enhanced refresh no
      announce restart no
      announce as-4byte no
      announce extended message no
      announce capabilities no
      log updates
      tcp md5sig key 00ffAb
      """)
    #expect(neighbor.description == "a route  server")
    #expect(neighbor.port == 1179)
    #expect(neighbor.localAddress == IPAddress("192.0.2.9"))
    #expect(neighbor.localAS == ASN(65002))
    #expect(neighbor.multihop == 64)
    #expect(neighbor.ttlSecurity)
    #expect(neighbor.holdTime == 30)
    #expect(neighbor.minimumHoldTime == 10)
    #expect(neighbor.staleTime == 60)
    #expect(neighbor.down == "for repair")
    #expect(neighbor.maxPrefix == 1000)
    #expect(neighbor.maxPrefixRestart == 5)
    #expect(!neighbor.enforceNeighborAS && !neighbor.enforceLocalAS)
    #expect(!neighbor.announceRefresh && !neighbor.announceEnhancedRefresh && !neighbor.announceRestart)
    #expect(!neighbor.announceFourOctetAS && !neighbor.announceExtendedMessage && !neighbor.announceCapabilities)
    #expect(neighbor.logUpdates)
    #expect(neighbor.md5Key == [0x00, 0xFF, 0xAB])
  }

  @Test("A role is given by `announce policy` or by `role`, as earlier and later releases of bgpd have it")
  func role() throws {
    #expect(try neighbor("").role == nil)
    let earlier = try neighbor("announce policy rs-client enforce")
    #expect(earlier.role == .rsClient && earlier.announceRole && earlier.enforceRole)
    let later = try neighbor("announce policy enforce\nrole customer")
    #expect(later.role == .customer && later.announceRole && later.enforceRole)
    let silent = try neighbor("role peer\nannounce policy no")
    #expect(silent.role == .peer && !silent.announceRole && !silent.enforceRole)
    #expect(try neighbor("announce policy provider").enforceRole == false)
  }

  @Test("Both families are offered, whatever the transport, until one is taken away")
  func families() throws {
    #expect(try neighbor("").families == [.ipv4, .ipv6])
    #expect(try neighbor("announce IPv6 unicast").families == [.ipv4, .ipv6])
    #expect(try neighbor("announce IPv4 none").families == [.ipv6])
    #expect(try neighbor("announce IPv6 none").families == [.ipv4])
    #expect(try neighbor("announce IPv6 none\nannounce IPv6 unicast").families == [.ipv4, .ipv6])
  }

  @Test("The leftmost AS of a path is enforced for eBGP, and for iBGP only when asked for")
  func enforcement() throws {
    #expect(try neighbor("").enforceNeighborAS)
    #expect(try !neighbor("remote-as 65001").enforceNeighborAS)
    #expect(try !neighbor("local-as 65066").enforceNeighborAS)
    #expect(try neighbor("remote-as 65001\nenforce neighbor-as yes").enforceNeighborAS)
  }

  @Test("max-prefix 0 is no limit")
  func noLimit() throws {
    #expect(try neighbor("max-prefix 10\nmax-prefix 0").maxPrefix == nil)
  }

  @Test("A neighbor takes the options of its group that stand above it, and its own go first")
  func inheritance() throws {
    let configuration = try configuration(
      """
      AS 65001
      group "feed" {
      	remote-as 65066
      	multihop 64
      	neighbor 192.0.2.1
      	multihop 32
      	local-address 192.0.2.9
      	local-address 2001:db8::9
      	stale-time 60
      	neighbor 2001:db8::1 {
      		remote-as 65067
      		stale-time 30
      	}
      	neighbor 192.0.2.3 { no local-address }
      }
      neighbor 192.0.2.4 { remote-as 65068 }
      stale-time 7200

      """)
    let neighbors = configuration.neighbors
    #expect(neighbors.map(\.group) == ["feed", "feed", "feed", ""])
    #expect(neighbors.map(\.remoteAS.value) == [65066, 65067, 65066, 65068])
    #expect(neighbors.map(\.multihop) == [64, 32, 32, nil])
    #expect(neighbors.map(\.localAddress) == [nil, IPAddress("2001:db8::9"), nil, nil])
    #expect(neighbors.map(\.staleTime) == [7200, 30, 60, 7200])
  }

  @Test("A group may be opened again")
  func reopened() throws {
    let configuration = try configuration(
      "AS 1\ngroup g {\nremote-as 2\nneighbor 192.0.2.1\n}\ngroup g {\nremote-as 3\nneighbor 192.0.2.2\n}\n")
    #expect(configuration.neighbors.map(\.group) == ["g", "g"])
    #expect(configuration.neighbors.map(\.remoteAS.value) == [2, 3])
  }

  @Test("A passive neighbor is fine where something listens")
  func passive() throws {
    #expect(try neighbor("passive", global: "listen on 192.0.2.2\n").passive)
  }

  @Test("set in blocks becomes rules before all others, those of groups first")
  func impliedRules() throws {
    let result = parse(
      """
      AS 65001
      deny from any
      neighbor 192.0.2.9 {
      	remote-as 1
      	set { community 65001:9 pftable "nine" }
      }
      group "feed" {
      	remote-as 65066
      	set community 65001:1
      	neighbor 192.0.2.1 {
      		set large-community delete 1:*:*
      	}
      	set pftable "feed"
      }

      """)
    let configuration = try #require(result.configuration)
    #expect(
      configuration.withoutLines.rules == [
        FilterRule(
          action: .match, peers: [.group("feed")],
          sets: [.community(CommunityPattern(.number(65001), .number(1))), .pftable("feed")]),
        FilterRule(
          action: .match, peers: [.address(try #require(IPAddress("192.0.2.9")))],
          sets: [.community(CommunityPattern(.number(65001), .number(9))), .pftable("nine")]),
        FilterRule(
          action: .match, peers: [.address(try #require(IPAddress("192.0.2.1")))],
          sets: [.deleteLargeCommunity(LargeCommunityPattern(.number(1), .any, .any))]),
        FilterRule(action: .deny),
      ])
    #expect(configuration.defaultAction == .deny)
    #expect(configuration.tableNames == ["feed", "nine"])
  }

  @Test(
    "Names of tables that clash once suffixes are appended",
    arguments: [("x", "x6"), ("x", "x_net"), ("x", "x6_net"), ("x6", "x"), ("x_net", "x"), ("x6", "x6_net")])
  func clashes(_ first: String, _ second: String) {
    let result = parse(
      "AS 1\nneighbor 192.0.2.1 { remote-as 2 }\n"
        + "allow from any set pftable \(first)\nmatch from any set pftable \(second)\n"
    )
    #expect(result.errors.count == 1)
    #expect(result.errors.first?.contains("would both become the nft set") == true)
  }

  @Test("64 tables are accepted, and the longest name has 250 characters")
  func limits() {
    let neighbor = "AS 1\nneighbor 192.0.2.1 { remote-as 2 }\nallow from any\n"
    let rules = (1...64).map { "match from any set pftable t-\($0).\n" }.joined()
    #expect(parse(neighbor + rules).diagnostics == [])
    let name = String(repeating: "x", count: 250)
    #expect(parse(neighbor + "match from any set pftable \(name)\n").diagnostics == [])
  }

  @Test("A key marks its file")
  func secrets() {
    let block = "neighbor 192.0.2.1 {\nremote-as 2\ntcp md5sig password x\n}\n"
    let result = parse("AS 1\ninclude \"peers\"\n" + Self.rule, files: ["peers": block])
    #expect(result.files == ["t.conf", "peers"])
    #expect(result.filesWithSecrets == ["peers"])
    #expect(result.configuration?.containsSecrets == true)
    #expect(parse("AS 1\nneighbor 192.0.2.1 { remote-as 2 }\n" + Self.rule).filesWithSecrets == [])
  }

  @Test("Files of which nothing can come say so once")
  func nothing() {
    #expect(parse("AS 1\n").warnings.count == 2)
    let rules = "AS 1\nneighbor 192.0.2.1 { remote-as 2 }\ndeny to any set pftable t\n"
    let result = parse(rules)
    #expect(result.warnings.count == 1)
    #expect(result.configuration?.defaultAction == .deny)
    #expect(result.configuration?.tableNames == [])
  }
}
