import Foundation
import Glibc
import Netfilter
import Primitives
import Testing

extension KernelTier {
  /// Real datagrams over the loopback interface. The witness is a table of nft(8) that notes, after the classify chain
  /// has seen a packet, its source address and its mark.
  @Suite("Marks of packets")
  struct MarkTests {
    private static let hostMark: UInt32 = 0x0100_0002
    private static let networkMark: UInt32 = 0x8000_0000

    private struct Sample {
      let hosts: Kind
      let networks: Kind
      /// In the set of hosts, in that of networks, in both and in none.
      let sources: [String]
      let network: String
      let destination: String
    }

    private static let ipv4 = Sample(
      hosts: .hosts, networks: .networks, sources: ["127.0.1.1", "127.0.2.3", "127.0.2.1", "127.0.1.2"],
      network: "127.0.2.0/24", destination: "127.0.0.1")
    private static let ipv6 = Sample(
      hosts: .hosts6, networks: .networks6,
      sources: ["2001:db8:1::1", "2001:db8:2::3", "2001:db8:2::1", "2001:db8:1::2"], network: "2001:db8:2::/48",
      destination: "::1")

    private static func samples(_ family: NFTable.Family) -> [Sample] {
      switch family {
      case .inet: [ipv4, ipv6]
      case .ipv4: [ipv4]
      case .ipv6: [ipv6]
      }
    }

    /// A witness, and addresses to send from.
    private func withWitness(_ body: () throws -> Void) throws {
      try NFT.run(
        """
        table inet witness {
          set seen { type ipv4_addr . mark; flags dynamic; size 64; }
          set seen6 { type ipv6_addr . mark; flags dynamic; size 64; }
          chain input {
            type filter hook input priority filter; policy accept;
            udp dport 9009 add @seen { ip saddr . meta mark }
            udp dport 9009 add @seen6 { ip6 saddr . meta mark }
          }
        }
        """)
      for source in Self.ipv6.sources { try ShellCommand("ip -6 address add \(source)/128 dev lo nodad 2>&1").wait() }
      defer {
        for source in Self.ipv6.sources { _ = try? ShellCommand("ip -6 address del \(source)/128 dev lo 2>&1").wait() }
        _ = try? NFT.run("delete table inet witness")
      }
      try body()
    }

    /// The mark with which datagrams from each of the addresses arrive; each is sent with `mark`.
    private func marks(_ sample: Sample, sentWith mark: UInt32 = 0) throws -> [[UInt32]] {
      try NFT.run("flush set inet witness seen; flush set inet witness seen6")
      for source in sample.sources { try Datagram.send(from: source, to: sample.destination, port: 9009, mark: mark) }
      var marks: [String: [UInt32]] = [:]
      for set in ["seen", "seen6"] {
        let object = try JSONSerialization.jsonObject(with: try NFT.run("list set inet witness \(set)", json: true))
        let entries = (object as? [String: Any])?["nftables"] as? [[String: Any]] ?? []
        for element in entries.compactMap({ $0["set"] as? [String: Any] }).flatMap({ $0["elem"] as? [Any] ?? [] }) {
          guard let parts = (element as? [String: Any])?["concat"] as? [Any], parts.count == 2,
            let source = parts[0] as? String, let mark = parts[1] as? Int
          else { throw Unexpected("element \(element)") }
          marks[source, default: []].append(UInt32(mark))
        }
      }
      return sample.sources.map { marks[$0] ?? [] }
    }

    private func fill(_ transaction: inout Transaction, _ samples: [Sample]) throws {
      for sample in samples {
        try transaction.add(try prefixes(sample.sources[0], sample.sources[2]), to: sample.hosts.declaration)
        try transaction.add(try prefixes(sample.network), to: sample.networks.declaration)
      }
    }

    private func chain(_ samples: [Sample]) -> ClassifyChain {
      ClassifyChain(
        name: "classify",
        entries: samples.flatMap { sample in
          [
            .init(set: sample.hosts.declaration, mark: Self.hostMark),
            .init(set: sample.networks.declaration, mark: Self.networkMark),
          ]
        })
    }

    @Test(
      "Packets get the mark of each set that their source is in, and keep the bits that they had",
      arguments: NFTable.Family.allCases)
    func marking(family: NFTable.Family) throws {
      let samples = Self.samples(family)
      let table = NFTable(family: family, name: "marking")
      defer { _ = try? NFT.run("delete table \(table)") }
      try withWitness {
        var connection = try NetfilterConnection()
        for sample in samples { #expect(try marks(sample) == [[0], [0], [0], [0]]) }
        try connection.commit(to: table) { transaction in
          try transaction.createOwnedTable()
          for sample in samples {
            try transaction.create(sample.hosts.declaration)
            try transaction.create(sample.networks.declaration)
          }
          try transaction.install(chain(samples))
          try fill(&transaction, samples)
        }
        let (host, network) = (Self.hostMark, Self.networkMark)
        for sample in samples {
          #expect(try marks(sample) == [[host], [network], [host | network], [0]])
          let others: UInt32 = 0x4000_0011
          #expect(
            try marks(sample, sentWith: others)
              == [[others | host], [others | network], [others | host | network], [others]])
          #expect(try marks(sample, sentWith: host) == [[host], [host | network], [host | network], [host]])
        }
        // What the sets hold counts, not what they held when the chain was made.
        for sample in samples {
          try connection.commit(to: table) {
            try $0.remove(try prefixes(sample.sources[0]), from: sample.hosts.declaration)
            try $0.add(try prefixes(sample.sources[3]), to: sample.hosts.declaration)
          }
          #expect(try marks(sample) == [[0], [network], [host | network], [host]])
        }
        _ = consume connection
      }
    }

    @Test("An orphan goes on marking, and the counters tell of how many packets")
    func orphan() throws {
      let samples = Self.samples(.inet)
      let table = NFTable(name: "marking")
      defer { _ = try? NFT.run("delete table \(table)") }
      try withWitness {
        var connection = try NetfilterConnection()
        try connection.commit(to: table) { transaction in
          try transaction.createOwnedTable()
          for sample in samples {
            try transaction.create(sample.hosts.declaration)
            try transaction.create(sample.networks.declaration)
          }
          try fill(&transaction, samples)
          try transaction.install(chain(samples))
        }
        _ = consume connection
        let (host, network) = (Self.hostMark, Self.networkMark)
        for sample in samples {
          #expect(try marks(sample) == [[host], [network], [host | network], [0]])
        }
        let counted = try NFT.text("list chain inet marking classify").split(separator: "\n")
          .filter { $0.contains("saddr") }
        #expect(counted.count == 4)
        #expect(counted.allSatisfy { $0.contains("counter packets 2 bytes") })
      }
    }
  }
}

/// UDP over sockets.
enum Datagram {
  /// Sends one octet from a numeric address to another with SO_MARK, without waiting.
  static func send(from source: String, to destination: String, port: UInt16, mark: UInt32) throws {
    let family = source.contains(":") ? AF_INET6 : AF_INET
    let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw Unexpected("socket: \(errno)") }
    defer { close(descriptor) }
    var mark = mark
    // Safety: one number, which lives through the call.
    guard unsafe setsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, 4) == 0 else {
      throw Unexpected("SO_MARK: \(errno)")
    }
    unsafe try withAddress(source, 0) { address, length in
      // Safety: the address and its length are those of getaddrinfo.
      guard unsafe bind(descriptor, address, length) == 0 else { throw Unexpected("bind \(source): \(errno)") }
    }
    unsafe try withAddress(destination, port) { address, length in
      // Safety: one octet, and the address and its length are those of getaddrinfo.
      guard unsafe sendto(descriptor, [1], 1, 0, address, length) == 1 else { throw Unexpected("sendto: \(errno)") }
    }
  }

  private static func withAddress(
    _ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
  ) throws {
    var hints = unsafe addrinfo()
    unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    // Safety: the list is freed once, after its last use.
    guard unsafe getaddrinfo(text, "\(port)", &hints, &list) == 0, let first = unsafe list else {
      throw Unexpected("\(text) is no address")
    }
    defer { unsafe freeaddrinfo(list) }
    guard let address = unsafe first.pointee.ai_addr else { throw Unexpected("\(text) has no address") }
    try unsafe body(address, first.pointee.ai_addrlen)
  }
}
