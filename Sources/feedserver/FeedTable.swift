import BGPWire
import Primitives

/// What the feed server announces: prefixes with their communities, read from a list file or changed by commands.
struct FeedTable {
  private(set) var communities: [Prefix: [Community]] = [:]

  /// A line that is not `PREFIX COMMUNITY…`.
  struct LineError: Error, CustomStringConvertible {
    let line: Int
    let message: String

    var description: String { "line \(line): \(message)" }
  }

  var count: Int { communities.count }

  /// Reads a list: a prefix or address and its communities on each line, `#` begins a comment.
  mutating func load(_ text: String) throws {
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let first = words.first else { continue }
      guard let prefix = Prefix(first) else { throw LineError(line: number, message: "not a prefix: \(first)") }
      communities[prefix] = try Self.communities(words.dropFirst(), line: number)
    }
  }

  /// `65066:666`, or a well-known name.
  static func communities(_ words: some Sequence<Substring>, line: Int = 0) throws -> [Community] {
    try words.map { word in
      if let known = Community.wellKnown.first(where: { $0.name == word }) { return known.community }
      let parts = word.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let global = UInt16(decimal: parts[0]), let local = UInt16(decimal: parts[1]) else {
        throw LineError(line: line, message: "not a community: \(word)")
      }
      return Community(global, local)
    }.sorted()
  }

  mutating func announce(_ prefix: Prefix, _ list: [Community]) {
    communities[prefix] = list
  }

  mutating func withdraw(_ prefix: Prefix) -> Bool {
    communities.removeValue(forKey: prefix) != nil
  }

  mutating func withdrawAll() -> [Prefix] {
    defer { communities = [:] }
    return communities.keys.sorted()
  }

  /// The prefixes of each set of communities, both in a fixed order.
  var groups: [(communities: [Community], prefixes: PrefixList)] {
    Dictionary(grouping: communities.keys, by: { communities[$0] ?? [] })
      .map { (communities: $0.key, prefixes: PrefixList($0.value.sorted())) }
      .sorted { $0.communities.lexicographicallyPrecedes($1.communities) }
  }
}
