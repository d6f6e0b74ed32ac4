import Control
import Primitives

/// The values that stand in a command line: text in, value or `nil` out, an error where bgpctl(8) does not go on looking.
enum Words {
  static func text(_ word: String) throws(CommandError) -> String? { word }

  /// A Shutdown Communication, which is one word as the shell counts them.
  static func reason(_ word: String) throws(CommandError) -> String? {
    guard word.utf8.count <= NeighborAction.maximumReason else {
      throw .refused(
        "shutdown reason too long: \(word.utf8.count) octets, and \(NeighborAction.maximumReason) are possible")
    }
    return word
  }

  /// An address stands for its host prefix.
  static func prefix(_ word: String) throws(CommandError) -> Prefix? { Prefix(word) }

  static func address(_ word: String) throws(CommandError) -> IPAddress? { IPAddress(word) }

  /// An address alone asks for the longest match, as in bgpctl.
  static func prefixFilter(_ word: String) throws(CommandError) -> RIBQuery.PrefixFilter? {
    if let address = IPAddress(word) { return .longestMatch(address) }
    return Prefix(word).map { .exact($0) }
  }

  /// The prefix that a filter is about; that of an address is its host prefix.
  static func prefix(_ filter: RIBQuery.PrefixFilter) -> Prefix? {
    switch filter {
    case .longestMatch(let address): Prefix(host: address)
    case .exact(let prefix), .all(let prefix), .orShorter(let prefix): prefix
    }
  }

  /// A number, or two with a dot as in RFC 5396.
  static func asn(_ word: String) throws(CommandError) -> UInt32? {
    let parts = word.split(separator: ".", omittingEmptySubsequences: false)
    switch parts.count {
    case 1:
      return UInt32(decimal: word)
    case 2:
      guard let high = UInt16(decimal: parts[0]), let low = UInt16(decimal: parts[1]) else { return nil }
      return UInt32(high) << 16 | UInt32(low)
    default:
      return nil
    }
  }

  /// The names that bgpd.conf(5) has for communities, in either case.
  private static let wellKnown: [String: (UInt16, UInt16)] = [
    "GRACEFUL_SHUTDOWN": (0xFFFF, 0),
    "BLACKHOLE": (0xFFFF, 0x029A),
    "NO_EXPORT": (0xFFFF, 0xFF01),
    "NO_ADVERTISE": (0xFFFF, 0xFF02),
    "NO_EXPORT_SUBCONFED": (0xFFFF, 0xFF03),
    "NO_PEER": (0xFFFF, 0xFF04),
  ]

  /// `A:B`, where each may be `*`, or a well-known name.
  static func community(_ word: String) throws(CommandError) -> RIBQuery.CommunityFilter? {
    if let (global, local) = wellKnown[word.uppercased()] {
      return .init(global: global, local: local)
    }
    let parts = try fields(2, of: word)
    return .init(global: try number(parts[0]), local: try number(parts[1]))
  }

  /// `A:B:C`, where each may be `*`.
  static func largeCommunity(_ word: String) throws(CommandError) -> RIBQuery.LargeCommunityFilter? {
    let parts = try fields(3, of: word)
    return .init(global: try number(parts[0]), data1: try number(parts[1]), data2: try number(parts[2]))
  }

  private static func fields(_ count: Int, of word: String) throws(CommandError) -> [Substring] {
    let fields = word.split(separator: ":", omittingEmptySubsequences: false)
    guard fields.count == count, fields.allSatisfy({ !$0.isEmpty }) else {
      throw .refused("Bad community syntax")
    }
    return fields
  }

  /// A part of a community; `nil` for the wildcard.
  private static func number<Number: FixedWidthInteger>(_ field: Substring) throws(CommandError) -> Number? {
    if field == "*" { return nil }
    guard field.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else {
      throw .refused("Community \(field.printable) is invalid (max: \(Number.max))")
    }
    guard let number = Number(decimal: field) else {
      throw .refused("Community \(field) is too large (max: \(Number.max))")
    }
    return number
  }
}
