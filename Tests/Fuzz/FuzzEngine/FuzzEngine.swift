import BGPSession
import BGPWire
import ConfigFile
import Control
import Engine
import Primitives
import Tables
import TestSupport

/// A whole daemon minus system calls, under a sequence of messages, losses, failures, commands and restarts that the octets spell:
/// nothing traps, the kernel is never asked for what it would refuse, and in the end the sets hold what the members say.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let octets = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
  var run = Run(script: octets[...])
  run.play()
  return 0
}

private struct Run {
  private var script: ArraySlice<UInt8>
  private var configuration: Configuration
  private var engine: Engine
  private var kernel = KernelModel()
  private var now = Instant.zero
  private var connecting: Set<ConnectionID> = []
  private var connected: [ConnectionID] = []
  private var commitFails = false
  private var isHolding = false
  /// What is sent does not leave.
  private var takesNothing = false
  private var held: [(serial: UInt64, changes: [SetChange])] = []
  private var snapshot: [String: PrefixList] = [:]
  private static let context = DecodeContext(fourOctetAS: true, isInternal: false)

  init(script: ArraySlice<UInt8>) {
    var script = script
    configuration = Self.configuration(script.popFirst() ?? 0)
    self.script = script
    if script.first.map({ $0 & 1 == 1 }) ?? false { kernel.intervalTables = ["black"] }
    engine = Engine(configuration, routerID: IPv4Address(1), random: RandomSource(seed: 1))
    engine.handle(.start, at: now)
    settle()
  }

  private static func configuration(_ choice: UInt8) -> Configuration {
    var configuration = Configuration(localAS: ASN(65500), twoOctetAS: 65500)
    for index in 0..<(1 + choice % 3) {
      var neighbor = Neighbor(address: .v4(IPv4Address(0x2D00_0002 + UInt32(index))), remoteAS: ASN(65066))
      neighbor.allowsMartians = choice & 4 != 0
      neighbor.maxPrefix = choice & 8 != 0 ? 5 : nil
      neighbor.staleTime = 600
      configuration.neighbors.append(neighbor)
    }
    configuration.defaultAction = .allow
    configuration.rules = [(choice & 64 != 0 ? "pass" : "bypass", 42), ("black", 666)].map { name, value in
      FilterRule(
        action: .match, conditions: [.community(CommunityPattern(.any, .number(value)))], sets: [.pftable(name)])
    }
    if choice & 128 != 0 { configuration.rules.swapAt(0, 1) }
    var options = TableOptions(name: "black")
    options.ipv4Lengths = LengthRange(choice & 16 != 0 ? 0...32 : 8...32)
    options.ipv6Lengths = LengthRange(0...128)
    options.staleTime = choice & 32 != 0 ? 60 : nil
    configuration.tables = [options]
    configuration.never = [Prefix("45.0.0.8/30")].compactMap { $0 }
    return configuration
  }

  mutating func play() {
    while let command = script.popFirst() {
      let peer = Int(script.popFirst() ?? 0) % configuration.neighbors.count
      switch command & 15 {
      case 0...5: receive(peer, framed(2, take()))
      case 6: receive(peer, announcement())
      case 7: receive(peer, take())
      case 8: connect(peer)
      case 9:
        guard let connection = connection(of: peer) else { break }
        connected.removeAll { $0 == connection }
        engine.handle(.connectionClosed(connection, nil), at: now)
      case 10: advance(.seconds(Int(script.popFirst() ?? 0) * 4))
      case 11:
        isHolding.toggle()
        if !isHolding { release() }
      case 12: if peer == 0 { commitFails.toggle() } else { takesNothing.toggle() }
      case 13: operate(peer)
      case 14: interfere()
      default: restart()
      }
      settle()
    }
    finish()
  }

  /// Some octets of the script.
  private mutating func take() -> [UInt8] {
    let count = Int(script.popFirst() ?? 0)
    defer { script = script.dropFirst(count) }
    return Array(script.prefix(count))
  }

  private func framed(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    let length = body.count + 19
    return [UInt8](repeating: 0xFF, count: 16) + [UInt8(length >> 8), UInt8(length & 255), type] + body
  }

  /// A well-formed UPDATE, so that the tables have something to do: a small universe in which much nests.
  private mutating func announcement() -> [UInt8] {
    var update = UpdateMessage()
    let head = script.popFirst() ?? 0
    for octet in take() {
      let address = IPv4Address(0x2D00_0000 | UInt32(octet & 15))
      guard let prefix = IPv4Prefix(address, length: [32, 31, 30, 28, 24, 8, 0, 32][Int(octet >> 5)]) else { continue }
      if head & 128 != 0 { update.withdrawn.ipv4.append(prefix) } else { update.announced.ipv4.append(prefix) }
    }
    update.attributes.asPath = ASPath(sequence: [ASN(65066)])
    update.attributes.nextHop = .v4(IPv4Address(1))
    update.attributes.communities = [[666], [42], [42, 666], []][Int(head & 3)].map { Community(65066, $0) }
    if head & 64 != 0 { update = UpdateMessage(endOfRIB: head & 32 != 0 ? .ipv4 : .ipv6) }
    return Message.update(update).encode(Self.context)
  }

  private func isPeer(_ peer: Int, of connection: ConnectionID) -> Bool {
    engine.neighbor(of: connection)?.address == configuration.neighbors[peer].address
  }

  /// One of the connections of a peer, which is the index of a neighbour: the latest, or the one before.
  private mutating func connection(of peer: Int) -> ConnectionID? {
    let own = connected.filter { isPeer(peer, of: $0) }
    return own.count > 1 && (script.first ?? 0) & 32 != 0 ? own.first : own.last
  }

  private mutating func receive(_ peer: Int, _ octets: [UInt8]) {
    guard let connection = connection(of: peer) else { return }
    receive(connection, octets)
  }

  private mutating func receive(_ connection: ConnectionID, _ octets: [UInt8]) {
    let used = engine.received(connection, octets.span, at: now)
    guard used <= octets.count else { fatalError("more octets used than there were") }
  }

  /// An attempt of ours succeeds, or the peer connects to us; whether it says everything that brings the session up, the script says.
  private mutating func connect(_ peer: Int) {
    let choice = script.popFirst() ?? 0
    let connection: ConnectionID
    if choice & 1 == 0, let attempt = connecting.first(where: { isPeer(peer, of: $0) }) {
      connecting.remove(attempt)
      connection = attempt
    } else {
      let address = configuration.neighbors[peer].address
      guard let accepted = engine.accept(from: address, at: now) else { return }
      connection = accepted
    }
    connected.append(connection)
    let endpoint = Endpoint(address: .v4(IPv4Address(1)), port: 179)
    engine.handle(.connected(connection, local: endpoint, remote: endpoint), at: now)
    settle()
    let open = OpenMessage(
      myAS: 65066, holdTime: 90, bgpIdentifier: IPv4Address(2 + UInt32(peer)),
      capabilities: [
        .unicast(.ipv4), .unicast(.ipv6), .routeRefresh, .enhancedRouteRefresh, .fourOctetAS(ASN(65066)),
        .gracefulRestart(.init(restarted: false, notification: false, restartTime: 0, families: [])),
      ])
    guard choice & 2 == 0 else { return }
    receive(connection, Message.open(open).encode(Self.context))
    settle()
    guard choice & 4 == 0 else { return }
    receive(connection, Message.keepalive.encode(Self.context))
  }

  private mutating func advance(_ interval: Interval) {
    let end = now + interval
    // A deadline that does not move would be a busy loop.
    var turns = 0
    while let deadline = engine.nextDeadline, deadline <= end {
      now = max(now, deadline)
      engine.advance(to: now)
      settle()
      turns += 1
      guard turns < 100_000 else { fatalError("a deadline is never met") }
    }
    now = end
  }

  private mutating func operate(_ peer: Int) {
    let selector = NeighborSelector.address(configuration.neighbors[peer].address)
    let requests: [ControlRequest] = [
      .neighbor(selector, .up), .neighbor(selector, .down(flush: true, "")),
      .neighbor(selector, .down(flush: false, "x")), .neighbor(selector, .clear("")), .neighbor(selector, .refresh),
      .accept(table: "black"), .showConflicts, .showRefused,
      .why(Prefix(host: .v4(IPv4Address(0x2D00_0001)))), .showRIB(RIBQuery()), .showTables, .showSummary,
    ]
    let choice = Int(script.popFirst() ?? 0)
    guard choice & 128 == 0 else { return reload() }
    var answer = engine.carryOut(requests[choice % requests.count], at: now)
    while answer.next() != nil {}
  }

  private mutating func reload() {
    configuration = Self.configuration(script.popFirst() ?? 0)
    engine.reload(configuration, at: now)
  }

  /// Another program takes something out of the sets and puts something in.
  private mutating func interfere() {
    guard !isHolding else { return }
    for name in kernel.sets.keys.sorted() where kernel.sets[name]?.isEmpty == false {
      kernel.sets[name] = Set(kernel.sets[name, default: []].sorted().dropFirst())
    }
    engine.handle(.setsChecked("somebody was here"), at: now)
  }

  private mutating func restart() {
    guard !isHolding else { return }
    snapshot = engine.snapshot
    connecting = []
    connected = []
    engine = Engine(configuration, routerID: IPv4Address(1), random: RandomSource(seed: 2))
    engine.handle(.snapshotLoaded(snapshot, age: .zero), at: now)
    engine.handle(.start, at: now)
  }

  private mutating func settle() {
    var effects = engine.takeEffects(at: now)
    var turns = 0
    while !effects.isEmpty {
      for effect in effects { perform(effect) }
      effects = engine.takeEffects(at: now)
      turns += 1
      guard turns < 1000 else { fatalError("effects without end") }
    }
    guard kernel.violations.isEmpty else { fatalError("\(kernel.violations)") }
  }

  private mutating func perform(_ effect: Effect) {
    switch effect {
    case .connect(let connection): connecting.insert(connection)
    case .disconnect(let connection):
      connecting.remove(connection)
      connected.removeAll { $0 == connection }
    case .readSets:
      kernel.abandon(allBut: configuration.tableNames)
      engine.handle(.setsRead(kernel.contents(configuration.tableNames)), at: now)
    case .checkSets: engine.handle(.setsChecked(nil), at: now)
    case .saveSnapshot(let tables, _):
      snapshot = tables
      engine.handle(.snapshotSaved(nil), at: now)
    case .commit(let serial, let changes):
      if isHolding { held.append((serial, changes)) } else { commit(serial, changes) }
    case .export(let file, let prefixes):
      let outcome = ExportOutcome(entries: prefixes.count, changed: true)
      engine.handle(.exported(file, .success(outcome)), at: now)
    case .run(let hook): engine.handle(.hookEnded(hook, HookOutcome(.exited(0))), at: now)
    case .send(let connection, _): if !takesNothing { engine.handle(.sent(connection), at: now) }
    case .log, .setVerbosity, .checkHost: break
    }
  }

  private mutating func commit(_ serial: UInt64, _ changes: [SetChange]) {
    if commitFails {
      engine.handle(.commitFailed(serial: serial, "injected"), at: now)
    } else {
      engine.handle(.committed(serial: serial, refusing: kernel.apply(changes), .zero), at: now)
    }
  }

  private mutating func release() {
    guard held.count <= 1 else { fatalError("two commits under way") }
    for (serial, changes) in held { commit(serial, changes) }
    held = []
  }

  /// Once nothing is under way and nothing fails, the sets hold exactly what the members say, less what is protected.
  private mutating func finish() {
    isHolding = false
    commitFails = false
    release()
    settle()
    advance(.seconds(100))
    let protected = configuration.never + configuration.neighbors.map { Prefix(host: $0.address) }
    for (name, members) in engine.snapshot {
      let elements = kernel.table(name).compactMap { Prefix($0) }
      for point in (members.ipv4 + protected.compactMap(\.ipv4)).flatMap(Self.edges) {
        let isProtected = name == "black" && protected.contains { $0.contains(point) }
        let isWanted = !isProtected && members.all.contains { $0.contains(point) }
        // What lies in reserved space is carved out, too, unless a neighbour may announce it.
        guard ReservedAddresses.block(containing: point) == nil else { continue }
        guard elements.contains(where: { $0.contains(point) }) == isWanted else {
          fatalError("\(point) in table \(name): \(isWanted ? "missing" : "too much")")
        }
      }
    }
  }

  private static func edges(_ prefix: IPv4Prefix) -> [Prefix] {
    let first = prefix.address.value
    let last = prefix.lastAddress.value
    return [first, last, first &- 1, last &+ 1].map { Prefix(host: .v4(IPv4Address($0))) }
  }
}

extension Prefix {
  fileprivate var ipv4: IPv4Prefix? {
    if case .v4(let prefix) = self { prefix } else { nil }
  }
}
