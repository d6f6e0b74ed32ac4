import Primitives
import Snapshot
import Testing

@Suite("The snapshot file")
struct SnapshotTests {
  private static func snapshot(_ count: Int, seed: UInt64 = 1) -> Snapshot {
    var random = RandomSource(seed: seed)
    var black = PrefixList()
    for _ in 0..<count {
      black.append(
        .v4(IPv4Prefix(host: IPv4Address(UInt32.random(in: 0 ... .max, using: &random)))))
      let address = IPv6Address(high: UInt64.random(in: 0 ... .max, using: &random), low: 0)
      if let prefix = IPv6Prefix(address, length: UInt8.random(in: 0...64, using: &random)) {
        black.ipv6.append(prefix)
      }
    }
    return Snapshot(
      created: 1_795_000_000,
      tables: [.init(name: "bgp_spamd", prefixes: black), .init(name: "bypass-ä", prefixes: PrefixList())],
      kernel: .init(
        bootTime: 1_794_000_000, namespace: 4_026_531_840, generation: .max, nftTable: "inet nftbgpd",
        sets: [.init(name: "bgp_spamd_net", prefixes: PrefixList(ipv4: Array(black.ipv4.prefix(2))))]))
  }

  @Test("What is written is read back", arguments: [0, 1, 1000])
  func roundTrip(count: Int) throws {
    let snapshot = Self.snapshot(count)
    #expect(try Snapshot(decoding: snapshot.encode().span) == snapshot)
    var unknown = snapshot
    unknown.kernel = nil
    #expect(try Snapshot(decoding: unknown.encode().span) == unknown)
  }

  @Test("What can never have been written is refused although its checksum is right")
  func neverWritten() {
    let octets = Snapshot(
      created: 0,
      tables: [
        .init(name: "x", prefixes: PrefixList([Prefix("45.0.0.0/24"), Prefix("2a00::/32")].compactMap { $0 }))
      ]
    ).encode()
    let sealed = { (octets: [UInt8]) -> [UInt8] in
      let body = octets.dropLast(8)
      let hash = body.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
      return body + (0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64(56 - 8 * $0)) }
    }
    #expect(sealed(octets) == octets)
    // The name stands after 29 octets; then the counts, and the prefixes with an octet of their addresses' ends.
    for (place, value) in [(29, 0xFF), (41, 1), (58, 1)] as [(Int, UInt8)] {
      var changed = octets
      changed[place] = value
      #expect(throws: SnapshotError.corrupt, "octet \(place)") { try Snapshot(decoding: sealed(changed).span) }
    }
  }

  @Test("Every octet changed in turn is noticed")
  func everyOctet() {
    let octets = Self.snapshot(3).encode()
    for index in octets.indices {
      for change in [0x01, 0x80, 0xFF] as [UInt8] {
        var changed = octets
        changed[index] ^= change
        #expect(throws: SnapshotError.self, "octet \(index)") { try Snapshot(decoding: changed.span) }
      }
    }
  }

  @Test("Every truncation, and every octet too many, is noticed")
  func everyLength() {
    let octets = Self.snapshot(3).encode()
    for count in octets.indices {
      #expect(throws: SnapshotError.self, "\(count) octets") { try Snapshot(decoding: Array(octets[..<count]).span) }
    }
    #expect(throws: SnapshotError.self) { try Snapshot(decoding: (octets + [0]).span) }
  }

  @Test("A foreign file and a later version are named as such")
  func reasons() {
    var later = Self.snapshot(1).encode()
    later[16] = Snapshot.version + 1
    #expect(throws: SnapshotError.unsupportedVersion(Snapshot.version + 1)) { try Snapshot(decoding: later.span) }
    #expect(throws: SnapshotError.foreign) { try Snapshot(decoding: Array("nft list ruleset".utf8).span) }
    #expect(throws: SnapshotError.foreign) { try Snapshot(decoding: [UInt8]().span) }
  }
}
