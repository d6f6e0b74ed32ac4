import Primitives
import Testing

@Suite("The map of prefixes")
struct PrefixMapTests {
  /// Prefixes of a small universe, so that most are met again and again.
  private static func prefix(_ random: inout RandomSource) -> IPv4Prefix {
    IPv4Prefix(
      IPv4Address(UInt32.random(in: 0..<400, using: &random) << 8), length: .random(in: 20...32, using: &random))
      ?? IPv4Prefix(host: IPv4Address(0))
  }

  @Test("After any changes it holds what a dictionary holds", arguments: 0..<20)
  func dictionary(seed: UInt64) {
    var random = RandomSource(seed: seed)
    var map = PrefixMap<IPv4Prefix, Int>()
    var model: [IPv4Prefix: Int] = [:]
    for step in 0..<20_000 {
      let key = Self.prefix(&random)
      // It grows in the first half, and shrinks in the second.
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<(step < 10_000 ? 5 : 2):
        #expect(map.updateValue(step, forKey: key) == model.updateValue(step, forKey: key))
      case 5:
        let value = map.modify(key, default: 7) { value in
          value += 1
          return value
        }
        model[key, default: 7] += 1
        #expect(value == model[key])
      case 6: #expect(map[key] == model[key])
      default: #expect(map.removeValue(forKey: key) == model.removeValue(forKey: key))
      }
      #expect(map.count == model.count)
    }
    #expect(Dictionary(uniqueKeysWithValues: map.map { ($0.key, $0.value) }) == model)
    #expect(Set(map.keys) == Set(model.keys))
    map.modifyValues { $0 = -$0 }
    #expect(model.allSatisfy { map[$0.key] == -$0.value })
    for key in model.keys { map.removeValue(forKey: key) }
    #expect(map.count == 0)
    #expect(map.keys.isEmpty)
    #expect(map[Self.prefix(&random)] == nil)
  }

  @Test("Filling one in the order of another takes no longer than in any other order")
  func order() {
    var first = PrefixMap<IPv4Prefix, Int>()
    for number in 0..<50_000 as Range<UInt32> { first.updateValue(0, forKey: IPv4Prefix(host: IPv4Address(number))) }
    var second = PrefixMap<IPv4Prefix, Int>()
    // With one hash for both, this would be quadratic, and take minutes.
    for (key, value) in first { second.updateValue(value, forKey: key) }
    #expect(second.count == 50_000)
  }

  @Test("IPv6 prefixes that differ in any bit, or in the length alone, are different keys")
  func ipv6() {
    var map = PrefixMap<IPv6Prefix, Int>()
    var keys: [IPv6Prefix] = []
    for bit in 0..<64 as Range<UInt64> {
      keys.append(IPv6Prefix(host: IPv6Address(high: 1 << bit, low: 0)))
      keys.append(IPv6Prefix(host: IPv6Address(high: 0, low: 1 << bit)))
    }
    for length in 0...128 as ClosedRange<UInt8> {
      if let key = IPv6Prefix(IPv6Address(high: 0, low: 0), length: length) { keys.append(key) }
    }
    for (value, key) in keys.enumerated() { map.updateValue(value, forKey: key) }
    #expect(map.count == keys.count)
    for (value, key) in keys.enumerated() { #expect(map[key] == value) }
  }

  @Test("Prefixes of one address that are chosen for it do not meet in one place")
  func collisions() {
    for seed in [0, 1, .max, 0x1234_5678_9ABC_DEF0] as [UInt64] {
      // What once collided, whatever the seed: the length makes up for the upper octet of the lower half.
      let hashes = (72...128 as ClosedRange<UInt8>).compactMap { length in
        IPv6Prefix(IPv6Address(high: 0x2A00 << 48, low: UInt64(0x80 ^ length) << 56), length: length)?.scrambled(seed)
      }
      #expect(hashes.count == 57)
      #expect(Set(hashes).count == 57)
    }
  }

  @Test("A copy does not change with the original")
  func copies() {
    var map = PrefixMap<IPv4Prefix, Int>()
    for number in 0..<100 as Range<UInt32> { map.updateValue(1, forKey: IPv4Prefix(host: IPv4Address(number))) }
    let copy = map
    for number in 0..<100 as Range<UInt32> { map.removeValue(forKey: IPv4Prefix(host: IPv4Address(number))) }
    #expect(map.count == 0)
    #expect(copy.count == 100)
    #expect(copy.allSatisfy { $0.value == 1 })
  }
}
