import Foundation
import Testing

/// Two tables in all formats, as the daemon writes them, and what programs that read them have to say of addresses.
enum ListedAddresses {
  static let formats = ["spamd", "plain", "postfix", "exim", "rbldnsd", "nginx", "nft", "ipset", "json", "csv"]

  /// Networks within each other, and good senders within a listed network.
  static let feed = Feed(
    black: Feed.hosts(0..<100) + [
      "45.51.100.0/24", "45.60.0.0/16", "45.60.7.0/24", "45.60.7.1/32", "45.77.0.128/25", "2a00:db8::25/128",
      "2a00:db8:bad::/48", "2a00:db8:bad:1::/64", "2a01:111::/32",
    ],
    bypass: ["45.0.113.7/32", "45.60.9.9/32", "45.52.0.0/24", "2a00:db8:bad::7/128", "2a02:5::/48"])

  /// What is listed in a table, with lengths.
  static func prefixes(_ listing: Feed.Listing) -> [AddressBlock] {
    feed.routes.filter { $0.value == listing }.keys.compactMap(AddressBlock.init).sorted()
  }

  struct Probe {
    let address: String
    let isBlack: Bool
    let isBypass: Bool

    var isIPv6: Bool { address.contains(":") }
    var lists: String { [isBlack ? "black" : nil, isBypass ? "bypass" : nil].compactMap { $0 }.joined(separator: "+") }
    /// `black`, `bypass`, `black+bypass` or `none`.
    var verdict: String { lists.isEmpty ? "none" : lists }
  }

  /// The first and the last address of everything that is listed, and those before and after.
  static let probes = probes(around: feed.routes.keys)

  /// The same around everything but most of the hosts.
  static let fewProbes = probes(around: feed.routes.keys.filter { !$0.hasPrefix("11.") } + Feed.hosts(0..<3))

  private static func probes(around prefixes: some Sequence<String>) -> [Probe] {
    let black = self.prefixes(.black)
    let bypass = self.prefixes(.bypass)
    var addresses: Set<AddressBlock> = []
    for block in prefixes.compactMap(AddressBlock.init) {
      let width = block.isIPv6 ? 128 : 32
      let step: UInt128 = 1 << UInt128(128 - width)
      let last = block.first + (1 << UInt128(128 - block.length)) - step
      for address in [block.first - step, block.first, last, last + step] {
        addresses.insert(AddressBlock(isIPv6: block.isIPv6, address, length: width))
      }
    }
    return addresses.sorted().map { address in
      Probe(
        address: Feed.element(address.text), isBlack: black.contains { $0.contains(address) },
        isBypass: bypass.contains { $0.contains(address) })
    }
  }

  // MARK: The files

  /// Made once: contents by `black.FORMAT` and `bypass.FORMAT`, and what nftbgpctl writes by `control.FORMAT`.
  private static let contents = Result { try make() }

  /// Lets a test have the files in its laboratory, readable for all.
  static func run(_ body: (Laboratory) throws -> Void) throws {
    let contents = try contents.get()
    try Laboratory.run { laboratory in
      for (name, text) in contents {
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o644], ofItemAtPath: try laboratory.write(text, to: name))
      }
      try body(laboratory)
    }
  }

  private static func make() throws -> [String: String] {
    var contents: [String: String] = [:]
    try Laboratory.run { laboratory in
      let server = try FeedServer(laboratory, address: "127.0.0.2", feed)
      var configuration = NftbgpdUnderTest.configuration(neighbors: [server.address])
      for format in formats {
        configuration += "export table bgp_spamd to \"\(laboratory.path("black.\(format)"))\" format \(format)\n"
        configuration +=
          "export table bgp_spamd_bypass to \"\(laboratory.path("bypass.\(format)"))\" format \(format)\n"
      }
      let nftbgpd = try NftbgpdUnderTest(laboratory, configuration)
      try nftbgpd.waitForLog("table complete with \(feed.routes.count) prefixes")
      try nftbgpd.waitForLog(" entries of ", times: 2 * formats.count)
      for format in formats {
        for table in ["black", "bypass"] {
          contents["\(table).\(format)"] = Child.text(laboratory.path("\(table).\(format)"))
        }
        let outcome = try nftbgpd.control("export", "bgp_spamd", "--format", format)
        try #require(outcome.status == 0, "\(outcome.errors)")
        contents["control.\(format)"] = outcome.output
      }
    }
    return contents
  }
}
