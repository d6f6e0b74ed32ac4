import CNetfilter
import Primitives

/// An address as the key of a set's element.
protocol ElementAddress: Comparable, Sendable {
  static var family: AddressFamily { get }
  /// 32-bit words of a key.
  static var keyWords: Int { get }
  /// The last address of the family.
  static var highest: Self { get }

  /// Reads a key in network byte order.
  init?(_ key: OctetReader, _ octets: Span<UInt8>)

  /// The address after this one, or `nil` after the last.
  var next: Self? { get }
  /// The address before this one, or `nil` before the first.
  var previous: Self? { get }

  func append(to writer: inout NetlinkWriter)
  func range(to last: Self) -> AddressRange
}

/// What one element of a set stands for: a first and a last address.
protocol ElementExtent {
  associatedtype Address: ElementAddress
  var first: Address { get }
  var last: Address { get }
}

/// Elements as attributes, as nft_set_elem_attributes of linux/netfilter/nf_tables.h has them.
///
/// An interval is two elements: its first address, and the address after its last with NFT_SET_ELEM_INTERVAL_END. One that reaches the
/// top of the address space has no second. nft(8) also puts an end at address zero into an empty set; the kernel's look-up does not
/// need it and nft(8) lists a set without it the same.
enum ElementEncoding {
  /// Words that the elements of one message may take: the length of their list, with its header, is a 16-bit number of octets.
  static let maximumListWords = 65_532 / 4 - 1

  /// The most words that one address or interval takes.
  static func words<Address: ElementAddress>(_: Address.Type, isInterval: Bool) -> Int {
    isInterval ? 8 + 2 * Address.keyWords : 3 + Address.keyWords
  }

  /// Appends the element, or the two elements, for the addresses from `first` to `last`.
  @inline(__always)
  static func append<Address: ElementAddress>(
    from first: Address, to last: Address, isInterval: Bool, into writer: inout NetlinkWriter
  ) {
    append(first, isEnd: false, into: &writer)
    if isInterval, let end = last.next {
      append(end, isEnd: true, into: &writer)
    }
  }

  /// Appends one element.
  @inline(__always)
  static func append<Address: ElementAddress>(_ key: Address, isEnd: Bool, into writer: inout NetlinkWriter) {
    let value = 4 + 4 * Address.keyWords
    writer.append(NetlinkWriter.nestedHeader(NFTA_LIST_ELEM.rawValue, length: value + (isEnd ? 16 : 8)))
    if isEnd {
      writer.put(NFTA_SET_ELEM_FLAGS.rawValue, number: NFT_SET_ELEM_INTERVAL_END.rawValue)
    }
    writer.append(NetlinkWriter.nestedHeader(NFTA_SET_ELEM_KEY.rawValue, length: value + 4))
    writer.append(NetlinkWriter.attributeHeader(NFTA_DATA_VALUE.rawValue, length: value))
    key.append(to: &writer)
  }
}

extension IPv4Address: ElementAddress {
  static var family: AddressFamily { .ipv4 }
  static var keyWords: Int { 1 }
  static var highest: IPv4Address { IPv4Address(.max) }

  init?(_ key: OctetReader, _ octets: Span<UInt8>) {
    var reader = key
    guard let value = reader.readUInt32(octets), reader.isAtEnd else { return nil }
    self.init(value)
  }

  var next: IPv4Address? { value == .max ? nil : IPv4Address(value &+ 1) }
  var previous: IPv4Address? { value == 0 ? nil : IPv4Address(value &- 1) }

  @inline(__always)
  func append(to writer: inout NetlinkWriter) {
    writer.append(value.bigEndian)
  }

  func range(to last: IPv4Address) -> AddressRange { .v4(first: self, last: last) }
}

extension IPv6Address: ElementAddress {
  static var family: AddressFamily { .ipv6 }
  static var keyWords: Int { 4 }
  static var highest: IPv6Address { IPv6Address(number: .max) }

  /// The address as one number.
  var number: UInt128 { UInt128(high) << 64 | UInt128(low) }

  init(number: UInt128) {
    self.init(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number))
  }

  init?(_ key: OctetReader, _ octets: Span<UInt8>) {
    var reader = key
    guard let high = reader.readUInt64(octets), let low = reader.readUInt64(octets), reader.isAtEnd else { return nil }
    self.init(high: high, low: low)
  }

  var next: IPv6Address? { number == .max ? nil : IPv6Address(number: number &+ 1) }
  var previous: IPv6Address? { number == 0 ? nil : IPv6Address(number: number &- 1) }

  @inline(__always)
  func append(to writer: inout NetlinkWriter) {
    writer.append(UInt32(truncatingIfNeeded: high >> 32).bigEndian)
    writer.append(UInt32(truncatingIfNeeded: high).bigEndian)
    writer.append(UInt32(truncatingIfNeeded: low >> 32).bigEndian)
    writer.append(UInt32(truncatingIfNeeded: low).bigEndian)
  }

  func range(to last: IPv6Address) -> AddressRange { .v6(first: self, last: last) }
}

extension IPv4Prefix: ElementExtent {
  var first: IPv4Address { address }
  var last: IPv4Address { lastAddress }
}

extension IPv6Prefix: ElementExtent {
  var first: IPv6Address { address }
  var last: IPv6Address { lastAddress }
}

/// An extent that need not be a prefix.
struct Extent<Address: ElementAddress>: ElementExtent {
  let first: Address
  let last: Address
}
