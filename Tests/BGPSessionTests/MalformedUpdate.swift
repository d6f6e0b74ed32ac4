import BGPWire
import Foundation
import Primitives
import Testing

/// One row of Tests/Fixtures/wire/malformed-updates.txt, whose head says what the columns mean.
struct MalformedUpdate: Sendable, CustomTestStringConvertible {
  enum Peer: String, Sendable {
    case external = "ebgp"
    case `internal` = "ibgp"
    case twoOctet = "ebgp2"
  }

  let name: String
  let peer: Peer
  /// `+4`, `-6` and so on.
  let routes: Set<String>
  /// The whole UPDATE.
  let octets: [UInt8]
  /// That of nftbgpd first, then what an RFC allows besides.
  let reactions: [String]
  let authority: String

  var testDescription: String { name }

  static let victims = [
    "4": Prefix("192.0.2.1/32"), "6": Prefix("2001:db8::25/128"),
  ].compactMapValues { $0 }

  /// Empty when the file cannot be read, which is a test of its own.
  static let all: [MalformedUpdate] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = folder.appendingPathComponent("Fixtures/wire/malformed-updates.txt")
    return (try? parse(String(contentsOf: file, encoding: .utf8))) ?? []
  }()

  struct Mistake: Error {
    let line: Int
  }

  static func parse(_ text: String) throws -> [MalformedUpdate] {
    var definitions: [String: String] = [:]
    var rows: [MalformedUpdate] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      let columns = line.split(separator: "|", omittingEmptySubsequences: false).map(trimmed)
      if columns.count == 1 {
        let sides = line.split(separator: "=").map(trimmed)
        guard sides.count == 2 else { throw Mistake(line: index + 1) }
        definitions[sides[0]] = sides[1]
      } else {
        guard columns.count == 8, let peer = Peer(rawValue: columns[1]),
          let octets = message(columns[3], columns[4], columns[5], definitions)
        else { throw Mistake(line: index + 1) }
        rows.append(
          MalformedUpdate(
            name: columns[0], peer: peer, routes: Set(columns[2].split(separator: " ").map(String.init)),
            octets: octets,
            reactions: columns[6].replacing(" or ", with: "|").split(separator: "|").map(String.init),
            authority: columns[7]))
      }
    }
    return rows
  }

  private static func trimmed(_ text: Substring) -> String {
    text.trimmingCharacters(in: .whitespaces)
  }

  private static func message(
    _ withdrawn: String, _ attributes: String, _ nlri: String, _ definitions: [String: String]
  ) -> [UInt8]? {
    var body: [UInt8]
    if attributes.hasPrefix("raw") {
      guard let octets = octets(String(attributes.dropFirst(3)), definitions) else { return nil }
      body = octets
    } else {
      guard let withdrawn = octets(withdrawn, definitions), let attributes = octets(attributes, definitions),
        let nlri = octets(nlri, definitions)
      else { return nil }
      body = length(withdrawn.count) + withdrawn + length(attributes.count) + attributes + nlri
    }
    return Array(repeating: 0xFF, count: 16) + length(19 + body.count) + [2] + body
  }

  private static func length(_ count: Int) -> [UInt8] { [UInt8(count >> 8), UInt8(count & 255)] }

  /// - Returns: nil for a definition that is not there, and for what are no whole octets.
  private static func octets(_ text: String, _ definitions: [String: String]) -> [UInt8]? {
    var octets: [UInt8] = []
    for word in text.split(separator: " ") {
      if word.hasPrefix("{"), word.hasSuffix("}") {
        guard let definition = definitions[String(word.dropFirst().dropLast())],
          let expanded = self.octets(definition, definitions)
        else { return nil }
        octets += expanded
      } else {
        let parts = word.split(separator: "*")
        guard let digits = parts.first, digits.count % 2 == 0, let times = parts.count == 1 ? 1 : Int(parts[1]) else {
          return nil
        }
        let pairs = stride(from: 0, to: digits.count, by: 2).map { digits.dropFirst($0).prefix(2) }
        let once = pairs.compactMap { UInt8($0, radix: 16) }
        guard once.count == pairs.count else { return nil }
        octets += Array(repeatElement(once, count: times).joined())
      }
    }
    return octets
  }
}
