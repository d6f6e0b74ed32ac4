import BGPWire
import ConfigFile
import Export
import Primitives
import Tables

/// Valid configurations at random, from a seed.
struct ConfigurationGenerator {
  private var random: RandomSource
  private var groups: [String] = []

  init(seed: UInt64) {
    random = RandomSource(seed: seed)
  }

  private mutating func flip() -> Bool { Bool.random(using: &random) }
  private mutating func number<Value: FixedWidthInteger>(_ range: ClosedRange<Value>) -> Value {
    Value.random(in: range, using: &random)
  }
  private mutating func choose<Element>(_ elements: [Element]) -> Element {
    elements[number(0...elements.count - 1)]
  }
  private mutating func maybe<Value>(_ value: Value) -> Value? { flip() ? value : nil }

  private mutating func text() -> String {
    choose([
      "x", "two words", "a \"quoted\" word", "tab\tand \\ backslash", "back\\\"slash", "é # $a 'x' {", "\\\\ y", "down",
    ])
  }

  private mutating func address() -> IPAddress {
    flip()
      ? .v4(IPv4Address(number(1...UInt32.max))) : .v6(IPv6Address(high: number(1...UInt64.max), low: number(0...3)))
  }

  private mutating func exportFile(of table: String) -> ExportFile {
    let (format, value): (ExportFormat, String?) = choose([
      (.spamd, nil), (.plain, nil), (.json, nil), (.csv, nil), (.postfix, nil), (.postfix, "450 \"4.7.1\""),
      (.exim, "x"),
      (.rbldnsd, "127.0.0.4:$ is listed"), (.nginx, "1"), (.nft, "inet mail"), (.ipset, "x"),
    ])
    let hook = ExportHook(command: text(), timeout: choose([30, number(1...UInt16.max)]))
    return ExportFile(
      table: table, path: "/var/\(table).out", format: format, value: value, allowEmpty: flip(), hook: maybe(hook))
  }

  private mutating func prefix() -> Prefix {
    let address = address()
    let length = number(0...address.family.bits)
    return Prefix(address, length: length) ?? Prefix(host: address)
  }

  private mutating func lengths(_ range: ClosedRange<UInt8>) -> LengthRange {
    let bounds = [number(range), number(range)].sorted()
    return LengthRange(bounds[0]...bounds[1], inverted: flip())
  }

  private mutating func field(wildcards: Bool = true, _ maximum: UInt32) -> CommunityField {
    choose([.number(number(0...maximum)), .number(maximum), .neighborAS, .localAS, wildcards ? .any : .number(0)])
  }

  private mutating func community(wildcards: Bool = true) -> CommunityPattern {
    CommunityPattern(field(wildcards: wildcards, 65535), field(wildcards: wildcards, 65535))
  }

  private mutating func largeCommunity(wildcards: Bool = true) -> LargeCommunityPattern {
    LargeCommunityPattern(
      field(wildcards: wildcards, .max), field(wildcards: wildcards, .max), field(wildcards: wildcards, .max))
  }

  private mutating func asPattern() -> ASNPattern {
    let low: UInt32 = number(0...70000)
    return switch number(0...4) {
    case 0: .equal(ASN(low))
    case 1: .notEqual(ASN(low))
    case 2: .range(low...low + 7)
    case 3: .outside(low...UInt32.max)
    default: .neighborAS
    }
  }

  private mutating func conditions() -> [FilterCondition] {
    var conditions: [FilterCondition] = []
    for _ in 0..<number(0...3) {
      switch number(0...2) {
      case 0: conditions.append(.community(community()))
      case 1: conditions.append(.largeCommunity(largeCommunity()))
      default:
        let type: UInt64 = choose([0, 1, 2])
        let subtype: UInt64 = choose([2, 3])
        conditions.append(
          .extendedCommunity(ExtendedCommunity(type << 56 | subtype << 48 | number(0...0xFFFF_FFFF_FFFF))))
      }
    }
    switch number(0...3) {
    case 0:
      let family: AddressFamily = choose(AddressFamily.allCases)
      conditions.append(.family(family))
      if flip() { conditions.append(.prefixLength(lengths(0...family.bits))) }
    case 1:
      conditions.append(
        .prefixes(
          (0..<number(0...4)).map { _ in
            let prefix = prefix()
            return PrefixPattern(prefix, lengths: lengths(prefix.length...prefix.family.bits))
          }))
    default: break
    }
    if flip() {
      conditions.append(
        .asPath(choose([.any, .source, .peer, .transit]), (0..<number(0...3)).map { _ in asPattern() }))
    }
    if flip() { conditions.append(flip() ? .maximumASLength(number(0...99)) : .maximumASSequence(number(0...99))) }
    if flip() { conditions.append(.maximumCommunities(number(0...99))) }
    return conditions
  }

  private mutating func sets() -> [FilterSet] {
    var sets: [FilterSet] = []
    if flip() { sets.append(.pftable(choose(["bgp_spamd", "bgp-spamd-bypass", "_x.y/z"]))) }
    for _ in 0..<number(0...2) {
      switch number(0...3) {
      case 0: sets.append(.community(community(wildcards: false)))
      case 1: sets.append(.deleteCommunity(community()))
      case 2: sets.append(.largeCommunity(largeCommunity(wildcards: false)))
      default: sets.append(.deleteLargeCommunity(largeCommunity()))
      }
    }
    return sets
  }

  private mutating func neighbor(_ configuration: Configuration) -> Neighbor {
    var neighbor = Neighbor(address: address(), remoteAS: ASN(number(30000...70000)))
    neighbor.group = choose(["", "feed", "two \"words\""])
    neighbor.localAS = maybe(ASN(number(30000...70000)))
    if neighbor.localAS != nil { neighbor.localTwoOctetAS = maybe(number(1...65535)) }
    if flip() { neighbor.description = text() }
    neighbor.port = choose([179, 1179])
    if flip() {
      neighbor.localAddress =
        neighbor.address.family == .ipv4 ? .v4(IPv4Address(7)) : .v6(IPv6Address(high: 7, low: 0))
    }
    neighbor.multihop = maybe(number(2...255))
    neighbor.ttlSecurity = flip()
    neighbor.holdTime = maybe(number(3...65535))
    neighbor.minimumHoldTime = maybe(number(3...65535))
    neighbor.passive = flip() && !configuration.listeners.isEmpty
    neighbor.down = maybe(flip() ? text() : "")
    neighbor.allowsMartians = flip()
    neighbor.maxPrefix = choose([nil, Configuration.defaultMaxPrefix, number(1...UInt32.max)])
    if neighbor.maxPrefix != nil { neighbor.maxPrefixRestart = maybe(number(1...65535)) }
    neighbor.enforceNeighborAS = flip()
    neighbor.enforceLocalAS = flip()
    neighbor.families = choose([[.ipv4], [.ipv6], [.ipv4, .ipv6]])
    neighbor.announceCapabilities = flip()
    neighbor.announceRefresh = flip()
    neighbor.announceEnhancedRefresh = flip()
    neighbor.announceRestart = flip()
    neighbor.role = BGPRole.allCases.randomElement(using: &random)
    neighbor.announceRole = flip()
    neighbor.enforceRole = neighbor.announceRole && flip()
    neighbor.announceFourOctetAS = flip()
    neighbor.announceExtendedMessage = flip()
    neighbor.staleTime = flip() ? configuration.staleTime : number(0...UInt32.max)
    neighbor.md5Key = maybe((0..<number(1...80)).map { _ in number(0...255) })
    neighbor.logUpdates = flip()
    return neighbor
  }

  private mutating func table(_ name: String, _ configuration: Configuration) -> TableOptions {
    var table = TableOptions(name: name)
    table.role = choose([nil, .black, .bypass])
    table.ipv4Lengths = maybe(lengths(0...32))
    table.ipv6Lengths = maybe(lengths(0...128))
    table.staleTime = maybe(number(0...UInt32.max))
    table.shrinkLimit = maybe(number(1...100))
    if table.shrinkLimit != nil { table.shrinkHold = maybe(number(1...UInt32.max)) }
    if configuration.nftTable.isOwned { table.mark = maybe(number(1...UInt32.max)) }
    return table
  }

  mutating func configuration() -> Configuration {
    let localAS: UInt32 = number(30000...70000)
    var configuration = Configuration(localAS: ASN(localAS), twoOctetAS: UInt16(exactly: localAS) ?? 23456)
    if flip() { configuration.twoOctetAS = number(1...65535) }
    configuration.routerID = maybe(IPv4Address(number(1...UInt32.max)))
    configuration.holdTime = number(3...65535)
    configuration.minimumHoldTime = number(3...65535)
    configuration.connectRetry = number(1...65535)
    configuration.logUpdates = flip()
    configuration.staleTime = maybe(number(0...UInt32.max))
    configuration.snapshotPath = flip() ? nil : "/var/lib/\(number(0...UInt16.max))"
    if flip() { configuration.controlSockets.append(ControlSocket(path: "/run/x y", restricted: flip())) }
    configuration.metricsFile = flip() ? nil : "/var/lib/metrics\(number(0...UInt16.max)).prom"
    if flip() { configuration.metricsListeners.append(Listener(address: address(), port: number(1...65535))) }
    if flip() { configuration.listeners.append(Listener(address: address(), port: number(1...65535))) }
    configuration.nftTable = NFTTable(
      family: choose([.inet, .ip, .ip6]), name: choose(["nftbgpd", "filter", "_a.b-c"]))
    configuration.nftTable.isOwned = flip()
    configuration.protectsHost = flip()
    configuration.preferredRole = choose([nil, .black, .bypass])
    for _ in 0..<number(0...3) {
      let prefix = prefix()
      if !configuration.never.contains(prefix) { configuration.never.append(prefix) }
    }
    for _ in 0..<number(0...4) {
      let neighbor = neighbor(configuration)
      if !configuration.neighbors.contains(where: { $0.address == neighbor.address }) {
        configuration.neighbors.append(neighbor)
      }
    }
    let peers: [PeerSelector] =
      [.any, .ebgp, .ibgp, .remoteAS(ASN(65066)), .group("feed"), .group("nobody")]
      + configuration.neighbors.map { .address($0.address) }
    for _ in 0..<number(0...6) {
      configuration.rules.append(
        FilterRule(
          action: choose([.allow, .deny, .match]), quick: flip(), direction: choose([.from, .from, .to]),
          peers: (0..<number(1...3)).map { _ in choose(peers) }, conditions: conditions(), sets: sets()))
    }
    let inbound = configuration.rules.filter { $0.direction == .from }
    configuration.defaultAction = inbound.isEmpty || inbound.contains { $0.action != .match } ? .deny : .allow
    for name in flip() ? configuration.tableNames : configuration.tableNames.reversed() where flip() {
      configuration.tables.append(table(name, configuration))
    }
    for name in configuration.tableNames where flip() {
      configuration.exports.append(exportFile(of: name))
    }
    return configuration
  }
}
