import BGPSession
import BGPWire
import ConfigFile
import Control
import Metrics
import Primitives
import RIB
import Tables

/// A neighbour with everything that belongs to it alone: its session, its routes, what the rules say of them, its statistics.
struct Peer: Sendable {
  let id: PeerID
  private(set) var neighbor: Neighbor
  private(set) var rules: PeerRules
  var session: Session
  /// The connection of the session, or the attempt at one.
  var connection: PeerConnection?
  /// A second connection, which waits for the peer's OPEN; only beside a first one.
  var second: SecondConnection?
  /// Connections and attempts so far.
  var connectionCount = 0
  var rib = AdjRIBIn()
  var memo = AttributeMemo()
  /// What the rules say of an attribute set, by its index in the pool; nil: not asked yet. Unused when rules look at prefixes.
  private var decisions: [RuleSet.Decision?] = []
  /// Routes that fill a table.
  var routesInTables = 0
  /// Routes that guards keep out of the tables that the rules name for them.
  var refusedRoutes = 0
  /// The configuration, or the operator, wants no session.
  var isShutDown: Bool

  /// The session is Established.
  var isUp = false
  /// Families whose End-of-RIB is still to come; empty when the session is down.
  var awaitingEndOfRIB: Set<AddressFamily> = []
  /// The peer has promised End-of-RIB in this session.
  var promisesEndOfRIB = false
  /// The peer has sent a complete table in this session.
  var isSynchronized = false
  /// The peer has sent a complete table since the daemon started.
  var hasEverSynchronized = false
  /// When a table whose End-of-RIB does not come counts as complete; moved on by every UPDATE, up to `quietBound`.
  var quietDeadline: Instant?
  var quietBound: Instant?
  /// Families that the peer is sending anew (RFC 7313), and when that counts as complete without its mark.
  var refreshing: Set<AddressFamily> = []
  var refreshDeadline: Instant?
  /// When the session was lost that first made routes stale which nothing has confirmed since.
  var lostAt: Instant?
  /// When the next stale routes leave; nil while a session is up that may confirm them.
  var staleDeadline: Instant?
  /// What the peer asked for in its last OPEN (RFC 9494, RFC 4724): for how long its routes of a family are kept, and those that are
  /// not to be kept for long.
  var longLivedStaleTimes: [AddressFamily: Interval] = [:]
  var restartTime = Interval.zero
  /// When a peer with more than `max-prefix` prefixes is asked to send them again.
  var restartDeadline: Instant?
  /// When such a peer must have begun to.
  var answerDeadline: Instant?
  /// It did not the last time: then only a new session helps, and that after the restart time alone.
  var ignoresRefresh = false
  /// Stale routes have left since prefixes were over `max-prefix`.
  var hasRoom = false
  /// Kinds of faults, and refusals by table, already logged in this session.
  var loggedFaults: Set<AttributeFault> = []
  var loggedRefusals: Set<LoggedRefusal> = []
  /// Bad UPDATEs already logged whole, and unknown subtypes of ROUTE-REFRESH, in this session.
  var loggedUpdates = 0
  var loggedSubtypes: Set<UInt8> = []

  var statistics = NeighborReport.Statistics()
  var counters = PeerCounters()
  var lastRead: Instant?
  var lastWrite: Instant?
  var lastUpDown: Instant?
  /// The identifier of its last OPEN.
  var lastIdentifier: IPv4Address?
  /// Why the last attempt to connect failed; empty once one has not.
  var lastConnectError = ""
  var lastErrorSent = ""
  var lastErrorReceived = ""
  var lastShutdownReason = ""

  init(id: PeerID, neighbor: Neighbor, rules: PeerRules, session: Session) {
    self.id = id
    self.neighbor = neighbor
    self.rules = rules
    self.session = session
    isShutDown = neighbor.down != nil
  }

  struct PeerConnection: Sendable {
    let id: ConnectionID
    /// The peer has opened it.
    let isIncoming: Bool
    /// When its attempt began, or when it was accepted.
    let since: Instant
    var local: Endpoint?
    var remote: Endpoint?
    /// Messages that were sent and have not left yet, and until when the next of them must have.
    var unsent = 0
    var sendHoldDeadline: Instant?

    /// As the rule of collisions sees it.
    var forCollision: Collision.Connection { Collision.Connection(isIncoming: isIncoming, since: since) }
  }

  struct SecondConnection: Sendable {
    var connection: PeerConnection
    var session: Session
  }

  struct LoggedRefusal: Hashable, Sendable {
    let table: TableID
    let refusal: Refusal
  }

  /// What becomes of a route: the tables that rules name for it, and why a guard keeps it out of them.
  struct Placement: Equatable, Sendable {
    /// What the route fills.
    var tables: TableSet
    /// What it would fill without guards.
    var named: TableSet
    var refusal: Refusal?
  }

  /// `192.0.2.1 (description)`, as bgpd(8) logs it.
  var logName: String {
    neighbor.description.isEmpty
      ? "neighbor \(neighbor.address)" : "neighbor \(neighbor.address) (\(neighbor.description))"
  }

  /// Takes an UPDATE of an Established session.
  ///
  /// - Parameter update: becomes what is to be delivered.
  /// - Returns: false for any other, which is the session's to judge.
  mutating func accept(_ update: inout UpdateMessage, over id: ConnectionID, at now: Instant) -> Bool {
    guard connection?.id == id, session.accept(&update, at: now) else { return false }
    statistics.received.update += 1
    return true
  }

  /// Goes over to another configuration; what it says of the session is for the next one.
  mutating func adopt(_ neighbor: Neighbor, _ rules: PeerRules) {
    self.neighbor = neighbor
    self.rules = rules
    decisions = []
  }

  /// What the rules say of a route.
  mutating func decide(_ prefix: Prefix, _ identifier: AttributesID) -> RuleSet.Decision {
    guard !rules.dependsOnPrefix else { return rules.decide(prefix, rib.pool[identifier]) }
    let index = Int(identifier.index)
    if index < decisions.count, let known = decisions[index] { return known }
    if index >= decisions.count {
      decisions.append(contentsOf: repeatElement(nil, count: max(rib.pool.capacity, index + 1) - decisions.count))
    }
    let decision = rules.decide(prefix, rib.pool[identifier])
    decisions[index] = decision
    return decision
  }

  /// What rules and guards say of a route.
  mutating func place(_ prefix: Prefix, _ identifier: AttributesID, _ policies: [TablePolicy]) -> Placement {
    let decision = decide(prefix, identifier)
    var placement = Placement(tables: decision.tables, named: decision.tables)
    for table in decision.tables {
      placement.refusal = policies[Int(table.index)].refusal(
        of: prefix, namesLengths: decision.namesLengths, allowsReserved: neighbor.allowsMartians)
    }
    if placement.refusal != nil { placement.tables = .empty }
    return placement
  }

  /// Forgets attribute sets without routes.
  mutating func collect() {
    for identifier in rib.collect() where Int(identifier.index) < decisions.count {
      decisions[Int(identifier.index)] = nil
    }
    if rib.pool.capacity == 0 { decisions = [] }
  }

  /// The earliest thing to do.
  var nextDeadline: Instant? {
    let deadlines = [
      session.nextDeadline, connection?.sendHoldDeadline, second?.session.nextDeadline, quietDeadline, refreshDeadline,
      staleDeadline,
      restartDeadline, answerDeadline,
    ]
    return deadlines.compactMap { $0 }.min()
  }
}
