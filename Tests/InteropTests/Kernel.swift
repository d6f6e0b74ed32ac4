import Foundation
import Testing

/// What the kernel holds, as nft(8) tells it.
enum Kernel {
  static let table = "inet nftbgpd"

  /// The elements of every set of a table, by the names of the sets: `ADDRESS`, `ADDRESS/LENGTH` or `FIRST-LAST`.
  ///
  /// - Throws: when there is no table, or an element is there twice.
  static func sets(_ laboratory: Laboratory, of table: String = table) throws -> [String: Set<String>] {
    try sets(in: try list(laboratory, ["list", "table"], of: table))
  }

  /// The elements of one set.
  ///
  /// - Throws: when there is no such set.
  static func elements(of set: String, _ laboratory: Laboratory) throws -> Set<String> {
    guard let elements = try sets(in: try list(laboratory, ["list", "set"], of: table, set))[set] else {
      throw Unexpected("nft showed no set \(set)")
    }
    return elements
  }

  /// Whether the set holds an element or what contains it.
  static func has(_ element: String, in set: String, _ laboratory: Laboratory) throws -> Bool {
    try laboratory.run("nft", ["get element \(table) \(set) { \(element) }"]).status == 0
  }

  /// Commands of the operator.
  static func command(_ commands: String, _ laboratory: Laboratory) throws {
    let outcome = try laboratory.run("nft", [commands])
    try #require(outcome.status == 0, "nft '\(commands)': \(outcome.errors)")
  }

  static func removeTable(_ laboratory: Laboratory) throws {
    // Not `add` first: that fails where there is one that a daemon owned.
    let outcome = try laboratory.run("nft", ["delete table \(table)"])
    try #require(outcome.status == 0 || outcome.errors.contains("No such file"), "\(outcome.errors)")
  }

  /// Waits until the table consists of these sets with these elements.
  static func wait(
    for expected: [String: Set<String>], _ laboratory: Laboratory, seconds: Double = 20,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var found: [String: Set<String>] = [:]
    repeat {
      found = (try? sets(laboratory)) ?? [:]
      if found == expected { return }
      usleep(20_000)
    } while ContinuousClock.now < deadline
    let difference = difference(found, expected)
    try #require(difference.isEmpty, "after \(seconds) s", sourceLocation: sourceLocation)
  }

  /// What is wrong with the sets, shortly.
  static func difference(_ found: [String: Set<String>], _ expected: [String: Set<String>]) -> String {
    Set(found.keys).union(expected.keys).sorted().compactMap { name in
      guard let found = found[name] else { return "no set \(name)" }
      guard let expected = expected[name] else { return "a set \(name)" }
      guard found != expected else { return nil }
      let missing = expected.subtracting(found).sorted()
      let surplus = found.subtracting(expected).sorted()
      return "\(name): \(missing.count) missing \(missing.prefix(5)), \(surplus.count) too many \(surplus.prefix(5))"
    }.joined(separator: "; ")
  }

  private static func list(
    _ laboratory: Laboratory, _ verb: [String], of table: String, _ name: String...
  ) throws -> String {
    let outcome = try laboratory.run("nft", ["-j"] + verb + table.split(separator: " ").map(String.init) + name)
    guard outcome.status == 0 else { throw Unexpected(outcome.errors) }
    return outcome.output
  }

  private static func sets(in json: String) throws -> [String: Set<String>] {
    let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    var sets: [String: Set<String>] = [:]
    for case let set as [String: Any] in (object?["nftables"] as? [[String: Any]] ?? []).compactMap({ $0["set"] }) {
      guard let name = set["name"] as? String else { throw Unexpected("a set without a name") }
      let elements = try (set["elem"] as? [Any] ?? []).map(text)
      sets[name] = Set(elements)
      guard sets[name]?.count == elements.count else { throw Unexpected("an element of \(name) is there twice") }
    }
    return sets
  }

  private static func text(_ element: Any) throws -> String {
    if let address = element as? String { return address }
    if let object = element as? [String: Any] {
      if let inner = object["elem"] as? [String: Any], let value = inner["val"] { return try text(value) }
      if let prefix = object["prefix"] as? [String: Any], let address = prefix["addr"], let length = prefix["len"] {
        return "\(address)/\(length)"
      }
      if let range = object["range"] as? [String], range.count == 2 { return "\(range[0])-\(range[1])" }
    }
    throw Unexpected("element \(element)")
  }
}
