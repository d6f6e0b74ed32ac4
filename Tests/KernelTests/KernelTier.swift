import Foundation
import Glibc
import Netfilter
import Primitives
import TestSupport
import Testing

/// The tests that change nf_tables. They touch only a network namespace of their own, where each works in a table of its own, one
/// after another, because the generation is that of the whole namespace.
///
/// The witness is nft(8), asked in JSON; it is never the way in for what is being tested.
@Suite(
  "nf_tables", .serialized,
  .enabled(if: Namespace.isOwn, "the kernel tier needs its own network namespace: run Tools/test")
)
struct KernelTier {
  /// Runs `body` with a connection and a table that does not exist yet, which is gone afterwards.
  static func withTable(
    _ name: String, family: NFTable.Family = .inet, _ body: (inout NetfilterConnection, NFTable) throws -> Void
  ) throws {
    let table = NFTable(family: family, name: name)
    var connection = try NetfilterConnection()
    do {
      try body(&connection, table)
    } catch {
      _ = try? NFT.run("delete table \(table)")
      throw error
    }
    try NFT.run("add table \(table); delete table \(table)")
  }

  /// The error of a commit that must fail.
  static func failure(of batch: consuming Batch, _ connection: inout NetfilterConnection) throws -> NetfilterError {
    do throws(NetfilterError) {
      try connection.commit(batch)
    } catch {
      return error
    }
    throw Unexpected("the commit did not fail")
  }
}

/// Outside of the suite above, so that it runs where that is disabled.
@Suite("The kernel tier")
struct KernelTierIsolation {
  @Test(
    "has a network namespace of its own",
    .enabled(if: ProcessInfo.processInfo.environment["NFTBGPD_TIERS"] != nil, "NFTBGPD_TIERS is not set")
  )
  func isolation() {
    #expect(Namespace.isOwn, "the kernel tier needs its own network namespace: run Tools/test")
  }
}

/// A test could not go on.
struct Unexpected: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// nft(8), as the other program that shares the ruleset and as the witness.
enum NFT {
  /// Lets nft(8) read `commands` from a file and answers what it printed.
  @discardableResult
  static func run(_ commands: String, json: Bool = false) throws -> Data {
    let file = FileManager.default.temporaryDirectory.appending(path: "nftbgpd-\(UUID().uuidString).nft")
    try Data((commands + "\n").utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try ShellCommand("nft \(json ? "-j " : "")-f \(file.path) 2>&1").wait()
  }

  /// What nft(8) shows as text.
  static func text(_ commands: String) throws -> String {
    String(decoding: try run(commands), as: UTF8.self)
  }

  /// A set as nft(8) sees it.
  static func set(_ name: String, in table: NFTable) throws -> WitnessedSet {
    let object = try JSONSerialization.jsonObject(with: try run("list set \(table) \(name)", json: true))
    guard let entries = (object as? [String: Any])?["nftables"] as? [[String: Any]],
      let set = entries.compactMap({ $0["set"] as? [String: Any] }).first
    else { throw Unexpected("nft showed no set \(name)") }
    return try WitnessedSet(set)
  }
}

/// A shell command that runs beside the test until somebody waits for it.
///
/// Foundation's Process does not always notice that its child has ended when it is started from a test.
@safe
struct ShellCommand {
  private let stream: UnsafeMutablePointer<FILE>

  init(_ command: String) throws {
    // Safety: `wait()` closes the stream once.
    guard let opened = unsafe popen(command, "r") else { throw Unexpected("popen: \(errno)") }
    unsafe stream = unsafe opened
  }

  /// What it printed, once it has ended. To be called once.
  @discardableResult
  func wait() throws -> Data {
    var output = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // Safety: the pointer and the length describe the array, which lives through the call.
      let count = unsafe fread(&buffer, 1, buffer.count, stream)
      if count == 0 { break }
      output.append(contentsOf: buffer[..<count])
    }
    // Safety: the stream is open, and nobody else closes it.
    guard unsafe pclose(stream) == 0 else { throw Unexpected(String(decoding: output, as: UTF8.self)) }
    return output
  }
}

/// A set as nft(8) sees it.
struct WitnessedSet {
  let type: String
  let flags: Set<String>
  let size: Int?
  /// Each element as `ADDRESS/LENGTH`, or as `FIRST-LAST`.
  let elements: Set<String>
  /// How many there were, to see that none came twice.
  let count: Int

  init(_ json: [String: Any]) throws {
    type = json["type"] as? String ?? "\(json["type"] ?? "")"
    flags = Set(json["flags"] as? [String] ?? (json["flags"] as? String).map { [$0] } ?? [])
    size = json["size"] as? Int
    let shown = try (json["elem"] as? [Any] ?? []).map(Self.text)
    elements = Set(shown)
    count = shown.count
  }

  private static func text(_ element: Any) throws -> String {
    if let address = element as? String {
      guard let address = IPAddress(address) else { throw Unexpected("element \(element)") }
      return "\(Prefix(host: address))"
    }
    guard let object = element as? [String: Any] else { throw Unexpected("element \(element)") }
    if let inner = object["elem"] as? [String: Any], let value = inner["val"] {
      return try text(value)
    }
    if let prefix = object["prefix"] as? [String: Any], let address = prefix["addr"] as? String,
      let length = prefix["len"] as? Int
    {
      return "\(address)/\(length)"
    }
    if let range = object["range"] as? [String], range.count == 2 {
      return "\(range[0])-\(range[1])"
    }
    throw Unexpected("element \(element)")
  }
}

/// Prefixes from text, which has to be right.
func prefixes(_ texts: String...) throws -> PrefixList {
  PrefixList(
    try texts.map { text in
      guard let prefix = Prefix(text) else { throw Unexpected("\(text) is no prefix") }
      return prefix
    })
}

extension PrefixList {
  /// Each prefix as nft(8)'s JSON is shown above.
  var texts: Set<String> { Set(all.map(\.description)) }
}

extension Transaction {
  /// Adds the prefixes of the set's family.
  mutating func add(_ prefixes: PrefixList, to set: SetDeclaration, isExclusive: Bool = false) throws {
    try add(prefixes.ipv4, to: set, isExclusive: isExclusive)
    try add(prefixes.ipv6, to: set, isExclusive: isExclusive)
  }

  /// Removes the prefixes of the set's family.
  mutating func remove(_ prefixes: PrefixList, from set: SetDeclaration) throws {
    try remove(prefixes.ipv4, from: set)
    try remove(prefixes.ipv6, from: set)
  }
}

extension NetfilterConnection {
  /// Commits what `fill` puts into a transaction.
  mutating func commit(to table: NFTable, _ fill: (inout Transaction) throws -> Void) throws {
    var transaction = Transaction(table: table)
    try fill(&transaction)
    try commit(transaction.finish())
  }
}

/// The four kinds of set that nftbgpd uses.
enum Kind: String, CaseIterable, CustomTestStringConvertible {
  case hosts = "black"
  case networks = "black_net"
  case hosts6 = "black6"
  case networks6 = "black6_net"

  var declaration: SetDeclaration {
    switch self {
    case .hosts: SetDeclaration(name: rawValue, family: .ipv4, isInterval: false)
    case .networks: SetDeclaration(name: rawValue, family: .ipv4, isInterval: true)
    case .hosts6: SetDeclaration(name: rawValue, family: .ipv6, isInterval: false)
    case .networks6: SetDeclaration(name: rawValue, family: .ipv6, isInterval: true)
    }
  }

  /// `count` prefixes that do not overlap, of the kind that the set holds, in an order that is none.
  func samples(_ count: Int, seed: UInt64 = 1) throws -> PrefixList {
    var random = RandomSource(seed: seed)
    var list = PrefixList()
    for number in 0..<count {
      // Blocks of 64 addresses (of 2^64 for IPv6) that lie next to each other, with a prefix of some length at the start of each.
      switch self {
      case .hosts:
        list.ipv4.append(IPv4Prefix(host: IPv4Address(0x0A00_0000 + UInt32(number) * 3)))
      case .networks:
        let length = UInt8.random(in: 26...32, using: &random)
        list.ipv4.append(try #require(IPv4Prefix(IPv4Address(0x0A00_0000 + UInt32(number) * 64), length: length)))
      case .hosts6:
        list.ipv6.append(
          IPv6Prefix(host: IPv6Address(high: 0x2001_0DB8_0000_0000, low: UInt64(number) &* 0x1_0000_0001)))
      case .networks6:
        let length = UInt8.random(in: 64...128, using: &random)
        list.ipv6.append(
          try #require(IPv6Prefix(IPv6Address(high: 0x2001_0DB8_0000_0000 + UInt64(number), low: 0), length: length)))
      }
    }
    list.ipv4.shuffle(using: &random)
    list.ipv6.shuffle(using: &random)
    return list
  }

  var testDescription: String { declaration.description }
}
