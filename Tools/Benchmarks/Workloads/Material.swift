import BGPSession
import BGPWire
import ConfigFile
import Control
import Engine
import Export
import Primitives
import RIB
import Tables

/// What the workloads work on: a feed of 200,000 hosts, the same in every run, in each form that a room takes it in.
///
/// A static value is made when it is first asked for, so `Workload.prepare` asks.
enum Material {
  static let count = 200_000
  static let context = DecodeContext(fourOctetAS: true, isInternal: false)
  static let table = ExportedTable(name: "bgp_spamd", role: .black)
  static let header = ExportHeader(generator: "nftbgpd", time: "2026-11-21T09:30:00Z")
  static let address = IPAddress.v4(IPv4Address(0x7F00_0042))

  /// In random order, each once.
  static let hosts: [IPv4Prefix] = {
    var random = RandomSource(seed: 1)
    var known: Set<IPv4Prefix> = []
    var hosts: [IPv4Prefix] = []
    while hosts.count < count {
      let host = IPv4Prefix(host: IPv4Address(45 << 24 | UInt32.random(in: 0..<1 << 24, using: &random)))
      if known.insert(host).inserted { hosts.append(host) }
    }
    return hosts
  }()

  /// Networks, of which many cover hosts and each other.
  static let networks: [IPv4Prefix] = {
    var random = RandomSource(seed: 2)
    return (0..<20_000).compactMap { _ in
      let length = UInt8.random(in: 16...30, using: &random)
      let address = 45 << 24 | UInt32.random(in: 0..<1 << 24, using: &random)
      return IPv4Prefix(IPv4Address(address & ~(UInt32.max >> length)), length: length)
    }
  }()

  static func attributes(_ kind: Int) -> PathAttributes {
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: [ASN(65066), ASN(UInt32(3000 + kind))])
    attributes.nextHop = .v4(IPv4Address(0xC000_02FE))
    let listed: UInt16 = kind % 10 == 9 ? 42 : 666
    attributes.communities = [Community(3000, UInt16(truncatingIfNeeded: kind)), Community(65066, listed)]
    return attributes
  }

  /// 800 hosts an UPDATE and 20 sets of attributes.
  static let updates: [UpdateMessage] = stride(from: 0, to: count, by: 800).map { start in
    UpdateMessage(
      announced: PrefixList(ipv4: Array(hosts[start..<min(start + 800, count)])),
      attributes: attributes(start / 800 % 20))
  }

  /// A host an UPDATE, and other attributes for each ten: a tenth of the feed.
  static let smallUpdates: [UpdateMessage] = (0..<count / 10).map { number in
    UpdateMessage(announced: PrefixList(ipv4: [hosts[number]]), attributes: attributes(number / 10))
  }

  static let octets = updates.flatMap { Message.update($0).encode(context) }
  static let smallOctets = smallUpdates.flatMap { Message.update($0).encode(context) }

  /// The messages in the octets; the sum of their routes.
  static func decode(_ octets: [UInt8]) throws(NotificationMessage) -> Int {
    var offset = 0
    var routes = 0
    while let frame = try MessageFrame(in: octets.span, at: offset, maximum: IANA.maximumMessageLength) {
      if case .update(let update) = try Message(frame, in: octets.span, context) { routes += update.announced.count }
      offset = frame.end
    }
    return routes
  }

  /// The peer's.
  private static let open = OpenMessage(
    myAS: 65066, holdTime: 90, bgpIdentifier: IPv4Address(0x7F00_0042),
    capabilities: [.unicast(.ipv4), .fourOctetAS(ASN(65066))])

  /// A session that is up.
  static let session: Session = {
    let configuration = SessionConfiguration(
      localAS: ASN(65500), twoOctetAS: 65500, bgpIdentifier: IPv4Address(0x7F00_0009), peerAS: ASN(65066))
    var session = Session(configuration, random: RandomSource(seed: 1))
    var actions: [Session.Action] = []
    for event in [.start, .connected, .received(.open(open)), .received(.keepalive)] as [Session.Event] {
      session.handle(event, at: .zero, into: &actions)
    }
    return session
  }()

  /// An engine with that session, and empty sets.
  static let engine: (engine: Engine, connection: ConnectionID) = {
    var configuration = Configuration(localAS: ASN(65500), twoOctetAS: 65500)
    configuration.neighbors = [Neighbor(address: address, remoteAS: ASN(65066))]
    configuration.rules = publishedRules
    configuration.defaultAction = .allow
    var engine = Engine(configuration, routerID: IPv4Address(0x7F00_0009), random: RandomSource(seed: 1))
    engine.handle(.start, at: .zero)
    var connection = ConnectionID(peer: PeerID(number: 0), number: 0)
    for case .connect(let wanted) in engine.takeEffects(at: .zero) { connection = wanted }
    let contents = configuration.tableNames.indices.flatMap { index in
      AddressFamily.allCases.map {
        TableContents(table: TableID(index: UInt8(truncatingIfNeeded: index)), family: $0, layout: .hostsAndIntervals)
      }
    }
    engine.handle(.setsRead(contents), at: .zero)
    let local = Endpoint(address: .v4(IPv4Address(0x7F00_0001)), port: 40000)
    engine.handle(.connected(connection, local: local, remote: Endpoint(address: address, port: 179)), at: .zero)
    let opening = Message.open(open).encode(.initial) + Message.keepalive.encode(.initial)
    _ = engine.received(connection, opening.span, at: .zero)
    _ = engine.takeEffects(at: .zero)
    return (engine, connection)
  }()

  /// Known good senders and listed ones.
  private static let publishedRules = [("bypass", 42), ("black", 666)].map { name, value in
    FilterRule(
      action: .match, conditions: [.community(CommunityPattern(.number(65066), .number(UInt32(value))))],
      sets: [.pftable(name)])
  }

  static let rules: PeerRules = {
    let peer = RuleSet.Peer(address: address, group: "", remoteAS: ASN(65066), localAS: ASN(65500))
    return RuleSet(rules: publishedRules, defaultAction: .allow, tableNames: ["bypass", "black"]).rules(for: peer)
  }()

  static let configuration: String = {
    var text = "AS 65500\nnft table inet filter\nallow from any\n"
    for number in 0..<200 {
      text += "neighbor 45.0.\(number).1 {\n  remote-as 65066\n  multihop 64\n  descr \"server \(number)\"\n}\n"
      text += "match from 45.0.\(number).1 community 65066:\(number) set pftable \"table\(number % 50)\"\n"
      text += "deny from any prefix { 45.\(number).0.0/16 prefixlen 17 - 24 }\n"
    }
    return text
  }()

  static let routes: ControlReply = .routes(
    hosts.map {
      RouteReport(prefix: .v4($0), path: 1, isValid: true, isBest: true, isStale: false, age: 100)
    })
}
