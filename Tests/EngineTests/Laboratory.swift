import BGPSession
import BGPWire
import ConfigFile
import Control
import Engine
import Primitives
import Tables
import TestSupport
import Testing

/// An engine under virtual time, with peers that speak real octets and a kernel that is a dictionary with nf_tables' rules.
struct Laboratory {
  var engine: Engine
  var now = Instant.zero
  var kernel = KernelModel()
  var log: [String] = []
  var records: [LogRecord] = []
  var isVerbose = false
  var exports: [(file: ExportFile, prefixes: PrefixList)] = []
  /// Why export files cannot be written; nil: they can.
  var exportError: SystemError?
  /// Whether an export file has other entries than before.
  var exportsChange = true
  /// Hooks that were started; a test answers for them.
  var hooks: [ExportHook] = []
  /// What the engine sent to each peer, decoded.
  var sent: [PeerID: [Message]] = [:]
  /// Peers that the engine wants connected.
  var connecting: Set<PeerID> = []
  var connected: Set<PeerID> = []
  /// The first connection of each peer, or the attempt at one.
  var connections: [PeerID: ConnectionID] = [:]
  /// What the engine sent over each connection, and those that it closed.
  var sentOver: [ConnectionID: [Message]] = [:]
  var closed: Set<ConnectionID> = []
  /// Commits wait here while `holdsCommits`.
  var holdsCommits = false
  var heldCommits: [(serial: UInt64, changes: [SetChange])] = []
  /// What the engine saved last, and how often.
  var snapshots: [[String: PrefixList]] = []
  var snapshotAges: [Interval] = []
  /// What the shell would find out when the sets are checked.
  var foreignChange: String?
  var checks = 0
  var hostChecks = 0
  /// Answers to checks wait here while `holdsChecks`.
  var holdsChecks = false
  var heldChecks: [String?] = []
  /// Answers to looks at the sets wait here while `holdsReadings`.
  var holdsReadings = false
  var heldReadings: [[TableContents]] = []
  /// What is sent does not leave.
  var takesNothing = false
  /// What a commit takes, as the shell reports it.
  var commitTime = Interval.milliseconds(1)
  /// The next commits fail with this.
  var commitFailure: String?
  private static let context = DecodeContext(fourOctetAS: true, isInternal: false)

  init(
    _ configuration: Configuration = Laboratory.configuration(peers: 2), kernel: KernelModel = KernelModel(),
    snapshot: [String: PrefixList]? = nil, age: Interval = .zero
  ) {
    engine = Engine(configuration, routerID: IPv4Address(0x7F00_0001), random: RandomSource(seed: 1))
    self.kernel = kernel
    if let snapshot { engine.handle(.snapshotLoaded(snapshot, age: age), at: now) }
    engine.handle(.start, at: now)
    settle()
  }

  /// The published rules for a number of route servers, whose routes no guard keeps out.
  static func configuration(peers: Int, _ change: (inout Configuration) -> Void = { _ in }) -> Configuration {
    var configuration = Configuration(localAS: ASN(65500), twoOctetAS: 65500)
    configuration.neighbors = (0..<peers).map {
      var neighbor = Neighbor(address: .v4(IPv4Address(0x7F00_0002 + UInt32($0))), remoteAS: ASN(65066))
      neighbor.group = "spam-bgp"
      neighbor.multihop = 64
      neighbor.allowsMartians = true
      return neighbor
    }
    configuration.defaultAction = .allow
    configuration.rules = [("bypass", 42), ("black", 666)].map { name, value in
      FilterRule(
        action: .match, peers: [.group("spam-bgp")],
        conditions: [.community(CommunityPattern(.number(65066), .number(value)))],
        sets: [.pftable(name)])
    }
    configuration.tables = ["bypass", "black"].map {
      var options = TableOptions(name: $0)
      options.ipv4Lengths = LengthRange(0...32)
      options.ipv6Lengths = LengthRange(0...128)
      return options
    }
    change(&configuration)
    return configuration
  }

  // MARK: The shell

  mutating func settle() {
    var effects = engine.takeEffects(at: now)
    while !effects.isEmpty {
      for effect in effects { perform(effect) }
      effects = engine.takeEffects(at: now)
    }
  }

  private mutating func perform(_ effect: Effect) {
    switch effect {
    case .connect(let connection):
      connecting.insert(connection.peer)
      connections[connection.peer] = connection
    case .disconnect(let connection):
      closed.insert(connection)
      guard connections[connection.peer] == connection else { return }
      connecting.remove(connection.peer)
      connected.remove(connection.peer)
    case .send(let connection, let octets):
      var offset = 0
      while let frame = try? MessageFrame(in: octets.span, at: offset, maximum: 4096) {
        if let message = try? Message(frame, in: octets.span, Self.context) {
          sent[connection.peer, default: []].append(message)
          sentOver[connection, default: []].append(message)
        }
        offset = frame.end
      }
      if !takesNothing { engine.handle(.sent(connection), at: now) }
    case .readSets:
      kernel.abandon(allBut: engine.configuration.tableNames)
      let contents = kernel.contents(engine.configuration.tableNames)
      if holdsReadings { heldReadings.append(contents) } else { engine.handle(.setsRead(contents), at: now) }
    case .checkHost: hostChecks += 1
    case .checkSets:
      checks += 1
      let change = foreignChange
      foreignChange = nil
      if holdsChecks { heldChecks.append(change) } else { engine.handle(.setsChecked(change), at: now) }
    case .saveSnapshot(let snapshot, let age):
      snapshotAges.append(age)
      snapshots.append(snapshot)
      engine.handle(.snapshotSaved(nil), at: now)
    case .commit(let serial, let changes):
      if holdsCommits {
        heldCommits.append((serial, changes))
      } else {
        commit(serial, changes)
      }
    case .export(let file, let prefixes):
      exports.append((file, prefixes))
      let outcome = ExportOutcome(entries: prefixes.count, changed: exportsChange)
      engine.handle(.exported(file, exportError.map { .failure($0) } ?? .success(outcome)), at: now)
    case .run(let hook): hooks.append(hook)
    case .log(let record):
      log.append(record.message)
      records.append(record)
    case .setVerbosity(let isVerbose): self.isVerbose = isVerbose
    }
  }

  private mutating func commit(_ serial: UInt64, _ changes: [SetChange]) {
    if let commitFailure {
      engine.handle(.commitFailed(serial: serial, commitFailure), at: now)
    } else {
      let refusals = kernel.apply(changes)
      #expect(kernel.violations.isEmpty)
      engine.handle(.committed(serial: serial, refusing: refusals, commitTime), at: now)
    }
  }

  mutating func releaseCommits() {
    let held = heldCommits
    heldCommits = []
    for (serial, changes) in held { commit(serial, changes) }
    settle()
  }

  mutating func releaseReadings() {
    holdsReadings = false
    let held = heldReadings
    heldReadings = []
    for contents in held { engine.handle(.setsRead(contents), at: now) }
    settle()
  }

  /// Lets time pass, deadline by deadline; connected peers send a KEEPALIVE every 20 s.
  mutating func advance(_ interval: Interval) {
    let end = now + interval
    while now < end {
      let next = min(end, now + .seconds(20))
      while let deadline = engine.nextDeadline, deadline <= next {
        now = max(now, deadline)
        engine.advance(to: now)
        settle()
      }
      now = next
      for peer in connected.sorted(by: { $0.number < $1.number }) { receive(peer.number, .keepalive) }
    }
  }

  // MARK: The peers

  func peer(_ index: Int) -> PeerID { PeerID(number: index) }

  /// The peer's first connection, or one that it has never had.
  func connection(_ index: Int) -> ConnectionID {
    connections[peer(index)] ?? ConnectionID(peer: peer(index), number: 0)
  }

  mutating func receive(_ index: Int, _ message: Message, over connection: ConnectionID? = nil) {
    let octets = message.encode(Self.context)
    let used = engine.received(connection ?? self.connection(index), octets.span, at: now)
    #expect(used == octets.count)
    settle()
  }

  /// Connects a peer and exchanges OPENs.
  mutating func up(_ index: Int, endOfRIB: Bool = true, _ more: Capability...) {
    while !connecting.contains(peer(index)) { advance(.seconds(1)) }
    connecting.remove(peer(index))
    connected.insert(peer(index))
    open(connection(index))
    receive(index, Self.open(index, endOfRIB: endOfRIB, more))
    receive(index, .keepalive)
  }

  /// A connection is there.
  mutating func open(_ connection: ConnectionID) {
    let local = Endpoint(address: .v4(IPv4Address(0x7F00_0001)), port: 40000)
    let address = engine.neighbor(of: connection)?.address ?? .v4(IPv4Address(0))
    let remote = Endpoint(address: address, port: 179)
    engine.handle(.connected(connection, local: local, remote: remote), at: now)
    settle()
  }

  /// A peer's OPEN.
  static func open(
    _ index: Int, identifier: UInt32? = nil, endOfRIB: Bool = true, _ more: [Capability] = []
  ) -> Message {
    var capabilities: [Capability] = [
      .unicast(.ipv4), .unicast(.ipv6), .fourOctetAS(ASN(65066)), .routeRefresh, .enhancedRouteRefresh,
    ]
    if endOfRIB {
      capabilities.append(.gracefulRestart(.init(restarted: true, notification: false, restartTime: 0, families: [])))
    }
    capabilities += more
    return .open(
      OpenMessage(
        myAS: 65066, holdTime: 90, bgpIdentifier: IPv4Address(identifier ?? 0x7F00_0002 + UInt32(index)),
        capabilities: capabilities))
  }

  mutating func close(_ index: Int) {
    connected.remove(peer(index))
    engine.handle(.connectionClosed(connection(index), nil), at: now)
    settle()
  }

  mutating func announce(_ index: Int, _ prefixes: [String], _ communities: UInt16...) {
    announce(index, PrefixList(prefixes.compactMap { Prefix($0) }), communities)
  }

  mutating func announce(
    _ index: Int, _ prefixes: PrefixList, _ communities: [UInt16], noLongLived: Bool = false
  ) {
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: [ASN(65066)])
    attributes.nextHop = .v4(IPv4Address(0x7F00_0002))
    attributes.communities = communities.map { Community(65066, $0) }.sorted()
    if noLongLived { attributes.communities.append(.noLongLivedGracefulRestart) }
    // As many as fit into a message.
    for start in stride(from: 0, to: max(prefixes.ipv4.count, 1), by: 500) {
      let part = Array(prefixes.ipv4[start..<min(start + 500, prefixes.ipv4.count)])
      let rest = start == 0 ? prefixes.ipv6 : []
      receive(index, .update(UpdateMessage(announced: PrefixList(ipv4: part, ipv6: rest), attributes: attributes)))
    }
  }

  mutating func withdraw(_ index: Int, _ prefixes: String...) {
    receive(index, .update(UpdateMessage(withdrawn: PrefixList(prefixes.compactMap { Prefix($0) }))))
  }

  mutating func endOfRIB(_ index: Int) {
    for family in AddressFamily.allCases { receive(index, .update(UpdateMessage(endOfRIB: family))) }
  }

  // MARK: The host

  /// The host's addresses are these from now on.
  mutating func host(own: [String], gateways: [String] = []) {
    engine.handle(
      .hostAddresses(
        HostAddresses(own: own.compactMap { IPAddress($0) }, gateways: gateways.compactMap { IPAddress($0) })), at: now)
    settle()
  }

  // MARK: The operator

  /// What the operator asks for, and the last reply.
  @discardableResult
  mutating func carryOut(_ request: ControlRequest) -> ControlReply? {
    var answer = engine.carryOut(request, at: now)
    var last: ControlReply?
    while let reply = answer.next() { last = reply }
    settle()
    return last
  }

  // MARK: Questions

  /// The rows of a table.
  mutating func tables(_ name: String) -> [TableReport] {
    replies(.showTables).compactMap { if case .table(let report) = $0, report.name == name { report } else { nil } }
  }

  /// The row of a table for IPv4.
  mutating func table(_ name: String) -> TableReport? { tables(name).first { $0.family == .ipv4 } }

  /// The answer to `why`.
  func why(_ prefix: String) -> WhyReport? {
    Prefix(prefix).map { engine.why($0, kernel: [:], at: now) }
  }

  mutating func replies(_ request: ControlRequest) -> [ControlReply] {
    var answer = engine.answer(request, at: now)
    var replies: [ControlReply] = []
    while let reply = answer.next() { replies.append(reply) }
    return replies
  }
}
