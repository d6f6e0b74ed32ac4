import Glibc

/// A prefix as a number: what decides which prefixes a set of intervals holds.
///
/// Written anew for the tests, from text by inet_pton(3) to text by inet_ntop(3), because it is to find the mistakes of
/// the daemon.
struct AddressBlock: Hashable, Comparable {
  let isIPv6: Bool
  /// The first address, in the upper bits for either family.
  let first: UInt128
  let length: Int

  /// Host bits are cleared.
  init(isIPv6: Bool, _ address: UInt128, length: Int) {
    self.isIPv6 = isIPv6
    self.length = length
    first = address & Self.mask(length)
  }

  /// An IPv4 block.
  init(_ address: UInt32, length: Int) {
    self.init(isIPv6: false, UInt128(address) << 96, length: length)
  }

  /// - Parameter text: `ADDRESS/LENGTH`.
  init?(_ text: String) {
    guard let slash = text.lastIndex(of: "/"), let length = Int(text[text.index(after: slash)...]) else { return nil }
    let address = String(text[..<slash])
    let isIPv6 = address.contains(":")
    var octets = [UInt8](repeating: 0, count: 16)
    // Safety: sixteen octets are room for either family.
    guard unsafe inet_pton(isIPv6 ? AF_INET6 : AF_INET, address, &octets) == 1 else { return nil }
    self.init(isIPv6: isIPv6, octets.reduce(0) { $0 << 8 | UInt128($1) }, length: length)
  }

  /// `ADDRESS/LENGTH`, as nft(8) writes it.
  var text: String {
    let octets = (0..<16).map { UInt8(truncatingIfNeeded: first >> UInt128(120 - 8 * $0)) }
    var characters = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    // Safety: sixteen octets in, and out as many characters as the longest address has.
    unsafe inet_ntop(isIPv6 ? AF_INET6 : AF_INET, octets, &characters, socklen_t(INET6_ADDRSTRLEN))
    return String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) + "/\(length)"
  }

  func contains(_ other: AddressBlock) -> Bool {
    isIPv6 == other.isIPv6 && length <= other.length && other.first & Self.mask(length) == first
  }

  /// By address; what covers comes before what it covers.
  static func < (left: AddressBlock, right: AddressBlock) -> Bool {
    left.first == right.first ? left.length < right.length : left.first < right.first
  }

  /// Those of one family that no other one contains.
  static func outermost(_ blocks: some Sequence<AddressBlock>) -> [AddressBlock] {
    var cover: [AddressBlock] = []
    for block in blocks.sorted() where cover.last?.contains(block) != true { cover.append(block) }
    return cover
  }

  private static func mask(_ length: Int) -> UInt128 {
    length == 0 ? 0 : .max << UInt128(128 - length)
  }
}
