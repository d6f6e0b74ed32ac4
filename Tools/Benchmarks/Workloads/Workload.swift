import BGPSession
import BGPWire
import ConfigFile
import Control
import Engine
import Export
import Netfilter
import Primitives
import RIB
import Tables

/// What a room does with the feed, by itself: where the time goes that Tools/bench measures from outside.
package struct Workload: Sendable {
  package let name: String
  /// Makes what is worked on, and gives the work, which returns a number that depends on all that it does.
  package let prepare: @Sendable () -> @Sendable () throws -> Int

  package static let all: [Workload] = [
    workload("BGPWire: decode 200,000 routes", Material.octets) { try Material.decode($0) },
    workload("BGPWire: decode 20,000 routes, one an UPDATE", Material.smallOctets) { try Material.decode($0) },

    workload("BGPSession: 250 UPDATEs of 800 routes", (Material.session, Material.updates)) { start, updates in
      deliver(updates, to: start)
    },
    workload("BGPSession: 20,000 UPDATEs of a route", (Material.session, Material.smallUpdates)) { start, updates in
      deliver(updates, to: start)
    },

    workload("RIB: announce 200,000 routes", Material.updates) { announce($0).rib.count },
    workload("RIB: announce 20,000 routes, one an UPDATE", Material.smallUpdates) { announce($0).rib.count },
    workload("RIB: withdraw 200,000 routes", (announce(Material.updates).rib, Material.hosts)) { full, hosts in
      var rib = full
      var changes: [RouteChange] = []
      rib.withdraw(PrefixList(ipv4: hosts), into: &changes)
      return changes.count
    },

    workload("Tables: rules for 200,000 routes", (Material.rules, Material.updates)) { rules, updates in
      updates.reduce(0) { sum, update in
        update.announced.ipv4.reduce(sum) { $0 + (rules.decide(.v4($1), update.attributes).tables.isEmpty ? 0 : 1) }
      }
    },
    workload("Tables: 200,000 hosts become members", Material.hosts) { changes(of: $0) },
    workload("Tables: cover of 220,000 prefixes", (Material.hosts + Material.networks).sorted()) { $0.cover().count },
    workload("Tables: projection of 220,000 prefixes to hash and interval set", Material.hosts + Material.networks) {
      project($0, .hostsAndIntervals)
    },
    workload("Tables: projection of 220,000 prefixes to an interval set", Material.hosts + Material.networks) {
      project($0, .intervals)
    },

    workload("Netfilter: transaction of 200,000 hosts", Material.hosts) { try transaction($0, isInterval: false) },
    workload("Netfilter: transaction of 200,000 intervals", Material.hosts) { try transaction($0, isInterval: true) },

    workload("Engine: 200,000 routes from octets to a commit", (Material.engine, Material.octets)) { start, octets in
      commit(octets, start)
    },
    workload("Engine: 20,000 routes, one an UPDATE", (Material.engine, Material.smallOctets)) { start, octets in
      commit(octets, start)
    },

    workload("Export: 200,000 hosts for spamd-setup", PrefixList(ipv4: Material.hosts)) {
      ExportFormat.spamd.render($0, of: Material.table, value: nil, header: Material.header).count
    },
    workload("ConfigFile: parse 200 neighbors and 401 rules", Material.configuration) { text in
      ConfigParser.parse(file: "nftbgpd.conf") { _ throws(SystemError) in text }.configuration?.rules.count ?? 0
    },
    workload("Control: encode 200,000 routes", Material.routes) { $0.encode().count },
    workload("Control: decode 200,000 routes", Material.routes.encode()) { octets in
      var offset = 0
      while let (_, end) = try ControlReply.decode(in: octets.span, at: offset) { offset = end }
      return offset
    },
  ]
}

private func workload<Value: Sendable>(
  _ name: String, _ material: @autoclosure @escaping @Sendable () -> Value,
  _ work: @escaping @Sendable (Value) throws -> Int
) -> Workload {
  Workload(name: name) {
    let value = material()
    return { try work(value) }
  }
}

private func deliver(_ updates: [UpdateMessage], to start: Session) -> Int {
  var session = start
  var actions: [Session.Action] = []
  for update in updates { session.handle(.received(.update(update)), at: .zero, into: &actions) }
  return actions.count
}

private func announce(_ updates: [UpdateMessage]) -> (rib: AdjRIBIn, changes: [RouteChange]) {
  var rib = AdjRIBIn()
  var changes: [RouteChange] = []
  for update in updates {
    rib.apply(update, at: .zero, into: &changes)
    _ = rib.collect()
  }
  return (rib, changes)
}

private func changes(of hosts: [IPv4Prefix]) -> Int {
  var membership = Membership(tableCount: 1)
  let table = TableSet(TableID(index: 0))
  for host in hosts { membership.move(.v4(host), from: .empty, to: table) }
  return membership.takeChanges().values.reduce(0) { $0 + $1.added.count }
}

private func project(_ prefixes: [IPv4Prefix], _ layout: SetLayout) -> Int {
  var projection = TableProjection<IPv4Prefix>(layout)
  let changes = projection.apply(added: prefixes, removed: [])
  return changes.addedHosts.count + changes.addedIntervals.count
}

private func transaction(_ hosts: [IPv4Prefix], isInterval: Bool) throws -> Int {
  var transaction = Transaction(table: NFTable(name: "bench"))
  try transaction.add(hosts, to: SetDeclaration(name: "black", family: .ipv4, isInterval: isInterval))
  let batch = transaction.finish()
  return batch.octetCount
}

/// What a peer has sent goes in, and what the kernel is to hold comes out.
private func commit(_ octets: [UInt8], _ start: (engine: Engine, connection: ConnectionID)) -> Int {
  var engine = start.engine
  _ = engine.received(start.connection, octets.span, at: .zero)
  return engine.takeEffects(at: .zero).reduce(0) { sum, effect in
    guard case .commit(_, let changes) = effect else { return sum }
    return changes.reduce(sum) { $0 + $1.added.count }
  }
}
