import Foundation
import Glibc
import Synchronization
import Testing

/// A process beside the daemon that looks at the sets all the time, through the eyes of a packet.
///
/// A thread sends packets from a listed address as fast as it can. A chain of the daemon's table drops what is listed,
/// which the sender is told at once; a packet that gets through has seen a set without the address. Nobody needs to
/// have the address, and none of the packets leaves the host.
final class Watcher: Sendable {
  /// What counts as listed, by the port that the packets are sent to.
  enum Condition: UInt16 {
    /// Being in `bgp_spamd` or `bgp_spamd_net`.
    case black = 9001
    /// Being in `bgp_spamd` or `bgp_spamd_bypass`.
    case either = 9002
  }

  /// A ruleset as an operator loads it, with the rules that tell the watcher; loading it again changes nothing.
  ///
  /// A packet looks into one set after another, so `either` looks into the first once more, for what has moved in
  /// between.
  static let ruleset = """
    table \(Kernel.table) {
      set bgp_spamd { type ipv4_addr; }
      set bgp_spamd_net { type ipv4_addr; flags interval; }
      set bgp_spamd_bypass { type ipv4_addr; }
      set bgp_spamd_bypass_net { type ipv4_addr; flags interval; }
      chain watched { type filter hook output priority filter; policy accept; }
    }
    flush chain \(Kernel.table) watched
    table \(Kernel.table) {
      chain watched {
        udp dport \(Condition.black.rawValue) ip saddr @bgp_spamd drop
        udp dport \(Condition.black.rawValue) ip saddr @bgp_spamd_net drop
        udp dport \(Condition.either.rawValue) ip saddr @bgp_spamd drop
        udp dport \(Condition.either.rawValue) ip saddr @bgp_spamd_bypass drop
        udp dport \(Condition.either.rawValue) ip saddr @bgp_spamd drop
      }
    }

    """

  static func loadRuleset(_ laboratory: Laboratory) throws {
    let outcome = try laboratory.run("nft", ["-f", try laboratory.write(ruleset, to: "watched.nft")])
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private struct Looks {
    var count = 0
    /// When packets got through, with what the sender was told.
    var misses: [String] = []
  }

  private let looks = Mutex(Looks())
  private let isEnding = Atomic(false)
  private let hasEnded = DispatchSemaphore(value: 0)

  /// Looks at addresses, which must be listed now, while `body` runs, and expects to see no miss.
  static func watch(
    _ what: String, _ addresses: [String], _ condition: Condition = .black,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) throws {
    let start = ContinuousClock.now
    for (address, looks) in zip(addresses, try looks(at: addresses, condition, during: body)) {
      let time = ContinuousClock.now - start
      print("interop: \(what): \(looks.count) packets from \(address) in \(time), \(looks.misses.count) got through")
      #expect(looks.count >= 10_000, "from \(address)", sourceLocation: sourceLocation)
      #expect(looks.misses == [], "from \(address)", sourceLocation: sourceLocation)
    }
  }

  /// How many misses it sees, at most ten of each few hundred packets, while `body` runs.
  static func misses(_ address: String, during body: () throws -> Void) throws -> Int {
    try looks(at: [address], .black, during: body).reduce(0) { $0 + $1.misses.count }
  }

  private static func looks(
    at addresses: [String], _ condition: Condition, during body: () throws -> Void
  ) throws -> [Looks] {
    let sources = try addresses.map { try PacketSource($0, port: condition.rawValue) }
    let watchers = sources.map { source in
      let watcher = Watcher()
      Thread.detachNewThread { watcher.look(source) }
      return watcher
    }
    let outcome = Result { try body() }
    let looks = watchers.map { watcher in
      watcher.isEnding.store(true, ordering: .relaxed)
      watcher.hasEnded.wait()
      return watcher.looks.withLock { $0 }
    }
    try outcome.get()
    return looks
  }

  private func look(_ packets: PacketSource) {
    let start = ContinuousClock.now
    while !isEnding.load(ordering: .relaxed) {
      var misses: [String] = []
      for _ in 0..<256 {
        let answer = packets.send()
        if answer != EPERM { misses.append("\(answer) after \(ContinuousClock.now - start)") }
      }
      looks.withLock { looks in
        looks.count += 256
        looks.misses += misses.prefix(10)
      }
    }
    hasEnded.signal()
  }
}

/// Sends packets from an address that nobody has.
private final class PacketSource: Sendable {
  private let descriptor: Int32
  private let destination: sockaddr_in

  init(_ address: String, port: UInt16) throws {
    let opened = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    descriptor = opened
    destination = Self.endpoint("127.0.0.1", port: port)
    var yes: Int32 = 1
    var source = Self.endpoint(address, port: 0)
    // Safety: pointers to values that live through the calls, with their sizes.
    let isPermitted =
      unsafe setsockopt(opened, Int32(IPPROTO_IP), IP_TRANSPARENT, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
    let isBound = unsafe withUnsafePointer(to: &source) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(opened, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isPermitted, isBound else { throw Unexpected("no socket for packets from \(address): error \(errno)") }
  }

  deinit { close(descriptor) }

  /// Sends a packet: EPERM says that a rule dropped it.
  func send() -> Int32 {
    var octet: UInt8 = 0
    // Safety: pointers to values that live through the call, with their sizes.
    let result = unsafe withUnsafePointer(to: destination) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe sendto(descriptor, &octet, 1, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return result < 0 ? errno : 0
  }

  private static func endpoint(_ address: String, port: UInt16) -> sockaddr_in {
    var endpoint = sockaddr_in()
    endpoint.sin_family = sa_family_t(AF_INET)
    endpoint.sin_port = port.bigEndian
    endpoint.sin_addr = in_addr(s_addr: unsafe inet_addr(address))
    return endpoint
  }
}
