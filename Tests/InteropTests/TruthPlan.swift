import Primitives

/// One step of a sequence.
struct TruthStep: CustomStringConvertible {
  enum Kind: String, CaseIterable {
    case begin, announce, `repeat`, change, nest, withdraw, flap, stop, die, comeBack
    case restart, kill, flushRuleset, reload, deleteTable, declareInterval, deleteSet, flushSet, foreignAdd
    case foreignDelete, failSend, failReceive, endFailures, pause, check
  }

  enum Action {
    /// A line for a server.
    case say(Int, String)
    /// A server takes its leave, or is killed, and is started with what it is to announce.
    case stop(Int)
    case die(Int)
    case start(Int, Feed)
    /// SIGTERM or, some milliseconds later, SIGKILL, and a new start.
    case restart
    case kill(afterMilliseconds: Int)
    /// Commands of another program, which may be refused.
    case nft(String)
    /// strace(1) makes system calls fail.
    case fail(String)
    case endFailures
    case pause(milliseconds: Int)
    case check([String: Set<String>])
  }

  let kind: Kind
  let actions: [Action]

  var description: String {
    let words = actions.map { action in
      switch action {
      case .say(let server, let line): "\(server): \(line)"
      case .stop(let server): "\(server) stops"
      case .die(let server): "\(server) is killed"
      case .start(let server, let feed):
        "\(server) starts with \(feed.list.split(separator: "\n").joined(separator: ", "))"
      case .restart: "SIGTERM"
      case .kill(let milliseconds): "SIGKILL after \(milliseconds) ms"
      case .nft(let commands): "nft \(commands)"
      case .fail(let expression): expression
      case .endFailures: "no more failures"
      case .pause(let milliseconds): "\(milliseconds) ms"
      case .check(let sets): "\(sets.reduce(0) { $0 + $1.value.count }) elements"
      }
    }
    return "\(kind.rawValue): \(words.joined(separator: "; "))"
  }
}

/// A sequence of steps and what the sets must hold at each check, all of it from a seed and before anything happens.
///
/// The model is what each server said last. A server that has gone keeps its routes until it is back. Where it is not
/// certain that its last words arrived, or where the daemon starts while it is away and so keeps everything, there is
/// no check until all are back.
struct TruthPlan {
  /// The servers that there are, of which a sequence uses two or more.
  static let servers = 4

  let seed: Int
  private(set) var steps: [TruthStep] = []
  private var random: RandomSource
  private let count: Int
  private var feeds = Array(repeating: Feed(), count: TruthPlan.servers)
  private var isUp = Array(repeating: true, count: TruthPlan.servers)
  private var intervals: Set<String> = []
  private var isUncertain = false
  private var isFailing = false
  private var checks = 0

  init(seed: Int) {
    self.seed = seed
    random = RandomSource(seed: UInt64(seed))
    count = Int.random(in: 2...Self.servers, using: &random)
    add(.begin, (0..<Self.servers).map { .say($0, "withdraw all") })
    // Most of the servers have something to begin with.
    for _ in 0..<Int.random(in: 2...8, using: &random) { announce(server()) }
    for _ in 0..<Int.random(in: 6...18, using: &random) { step() }
    if isFailing { endFailures() }
    bringBack()
    check()
    if !intervals.isEmpty {
      // The next sequence begins with sets as they are without an operator.
      intervals = []
      add(.deleteTable, [.nft("delete table \(Kernel.table)")])
      check()
    }
  }

  private mutating func add(_ kind: TruthStep.Kind, _ actions: [TruthStep.Action]) {
    steps.append(TruthStep(kind: kind, actions: actions))
  }

  // MARK: Drawing

  private mutating func step() {
    let weights: [(Int, TruthStep.Kind)] = [
      (25, .announce), (4, .repeat), (14, .change), (10, .nest), (20, .withdraw), (3, .flap), (2, .stop), (2, .die),
      (6, .comeBack), (2, .restart), (3, .kill), (1, .flushRuleset), (1, .reload), (1, .deleteTable),
      (1, .declareInterval), (2, .deleteSet), (2, .flushSet), (4, .foreignAdd), (4, .foreignDelete), (2, .failSend),
      (2, .failReceive), (4, .endFailures), (4, .pause), (3, .check),
    ]
    var drawn = Int.random(in: 0..<weights.reduce(0) { $0 + $1.0 }, using: &random)
    for (weight, kind) in weights {
      drawn -= weight
      if drawn < 0 { return take(kind) }
    }
  }

  private mutating func take(_ kind: TruthStep.Kind) {
    let server = server()
    switch kind {
    case .announce, .begin: announce(server)
    case .repeat, .change, .nest, .withdraw: alter(server, kind)
    case .flap, .stop, .die: lose(server, kind)
    case .comeBack:
      if let down = isUp.firstIndex(of: false) { comeBack(down) }
    case .restart:
      add(kind, [.restart])
      isUncertain = isUncertain || isUp.contains(false)
    case .kill:
      add(kind, [.kill(afterMilliseconds: Int.random(in: 0...150, using: &random))])
      isUncertain = isUncertain || isUp.contains(false)
    case .flushRuleset, .reload, .deleteTable, .declareInterval: replaceTable(kind)
    case .deleteSet, .flushSet, .foreignAdd, .foreignDelete: disturb(kind)
    case .failSend, .failReceive: fail(kind)
    case .endFailures:
      if isFailing { endFailures() }
    case .pause: add(kind, [.pause(milliseconds: Int.random(in: 1...200, using: &random))])
    case .check:
      if !isFailing, !isUncertain { check() }
    }
  }

  private mutating func server() -> Int { Int.random(in: 0..<count, using: &random) }

  /// Addresses that are few enough to meet, and networks around them.
  private mutating func prefix() -> AddressBlock {
    let address =
      0x2D00_0000 + UInt32.random(in: 0...1, using: &random) << 8 + UInt32.random(in: 0..<40, using: &random)
    let address6 =
      UInt128(0x2A00_1000) << 96 | UInt128.random(in: 1...2, using: &random) << 80
      | UInt128.random(in: 0...2, using: &random) << 64 | UInt128.random(in: 0..<24, using: &random)
    return switch Int.random(in: 0..<20, using: &random) {
    case 0..<7: AddressBlock(address, length: 32)
    case 7..<13: AddressBlock(address, length: Int.random(in: 24...31, using: &random))
    case 13: AddressBlock(address, length: Int.random(in: 16...23, using: &random))
    case 14..<17: AddressBlock(isIPv6: true, address6, length: 128)
    case 17: AddressBlock(isIPv6: true, address6, length: Int.random(in: 48...111, using: &random))
    default: AddressBlock(isIPv6: true, address6, length: Int.random(in: 112...127, using: &random))
    }
  }

  private mutating func listing(for prefix: AddressBlock) -> Feed.Listing {
    let all: [Feed.Listing] = [.black, .black, .black, .black, .bypass, .bypass, .bypass, .both, .both, .neither]
    let listing = all[Int.random(in: 0..<all.count, using: &random)]
    return !prefix.isIPv6 && prefix.length < 24 && listing == .bypass ? .black : listing
  }

  // MARK: Routes

  private mutating func announce(_ server: Int) {
    guard isUp[server], feeds[server].routes.count < 20 else { return }
    let actions = (0..<Int.random(in: 1...3, using: &random)).map { _ in
      let prefix = prefix()
      return announce(server, prefix, listing(for: prefix))
    }
    add(.announce, actions)
  }

  private mutating func announce(_ server: Int, _ prefix: AddressBlock, _ listing: Feed.Listing) -> TruthStep.Action {
    feeds[server].add([prefix.text], listing)
    return .say(server, "announce \(prefix.text) \(listing.communities.joined(separator: " "))")
  }

  private mutating func alter(_ server: Int, _ kind: TruthStep.Kind) {
    guard isUp[server], let text = feeds[server].routes.keys.sorted().randomElement(using: &random),
      let prefix = AddressBlock(text), let listing = feeds[server].routes[text]
    else { return }
    switch kind {
    case .repeat: add(kind, [announce(server, prefix, listing)])
    case .change: add(kind, [announce(server, prefix, self.listing(for: prefix))])
    case .nest:
      let lengths = prefix.isIPv6 ? 48...128 : 24...32
      let length = min(
        max(prefix.length + Int.random(in: -6...3, using: &random), lengths.lowerBound), lengths.upperBound)
      let other = AddressBlock(isIPv6: prefix.isIPv6, prefix.first, length: length)
      add(kind, [announce(server, other, self.listing(for: other))])
    default:
      feeds[server].remove(text)
      add(kind, [.say(server, "withdraw \(text)")])
    }
  }

  // MARK: Servers

  private mutating func lose(_ server: Int, _ kind: TruthStep.Kind) {
    guard isUp[server] else { return }
    if kind == .flap { return add(kind, [.say(server, "flap")]) }
    // Its last words may be lost, unless they are known to have arrived.
    if !isFailing, !isUncertain, Bool.random(using: &random) {
      check()
    } else {
      isUncertain = true
    }
    switch kind {
    case .stop: add(kind, [.stop(server)])
    default: add(kind, [.die(server)])
    }
    isUp[server] = false
  }

  /// With some of what it had, some of it listed otherwise, and something new.
  private mutating func comeBack(_ server: Int) {
    var feed = Feed()
    for (text, listing) in feeds[server].routes.sorted(by: { $0.key < $1.key }) {
      guard let prefix = AddressBlock(text) else { continue }
      switch Int.random(in: 0..<4, using: &random) {
      case 0: continue
      case 1: feed.add([text], self.listing(for: prefix))
      default: feed.add([text], listing)
      }
    }
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let prefix = prefix()
      feed.add([prefix.text], listing(for: prefix))
    }
    feeds[server] = feed
    isUp[server] = true
    add(.comeBack, [.start(server, feed)])
  }

  private mutating func bringBack() {
    while let down = isUp.firstIndex(of: false) { comeBack(down) }
    isUncertain = false
  }

  // MARK: Other programs

  private mutating func replaceTable(_ kind: TruthStep.Kind) {
    intervals = []
    switch kind {
    case .flushRuleset: add(kind, [.nft("flush ruleset")])
    case .reload: add(kind, [.nft("flush ruleset; \(Self.ruleset)")])
    case .deleteTable: add(kind, [.nft("delete table \(Kernel.table)")])
    default:
      // By a transaction that leaves the table with this set alone.
      let table = Feed.tables[Int.random(in: 0...1, using: &random)]
      let isIPv6 = Bool.random(using: &random)
      let name = table + (isIPv6 ? "6" : "")
      intervals = [name]
      let declaration = "set \(Kernel.table) \(name) { type \(isIPv6 ? "ipv6_addr" : "ipv4_addr"); flags interval; }"
      add(
        kind,
        [.nft("add table \(Kernel.table); delete table \(Kernel.table); add table \(Kernel.table); add \(declaration)")]
      )
    }
  }

  /// An operator's file, with a rule that keeps one set from being deleted.
  private static let ruleset = """
    table \(Kernel.table) {
      set bgp_spamd { type ipv4_addr; }
      set bgp_spamd_net { type ipv4_addr; flags interval; }
      chain input { type filter hook input priority filter; ip saddr @bgp_spamd counter; }
    }
    """

  private mutating func disturb(_ kind: TruthStep.Kind) {
    let sets = Feed.sets(feeds, intervals: intervals)
    guard let name = sets.keys.sorted().randomElement(using: &random) else { return }
    let command: String
    switch kind {
    case .deleteSet:
      intervals.remove(name)
      command = "delete set \(Kernel.table) \(name)"
    case .flushSet: command = "flush set \(Kernel.table) \(name)"
    case .foreignAdd:
      let isIPv6 = name.contains("6")
      var block = prefix()
      while block.isIPv6 != isIPv6 { block = prefix() }
      var element = Feed.element(block.text)
      if !intervals.contains(name), !name.hasSuffix("_net") {
        element = Feed.element(AddressBlock(isIPv6: isIPv6, block.first, length: isIPv6 ? 128 : 32).text)
      } else if !isIPv6, Int.random(in: 0..<3, using: &random) == 0 {
        element = "45.0.\(Int.random(in: 0...1, using: &random)).3-45.0.2.\(Int.random(in: 1...9, using: &random))"
      }
      command = "add element \(Kernel.table) \(name) { \(element) }"
    default:
      guard let element = sets[name]?.sorted().randomElement(using: &random) else { return }
      command = "delete element \(Kernel.table) \(name) { \(element) }"
    }
    // At once, or when what was said last has probably arrived.
    let pause = Int.random(in: 0...2, using: &random) * 20
    add(kind, [.pause(milliseconds: pause), .nft(command)])
  }

  // MARK: Failures and checks

  /// What is sent to the kernel does not arrive, or it arrives and the answer is lost.
  private mutating func fail(_ kind: TruthStep.Kind) {
    guard !isFailing else { return }
    isFailing = true
    let call = kind == .failSend ? "sendto" : "recvmsg"
    let first = Int.random(in: 1...4, using: &random)
    let times = Bool.random(using: &random) ? "" : "+\(Int.random(in: 2...9, using: &random))"
    add(kind, [.fail("\(call):error=ENOBUFS:when=\(first)\(times)")])
  }

  private mutating func endFailures() {
    isFailing = false
    // Something to fail with, and time for it.
    announce(0)
    let pause = Int.random(in: 20...600, using: &random)
    add(.endFailures, [.pause(milliseconds: pause), .endFailures])
  }

  private mutating func check() {
    if isUncertain { bringBack() }
    checks += 1
    var actions: [TruthStep.Action] = []
    for server in isUp.indices where isUp[server] {
      // What arrives last tells that all before it has arrived.
      let marker = 0x2D01_0000 + UInt32(server) << 16 + UInt32(seed % 256) << 8 + UInt32(checks)
      actions.append(announce(server, AddressBlock(marker, length: 32), .black))
    }
    actions.append(.check(Feed.sets(feeds, intervals: intervals)))
    add(.check, actions)
  }
}
