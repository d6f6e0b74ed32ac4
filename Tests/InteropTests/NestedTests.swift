import Foundation
import Primitives
import Testing

extension InteropTier {
  @Suite("Nested at size") struct Nested {
    static func configuration(_ server: FeedServer) -> String {
      NftbgpdUnderTest.configuration(neighbors: [server.address]) + NftbgpdUnderTest.shrinking
    }

    /// Different hosts of 46.0.0.0/8 that do not lie next to each other.
    static func hosts(_ numbers: Range<Int>) -> [String] {
      numbers.map { number in
        // An odd factor makes it a permutation of all 2^24 numbers.
        let value = number * 2_654_435_761 % (1 << 24)
        return "46.\(value >> 16).\(value >> 8 & 255).\(value & 255)/32"
      }
    }

    /// Networks in families of ten, each within another one of its family or beside it.
    private static func networks(_ count: Int, _ random: inout RandomSource) -> [String] {
      var networks: Set<AddressBlock> = []
      var families = 0
      while networks.count < count {
        let isIPv6 = families % 4 == 0
        let base =
          isIPv6 ? UInt128(0x2A00_1000) << 96 | UInt128(families) << 80 : UInt128(0x2D00_0000 + families << 12) << 96
        families += 1
        var family = [
          AddressBlock(isIPv6: isIPv6, base, length: (isIPv6 ? 48 : 20) + Int.random(in: 0...2, using: &random))
        ]
        while family.count < 10 {
          let outer = family[Int.random(in: 0..<family.count, using: &random)]
          let length = min(outer.length + Int.random(in: 1...3, using: &random), isIPv6 ? 127 : 31)
          let within = UInt128.random(in: 0...UInt128.max >> UInt128(outer.length), using: &random)
          family.append(AddressBlock(isIPv6: isIPv6, outer.first | within, length: length))
        }
        networks.formUnion(family)
      }
      return networks.sorted().prefix(count).map(\.text)
    }

    @Test("Of 16,000 nested networks among 364,000 hosts the sets hold the exact cover, while they leave in any order")
    func nested() throws {
      var random = RandomSource(seed: 1)
      var feed = Feed()
      feed.add(Self.hosts(0..<364_000), .black)
      let networks = Self.networks(16_000, &random).shuffled(using: &random)
      feed.add(networks, .black)
      let cover = Feed.sets(feed)
      let outermost = (cover["bgp_spamd_net"]?.count ?? 0) + (cover["bgp_spamd6_net"]?.count ?? 0)
      #expect(feed.routes.count == 380_000 && outermost < 6000)
      try Laboratory.run { laboratory in
        let clock = ContinuousClock()
        let start = clock.now
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, Self.configuration(server))
        try nftbgpd.waitForLog("table complete with 380000 prefixes", seconds: 90)
        try Kernel.wait(for: cover, laboratory, seconds: 60)
        print(
          "interop: 380,000 prefixes, 16,000 of them nested under \(outermost): equal after \(clock.now - start)"
        )

        var left = Feed(black: networks)
        for step in 0..<4 {
          let start = clock.now
          let part = networks[step * 4000..<(step + 1) * 4000]
          let host = Self.hosts(step..<step + 1)[0]
          for prefix in part + [host] {
            left.remove(prefix)
            feed.remove(prefix)
            try server.send("withdraw \(prefix)")
          }
          let expected = Feed.sets(left)
          // The host is withdrawn last. To list all hosts would take longer than everything else.
          try laboratory.wait("the last of them has gone", seconds: 60) {
            try !Kernel.has(Feed.element(host), in: "bgp_spamd", laboratory)
          }
          for name in ["bgp_spamd_net", "bgp_spamd6_net"] {
            #expect(try Kernel.elements(of: name, laboratory) == expected[name], "step \(step)")
          }
          print("interop: \(part.count) withdrawn in random order: equal after \(clock.now - start)")
        }
        try Kernel.wait(for: Feed.sets(feed), laboratory, seconds: 60)
      }
    }

    @Test("200,000 entries are back after flush ruleset")
    func flush() throws {
      let feed = Feed(black: Self.hosts(0..<200_000))
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
        let nftbgpd = try NftbgpdUnderTest(laboratory, Self.configuration(server))
        try nftbgpd.waitForLog("table complete with 200000 prefixes", seconds: 60)
        try Kernel.wait(for: Feed.sets(feed), laboratory, seconds: 60)
        try Kernel.command("flush ruleset", laboratory)
        let start = ContinuousClock.now
        // What was committed within the same second may be in the same line.
        try laboratory.wait("the kernel has acknowledged the repair", seconds: 60) {
          nftbgpd.log.split(separator: "; repairing").dropFirst().last?.contains(" bgp_spamd in ") == true
        }
        print("interop: 200000 entries back \(ContinuousClock.now - start) after flush ruleset")
        try Kernel.wait(for: Feed.sets(feed), laboratory, seconds: 60)
      }
    }
  }
}
