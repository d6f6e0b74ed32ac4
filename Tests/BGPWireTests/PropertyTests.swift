import BGPWire
import Primitives
import Testing

@Suite("The codec under random input")
struct PropertyTests {
  @Test("What is encoded decodes to the same", arguments: [true, false], [true, false])
  func roundTrip(fourOctetAS: Bool, isInternal: Bool) throws {
    let context = DecodeContext(fourOctetAS: fourOctetAS, isInternal: isInternal, maximumLength: 65535)
    var random = RandomSource(seed: 11)
    for _ in 0..<2000 {
      let update = Self.update(isInternal: isInternal, &random)
      #expect(try Wire.update(Message.update(update).encode(context), context) == update)
    }
  }

  @Test(
    "Octets changed at random never trap, and what is decoded can be encoded",
    arguments: ["openbgpd-7.7", "openbgpd-7.7-two-octet", "bird-2.0.12"])
  func mutations(name: String) throws {
    let recording = try Wire.recording(name)
    var random = RandomSource(seed: 5)
    for _ in 0..<20000 {
      guard var octets = recording.randomElement(using: &random) else { return }
      for _ in 0...Int.random(in: 0..<4, using: &random) {
        octets[Int.random(in: 16..<octets.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) {
        // Keep the header right, so that the body is what is tried.
        octets[16] = UInt8(octets.count >> 8)
        octets[17] = UInt8(octets.count & 255)
      }
      let context = DecodeContext(
        fourOctetAS: Bool.random(using: &random), isInternal: Bool.random(using: &random), maximumLength: 65535)
      guard let messages = try? Wire.messages(octets, context) else { continue }
      for message in messages { _ = message.encode(context) }
    }
  }

  @Test("Truncation at every octet of every attribute never traps")
  func truncations() throws {
    for octets in try Wire.recording("openbgpd-7.7") where octets[18] == 2 {
      for count in 19..<octets.count {
        var short = Array(octets[..<count])
        short[16] = UInt8(count >> 8)
        short[17] = UInt8(count & 255)
        _ = try? Wire.messages(short, Wire.external)
      }
    }
  }

  static func update(isInternal: Bool, _ random: inout RandomSource) -> UpdateMessage {
    var update = UpdateMessage()
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      if let prefix = prefix(&random) { update.withdrawn.append(prefix) }
    }
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      if let prefix = prefix(&random) { update.announced.append(prefix) }
    }
    if update.withdrawn.isEmpty, update.announced.isEmpty {
      update.endOfRIB = Bool.random(using: &random) ? .ipv4 : .ipv6
      return update
    }
    guard !update.announced.isEmpty else { return update }
    var attributes = PathAttributes()
    attributes.origin = PathAttributes.Origin(rawValue: UInt8.random(in: 0...2, using: &random)) ?? .igp
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      attributes.asPath.append(
        type: UInt8.random(in: 1...2, using: &random),
        (0..<Int.random(in: 1...4, using: &random)).map { _ in UInt32.random(in: 1...65000, using: &random) })
    }
    // A host, as RFC 4271 §6.3 asks for.
    attributes.nextHop = .v4(IPv4Address(UInt32.random(in: 0x0100_0000..<0xE000_0000, using: &random)))
    if Bool.random(using: &random) { attributes.multiExitDiscriminator = UInt32.random(in: 0 ... .max, using: &random) }
    if isInternal { attributes.localPreference = UInt32.random(in: 0 ... .max, using: &random) }
    attributes.atomicAggregate = Bool.random(using: &random)
    if Bool.random(using: &random) {
      attributes.aggregator = .init(asn: ASN(UInt32.random(in: 1...65000, using: &random)), address: IPv4Address(7))
    }
    attributes.communities = Set(
      (0..<Int.random(in: 0...80, using: &random)).map { _ in
        Community(UInt32.random(in: 0 ... .max, using: &random))
      }
    ).sorted()
    attributes.extendedCommunities = Set(
      (0..<Int.random(in: 0...3, using: &random)).map { _ in
        ExtendedCommunity(UInt64.random(in: 0 ... .max, using: &random))
      }
    ).sorted()
    attributes.largeCommunities = Set(
      (0..<Int.random(in: 0...30, using: &random)).map { _ in
        LargeCommunity(UInt32.random(in: 0 ... .max, using: &random), 1, UInt32.random(in: 0...9, using: &random))
      }
    ).sorted()
    if isInternal, Bool.random(using: &random) {
      attributes.originatorID = IPv4Address(9)
      attributes.clusterList = [IPv4Address(1), IPv4Address(2)]
    }
    if Bool.random(using: &random) { attributes.onlyToCustomer = ASN(65066) }
    if Bool.random(using: &random) { attributes.unknown = [.init(flags: 0xC0, code: 254, octets: [1, 2, 3])] }
    update.attributes = attributes
    return update
  }

  private static func prefix(_ random: inout RandomSource) -> Prefix? {
    if Bool.random(using: &random) {
      return Prefix(
        .v4(IPv4Address(UInt32.random(in: 0 ... .max, using: &random))),
        length: UInt8.random(in: 0...32, using: &random))
    }
    let address = IPv6Address(
      high: UInt64.random(in: 0 ... .max, using: &random), low: UInt64.random(in: 0 ... .max, using: &random))
    return Prefix(.v6(address), length: UInt8.random(in: 0...128, using: &random))
  }
}
