import BGPWire
import Primitives
import RIB
import Testing

@Suite("Adj-RIB-In")
struct AdjRIBInTests {
  private static func attributes(_ communities: UInt32...) -> PathAttributes {
    var attributes = PathAttributes()
    attributes.communities = communities.map(Community.init)
    return attributes
  }

  private static func prefixes(_ texts: String...) -> PrefixList {
    PrefixList(texts.compactMap { Prefix($0) })
  }

  @Test("Equal attribute sets are one, and a set without routes is forgotten only when it is collected")
  func interning() throws {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    rib.apply(
      UpdateMessage(announced: Self.prefixes("192.0.2.1", "192.0.2.2"), attributes: Self.attributes(1)), at: .zero,
      into: &changes)
    rib.apply(
      UpdateMessage(announced: Self.prefixes("2001:db8::1"), attributes: Self.attributes(1)), at: .zero, into: &changes)
    #expect(rib.pool.count == 1)
    #expect(rib.count == 3)
    rib.apply(
      UpdateMessage(withdrawn: Self.prefixes("192.0.2.1", "192.0.2.2", "2001:db8::1")), at: .zero, into: &changes)
    guard case .withdrawn(_, let attributes) = changes.last else { return #expect(Bool(false)) }
    #expect(rib.pool[attributes] == Self.attributes(1))
    let collected = rib.collect()
    #expect(collected == [attributes])
    #expect(rib.pool.count == 0)
  }

  @Test("An announcement names what it replaces; repeating it names itself")
  func replacement() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    for community in [1, 2, 2] as [UInt32] {
      rib.apply(
        UpdateMessage(announced: Self.prefixes("192.0.2.1"), attributes: Self.attributes(community)), at: .zero,
        into: &changes)
    }
    let described = changes.map { change -> String in
      guard case .announced(_, let new, let old) = change else { return "?" }
      return
        "\(rib.pool[new].communities.first?.value ?? 0) for \(old.map { "\(rib.pool[$0].communities.first?.value ?? 0)" } ?? "nothing")"
    }
    #expect(described == ["1 for nothing", "2 for 1", "2 for 2"])
    let collected = rib.collect()
    #expect(collected.count == 1)
  }

  @Test("A handle that is taken up again before it is collected keeps its attributes")
  func revival() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    rib.apply(
      UpdateMessage(announced: Self.prefixes("192.0.2.1"), attributes: Self.attributes(1)), at: .zero, into: &changes)
    rib.apply(UpdateMessage(withdrawn: Self.prefixes("192.0.2.1")), at: .zero, into: &changes)
    rib.apply(
      UpdateMessage(announced: Self.prefixes("192.0.2.2"), attributes: Self.attributes(1)), at: .zero, into: &changes)
    let collected = rib.collect()
    #expect(collected.isEmpty)
    #expect(rib.pool.count == 1)
  }

  @Test("A prefix that is withdrawn and announced in one UPDATE is announced (RFC 4271 §4.3)")
  func withdrawnAndAnnounced() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    let list = Self.prefixes("192.0.2.1")
    rib.apply(
      UpdateMessage(withdrawn: list, announced: list, attributes: Self.attributes(1)), at: .zero, into: &changes)
    #expect(rib.count == 1)
  }

  @Test("Treat-as-withdraw withdraws what the UPDATE announces (RFC 7606 §2)")
  func treatAsWithdraw() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    var update = UpdateMessage(announced: Self.prefixes("192.0.2.1", "192.0.2.2"), attributes: Self.attributes(1))
    rib.apply(update, at: .zero, into: &changes)
    update.faults = [AttributeFault(attribute: 1, reason: .value, verdict: .treatAsWithdraw)]
    update.announced = Self.prefixes("192.0.2.2", "192.0.2.3")
    changes = []
    rib.apply(update, at: .zero, into: &changes)
    #expect(rib.count == 1)
    #expect(changes.count == 1)
  }

  @Test("Stale routes stay until they are announced again or swept")
  func staleness() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    rib.apply(
      UpdateMessage(announced: Self.prefixes("192.0.2.1", "192.0.2.2", "2001:db8::1"), attributes: Self.attributes(1)),
      at: .zero,
      into: &changes)
    rib.markStale()
    #expect(rib.staleCount == 3)
    changes = []
    rib.apply(
      UpdateMessage(announced: Self.prefixes("192.0.2.1"), attributes: Self.attributes(1)), at: .zero + .seconds(60),
      into: &changes)
    rib.apply(UpdateMessage(withdrawn: Self.prefixes("2001:db8::1")), at: .zero, into: &changes)
    #expect(rib.staleCount == 1)
    changes = []
    rib.sweep(.ipv6, into: &changes)
    #expect(changes.isEmpty)
    rib.sweep(.ipv4, into: &changes)
    #expect(changes.count == 1)
    #expect(rib.count == 1)
    // Announced again as it was: since when it is so has not changed.
    #expect(rib.ipv4.routes.first { _ in true }?.value.lastUpdate == 0)
    #expect(rib.staleCount == 0)
    rib.apply(
      UpdateMessage(announced: Self.prefixes("192.0.2.1"), attributes: Self.attributes(2)), at: .zero + .seconds(90),
      into: &changes)
    #expect(rib.ipv4.routes.first { _ in true }?.value.lastUpdate == 90)
  }

  @Test("Over the limit no new prefix is taken, while those that are there change and leave as ever")
  func limit() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    let announce = { (rib: inout AdjRIBIn, prefixes: PrefixList, value: UInt32) in
      changes = []
      return rib.apply(
        UpdateMessage(announced: prefixes, attributes: Self.attributes(value)), limit: 3, at: .zero, into: &changes)
    }
    #expect(announce(&rib, Self.prefixes("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"), 1) == 1)
    #expect(rib.count == 3)
    #expect(announce(&rib, Self.prefixes("192.0.2.3", "192.0.2.1"), 2) == 1)
    #expect(changes.count == 1)
    rib.apply(UpdateMessage(withdrawn: Self.prefixes("192.0.2.2")), limit: 3, at: .zero, into: &changes)
    #expect(announce(&rib, Self.prefixes("192.0.2.3"), 1) == 0)
    // Stale prefixes need their place until they are announced again or swept.
    rib.markStale()
    #expect(announce(&rib, Self.prefixes("192.0.2.5", "192.0.2.1"), 1) == 1)
    #expect(rib.freshCount == 1 && rib.count == 3)
  }

  @Test("After any sequence of updates the routes are those that a list of them says")
  func randomSequences() {
    var random = RandomSource(seed: 3)
    var rib = AdjRIBIn()
    var model: [Prefix: PathAttributes] = [:]
    var changes: [RouteChange] = []
    for step in 0..<5000 {
      let prefix = Prefix.v4(IPv4Prefix(host: IPv4Address(UInt32.random(in: 0..<64, using: &random))))
      if Bool.random(using: &random) {
        let attributes = Self.attributes(UInt32.random(in: 0..<8, using: &random))
        rib.apply(UpdateMessage(announced: PrefixList([prefix]), attributes: attributes), at: .zero, into: &changes)
        model[prefix] = attributes
      } else {
        rib.apply(UpdateMessage(withdrawn: PrefixList([prefix])), at: .zero, into: &changes)
        model[prefix] = nil
      }
      if step % 7 == 0 { _ = rib.collect() }
    }
    _ = rib.collect()
    let held = Dictionary(
      uniqueKeysWithValues: rib.ipv4.routes.map { (Prefix.v4($0.key), rib.pool[$0.value.attributes]) })
    #expect(held == model)
    #expect(rib.pool.count == Set(model.values).count)
  }

  @Test("What there is no room for leaves no attributes behind")
  func overLimit() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    rib.apply(
      UpdateMessage(announced: Self.prefixes("192.0.2.1"), attributes: Self.attributes(1)), limit: 1, at: .zero,
      into: &changes)
    for community in 2...100 as ClosedRange<UInt32> {
      let surplus = UpdateMessage(announced: Self.prefixes("192.0.2.2"), attributes: Self.attributes(community))
      let overLimit = rib.apply(surplus, limit: 1, at: .zero, into: &changes)
      #expect(overLimit == 1)
      _ = rib.collect()
    }
    #expect(changes.count == 1)
    #expect(rib.pool.count == 1)
    #expect(rib.pool.capacity == 1)
  }

  @Test("A peer that has withdrawn everything takes no more room than one that has announced nothing")
  func storage() {
    var rib = AdjRIBIn()
    var changes: [RouteChange] = []
    let prefixes = (0..<10_000 as Range<UInt32>).map { IPv4Prefix(host: IPv4Address(0x0B00_0000 + $0)) }
    for (number, prefix) in prefixes.enumerated() {
      rib.apply(
        UpdateMessage(announced: PrefixList(ipv4: [prefix]), attributes: Self.attributes(UInt32(number))), at: .zero,
        into: &changes)
    }
    #expect(rib.pool.capacity == 10_000)
    rib.apply(UpdateMessage(withdrawn: PrefixList(ipv4: prefixes)), at: .zero, into: &changes)
    let collected = rib.collect()
    #expect(collected.count == 10_000)
    #expect(rib.pool.capacity == 0)
    #expect(rib.ipv4.routes.capacity < 100)
  }
}
