import CNetfilter

/// Writes netlink messages as 32-bit words in memory order.
///
/// Everything in netlink is a multiple of four octets, so words are the natural unit: the buffer is always aligned, and one element
/// of a set is four or six appends.
struct NetlinkWriter: Sendable {
  /// What has been written so far, as it goes to the kernel.
  private(set) var words: [UInt32] = []

  /// Octets written so far.
  var octetCount: Int { words.count * 4 }

  /// Makes room for `count` words at once instead of by doubling.
  mutating func reserve(_ count: Int) {
    words.reserveCapacity(words.count + count)
  }

  mutating func append(_ word: UInt32) {
    words.append(word)
  }

  /// Appends a message that was built elsewhere; a last incomplete word is padded with zeros.
  mutating func append(message octets: [UInt8]) {
    appendPadded(octets)
  }

  /// Starts a message with its `nlmsghdr`. The header of its protocol comes next.
  ///
  /// - Returns: where it starts, for `endMessage(at:)`.
  mutating func beginMessage(type: UInt16, flags: UInt16, sequence: UInt32) -> Int {
    let start = words.count
    words.append(0)
    words.append(Self.halves(type, flags))
    words.append(sequence)
    words.append(0)
    return start
  }

  /// Starts a message to a netfilter subsystem: `nlmsghdr` and `nfgenmsg`.
  ///
  /// - Returns: where it starts, for `endMessage(at:)`.
  mutating func beginMessage(
    type: UInt16, flags: UInt16, family: UInt8, resource: UInt16 = 0, sequence: UInt32 = 0
  ) -> Int {
    let start = beginMessage(type: type, flags: flags, sequence: sequence)
    put(octets: family, UInt8(NFNETLINK_V0), UInt8(resource >> 8), UInt8(truncatingIfNeeded: resource))
    return start
  }

  /// Four octets of a protocol's header, in the order in which they stand in memory.
  mutating func put(octets first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
    words.append(UInt32(bigEndian: UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)))
  }

  /// Writes the length of the message that started at `start`.
  mutating func endMessage(at start: Int) {
    guard words.indices.contains(start) else { return }
    words[start] = UInt32(truncatingIfNeeded: (words.count - start) * 4)
  }

  /// Adds flags to the message that starts at `start`.
  mutating func addFlags(_ flags: UInt16, toMessageAt start: Int) {
    guard words.indices.contains(start + 1) else { return }
    words[start + 1] |= Self.halves(0, flags)
  }

  /// Writes the sequence number of the message that starts at `start`.
  mutating func setSequence(_ sequence: UInt32, ofMessageAt start: Int) {
    guard words.indices.contains(start + 2) else { return }
    words[start + 2] = sequence
  }

  /// A string attribute with its NUL.
  ///
  /// A name that is too long for nf_tables is cut at a length that the kernel refuses, so that it cannot become another name.
  mutating func put(_ type: UInt32, name: String) {
    let octets = name.utf8.prefix(Int(NFT_NAME_MAXLEN)).prefix { $0 != 0 } + [0]
    words.append(Self.attributeHeader(type, length: 4 + octets.count))
    appendPadded(Array(octets))
  }

  /// An integer attribute in network byte order.
  mutating func put(_ type: UInt32, number: UInt32) {
    words.append(Self.attributeHeader(type, length: 8))
    words.append(number.bigEndian)
  }

  /// Starts a nested attribute.
  ///
  /// - Returns: where it starts, for `endNested(_:at:)`.
  mutating func beginNested() -> Int {
    words.append(0)
    return words.count - 1
  }

  /// Writes the header of the nested attribute that started at `start`. The caller keeps it below 64 KiB.
  mutating func endNested(_ type: UInt32, at start: Int) {
    guard words.indices.contains(start) else { return }
    words[start] = Self.nestedHeader(type, length: (words.count - start) * 4)
  }

  /// The `nlattr` of an attribute of `length` octets, header included.
  static func attributeHeader(_ type: UInt32, length: Int) -> UInt32 {
    halves(UInt16(truncatingIfNeeded: length), UInt16(truncatingIfNeeded: type))
  }

  /// The `nlattr` of an attribute that holds others.
  static func nestedHeader(_ type: UInt32, length: Int) -> UInt32 {
    attributeHeader(type | UInt32(NLA_F_NESTED), length: length)
  }

  /// Two 16-bit values in host order, the first at the lower address.
  private static func halves(_ first: UInt16, _ second: UInt16) -> UInt32 {
    UInt32(bigEndian: UInt32(first.bigEndian) << 16 | UInt32(second.bigEndian))
  }

  private mutating func appendPadded(_ octets: [UInt8]) {
    var word: UInt32 = 0
    for (index, octet) in octets.enumerated() {
      word |= UInt32(octet) << UInt32(24 - 8 * (index % 4))
      if index % 4 == 3 {
        words.append(UInt32(bigEndian: word))
        word = 0
      }
    }
    if octets.count % 4 != 0 {
      words.append(UInt32(bigEndian: word))
    }
  }
}
