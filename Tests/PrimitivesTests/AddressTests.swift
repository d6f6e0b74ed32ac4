import Primitives
import Testing

@Suite("Addresses and prefixes")
struct AddressTests {
  @Test(
    "IPv4 text is strict: four numbers, no signs, no short forms, no leading zeros",
    arguments: [
      ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("1.2.3", nil),
      ("1.2.3.4.5", nil),
      ("256.0.0.1", nil), ("01.2.3.4", nil), ("1.2.3.", nil), (".1.2.3", nil), ("+1.2.3.4", nil), ("1.2.3.4 ", nil),
      ("", nil),
      ("1..2.3", nil), ("1.2.3.0004", nil),
    ] as [(String, String?)])
  func ipv4(text: String, canonical: String?) {
    #expect(IPv4Address(text)?.description == canonical)
  }

  @Test(
    "IPv6 text is read as RFC 4291 allows and written as RFC 5952 asks",
    arguments: [
      ("2001:db8::1", "2001:db8::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("::", "::"), ("::1", "::1"),
      ("1::", "1::"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
      ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
      ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
      ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
      (":::", nil), ("1::2::3", nil), ("1:2:3:4:5:6:7", nil), ("1:2:3:4:5:6:7:8:9", nil), ("12345::", nil),
      ("g::", nil), ("1:", nil),
      ("::1%eth0", nil), ("1.2.3.4::", nil), ("1:2:3:4:5:6:7:8::", nil), (":1:2:3:4:5:6:7", nil), ("::+1", nil),
      ("", nil),
    ] as [(String, String?)])
  func ipv6(text: String, canonical: String?) {
    #expect(IPv6Address(text)?.description == canonical)
  }

  @Test(
    "Host bits of a prefix are cleared",
    arguments: [
      ("192.0.2.129/25", "192.0.2.128/25"), ("192.0.2.1", "192.0.2.1/32"), ("1.2.3.4/0", "0.0.0.0/0"),
      ("2001:db8::ffff/112", "2001:db8::/112"),
      ("2001:db8:1:2:3::/64", "2001:db8:1:2::/64"), ("::1/0", "::/0"), ("ffff::1/65", "ffff::/65"),
      ("192.0.2.0/33", nil),
      ("2001:db8::/129", nil), ("192.0.2.0/", nil), ("192.0.2.0/+8", nil), ("/8", nil),
    ] as [(String, String?)])
  func prefix(text: String, canonical: String?) {
    #expect(Prefix(text)?.description == canonical)
  }

  @Test("A prefix contains itself, what lies inside it and nothing else")
  func containment() throws {
    let outer = try #require(Prefix("192.0.2.0/24"))
    for (text, isInside) in [
      ("192.0.2.0/24", true), ("192.0.2.255", true), ("192.0.3.0", false), ("192.0.0.0/16", false), ("::/0", false),
    ] {
      #expect(outer.contains(try #require(Prefix(text))) == isInside, "\(text)")
    }
    let all = try #require(Prefix("0.0.0.0/0"))
    #expect(all.contains(try #require(Prefix("255.255.255.255"))))
    let half = try #require(Prefix("2001:db8::/65"))
    #expect(!half.contains(try #require(Prefix("2001:db8:0:0:8000::/65"))))
  }

  @Test("In the order of prefixes, what a prefix covers follows it directly")
  func order() {
    var random = RandomSource(seed: 7)
    let prefixes = (0..<2000).compactMap { _ in
      IPv4Prefix(
        IPv4Address(UInt32.random(in: 0..<4096, using: &random) << 20), length: UInt8.random(in: 0...16, using: &random)
      )
    }.sorted()
    for (index, prefix) in prefixes.enumerated() {
      let covered = prefixes[(index + 1)...].prefix { prefix.contains($0) }.count
      let all = prefixes[(index + 1)...].count { prefix.contains($0) }
      #expect(covered == all)
    }
  }

  @Test("The last address of a prefix")
  func lastAddress() {
    #expect(IPv4Prefix(IPv4Address(0), length: 0)?.lastAddress == IPv4Address(.max))
    #expect(IPv4Prefix(IPv4Address(0xC000_0200), length: 24)?.lastAddress == IPv4Address(0xC000_02FF))
    #expect(IPv6Prefix(IPv6Address(high: 0, low: 0), length: 0)?.lastAddress == IPv6Address(high: .max, low: .max))
    #expect(IPv6Prefix(IPv6Address(high: 1, low: 0), length: 64)?.lastAddress == IPv6Address(high: 1, low: .max))
  }

  @Test("Decimal numbers are digits and nothing else", arguments: ["", "+5", "-5", " 5", "5 ", "0x5", "256", "٣"])
  func decimal(text: String) {
    #expect(UInt8(decimal: text) == nil)
  }
}
