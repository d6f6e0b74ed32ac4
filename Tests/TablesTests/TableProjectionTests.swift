import Primitives
import Tables
import Testing

@Suite("A table in kernel sets")
struct TableProjectionTests {
  private static func v4(_ texts: String...) -> [IPv4Prefix] {
    texts.compactMap { if case .v4(let prefix) = Prefix($0) { prefix } else { nil } }
  }

  @Test("Hosts go to the hash set, everything shorter to the interval set")
  func split() {
    var projection = TableProjection<IPv4Prefix>(.hostsAndIntervals)
    let changes = projection.apply(added: Self.v4("192.0.2.1", "192.0.2.0/24", "198.51.100.0/25"), removed: [])
    #expect(changes.addedHosts == Self.v4("192.0.2.1"))
    #expect(changes.addedIntervals == Self.v4("192.0.2.0/24", "198.51.100.0/25"))
  }

  @Test("A covering prefix takes the place of those inside it, and gives it back when it leaves")
  func nesting() {
    var projection = TableProjection<IPv4Prefix>(.intervals)
    _ = projection.apply(added: Self.v4("192.0.2.1", "192.0.2.128/25", "198.51.100.1"), removed: [])
    let covering = projection.apply(added: Self.v4("192.0.2.0/24"), removed: [])
    #expect(covering.addedIntervals == Self.v4("192.0.2.0/24"))
    #expect(covering.removedIntervals == Self.v4("192.0.2.1", "192.0.2.128/25"))
    let inside = projection.apply(added: Self.v4("192.0.2.7"), removed: Self.v4("192.0.2.1"))
    #expect(inside == .init())
    let uncovering = projection.apply(added: [], removed: Self.v4("192.0.2.0/24"))
    #expect(uncovering.removedIntervals == Self.v4("192.0.2.0/24"))
    #expect(uncovering.addedIntervals == Self.v4("192.0.2.7", "192.0.2.128/25"))
  }

  @Test("The whole address space and its last address are prefixes like any other")
  func edges() {
    var projection = TableProjection<IPv4Prefix>(.intervals)
    _ = projection.apply(added: Self.v4("255.255.255.255", "0.0.0.0", "10.0.0.0/8"), removed: [])
    let all = projection.apply(added: Self.v4("0.0.0.0/0"), removed: [])
    #expect(all.addedIntervals == Self.v4("0.0.0.0/0"))
    #expect(all.removedIntervals.count == 3)
    let back = projection.apply(added: [], removed: Self.v4("0.0.0.0/0"))
    #expect(back.addedIntervals == Self.v4("0.0.0.0", "10.0.0.0/8", "255.255.255.255"))
  }

  @Test("Starting over asks only for the difference to what the kernel holds")
  func reset() {
    var projection = TableProjection<IPv4Prefix>(.hostsAndIntervals)
    let changes = projection.reset(
      to: Self.v4("192.0.2.1", "192.0.2.2", "10.0.0.0/8", "10.1.0.0/16"),
      kernelHosts: Self.v4("192.0.2.9", "192.0.2.2"),
      kernelIntervals: Self.v4("10.1.0.0/16"))
    #expect(changes.addedHosts == Self.v4("192.0.2.1"))
    #expect(changes.removedHosts == Self.v4("192.0.2.9"))
    #expect(changes.addedIntervals == Self.v4("10.0.0.0/8"))
    #expect(changes.removedIntervals == Self.v4("10.1.0.0/16"))
  }

  @Test(
    "After any sequence of changes the interval set is the outermost of the members",
    arguments: [SetLayout.intervals, .hostsAndIntervals])
  func randomSequences(layout: SetLayout) {
    var random = RandomSource(seed: 21)
    var projection = TableProjection<IPv6Prefix>(layout)
    var members: Set<IPv6Prefix> = []
    var hosts: Set<IPv6Prefix> = []
    var intervals: Set<IPv6Prefix> = []
    for _ in 0..<2000 {
      var added: Set<IPv6Prefix> = []
      var removed: Set<IPv6Prefix> = []
      for _ in 0..<Int.random(in: 0..<6, using: &random) {
        let address = IPv6Address(high: 0, low: UInt64.random(in: 0..<32, using: &random))
        guard let prefix = IPv6Prefix(address, length: UInt8.random(in: 122...128, using: &random)) else { continue }
        if members.contains(prefix) {
          if !added.contains(prefix) { removed.insert(prefix) }
        } else {
          added.insert(prefix)
        }
      }
      members.formUnion(added)
      members.subtract(removed)
      let changes = projection.apply(added: Array(added), removed: Array(removed))
      for (set, gone, new) in [
        (0, changes.removedHosts, changes.addedHosts), (1, changes.removedIntervals, changes.addedIntervals),
      ] {
        var content = set == 0 ? hosts : intervals
        #expect(content.isSuperset(of: gone))
        content.subtract(gone)
        #expect(content.isDisjoint(with: new))
        content.formUnion(new)
        if set == 0 { hosts = content } else { intervals = content }
      }
      let candidates = layout == .intervals ? members : members.filter { !$0.isHost }
      let outermost = candidates.filter { prefix in !candidates.contains { $0 != prefix && $0.contains(prefix) } }
      #expect(intervals == outermost)
      #expect(hosts == (layout == .intervals ? [] : members.filter(\.isHost)))
      #expect(Set(projection.intervalElements) == intervals)
      #expect(projection.intervalElementCount == intervals.count)
    }
  }
}
