import CNetfilter
import Glibc
import Primitives

/// What the monitor heard since it was last read.
package struct RulesetObservation: Hashable, Sendable {
  /// The commits that are complete, in their order.
  package var changes: [RulesetChange] = []
  /// Whether the kernel dropped events. Any number of commits may be missing after `changes`, none of them later than
  /// the generation that the ruleset has now: read that, and verify everything.
  package var isLost = false
  /// Whether the reading stopped at its limit: read again.
  package var hasMore = false

  package init(changes: [RulesetChange] = [], isLost: Bool = false, hasMore: Bool = false) {
    self.changes = changes
    self.isLost = isLost
    self.hasMore = hasMore
  }
}

/// Tells what other programs did to nf_tables, who they were, and what of one table they touched.
///
/// It refuses to know what ought to be in the sets: it reports commits and repairs nothing. It never waits, and it
/// keeps no element: of a commit that adds a million there remain a name and a count.
///
/// The kernel tells its listeners of every commit in the network namespace: one message for each table, set and element
/// that changed, packed into datagrams, then one with the new generation and the process. `RulesetEvents` puts these
/// together; here is the socket. Commits of our own come too. They are known by their `portID`, which is that of the
/// `NetfilterConnection`, and by their generation, which is the one after that which they expected.
///
/// Events alone prove nothing: a listener comes in the middle of things, and a receive buffer is finite. The
/// generation is what counts. A commit raises it before it tells of it, so, once the monitor listens, **read the
/// generation and then look at the sets**: what is told of commits up to that generation may be incomplete and can be
/// ignored, what is told of later ones is complete. This holds after `init`, after `resume()`, after an observation
/// with `isLost`, and after an error.
///
/// Nobody is told of elements that time out, of elements that rules add from packets, or of a table that goes because
/// its owner ended. None of these makes a generation either.
///
/// The wart is the price, and others pay it too: while anybody listens, in whichever network namespace of the host,
/// every commit in all of them makes a message per element, two for an interval, and a load takes two to three times
/// as long. Hence `suspend()`, for loads of our own; it helps when nobody else listens.
package struct RulesetMonitor: ~Copyable {
  private let socket: NetlinkSocket
  private var events: RulesetEvents
  /// The kernel packs events into datagrams of less than a page.
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  private var isDiscarding = false

  /// Opens a socket in the network namespace of the calling thread and listens.
  ///
  /// - Parameters:
  ///   - table: the one of which changes are told in detail.
  ///   - receiveCapacity: octets of receive buffer to ask for. The kernel makes twice as many of them, and counts
  ///     8.5 KiB for a datagram of some sixty messages. What is committed between two readings and does not fit is told
  ///     as lost: with 8 MiB, more than about 120,000 messages.
  package init(table: NFTable, receiveCapacity: Int32 = 8 << 20) throws(NetfilterError) {
    events = RulesetEvents(table: table)
    socket = try Self.listeningSocket(receiveCapacity)
  }

  /// Stops listening and forgets what has not been read: for the time of a big load of our own.
  ///
  /// What a commit is yet to tell that is under way is lost too. So take `NetfilterConnection.settledGeneration` and `read` first.
  package mutating func suspend() throws(NetfilterError) {
    try setMembership(false)
    events.reset()
    // Nothing more arrives, so this ends.
    while try receive() != .nothing {}
    isDiscarding = false
  }

  /// Listens again. Compare the generation afterwards with the settled one and the commits of our own since: when they differ, others
  /// have been there.
  package mutating func resume() throws(NetfilterError) {
    try setMembership(true)
  }

  /// What there is to be read, without waiting.
  ///
  /// - Parameter limit: datagrams that are read at most, so that a load by somebody else does not hold up the calling
  ///   thread: 256 are some 17,000 messages and 4 ms.
  /// - Throws: `.malformed`, or that the socket could not be read. Events are lost then, as with `isLost`.
  package mutating func read(atMost limit: Int = 256) throws(NetfilterError) -> RulesetObservation {
    var observation = RulesetObservation()
    for _ in 0..<limit {
      switch try receive() {
      case .datagram(let length):
        guard !isDiscarding else { continue }
        do throws(MalformedReply) {
          try Self.take(buffer, length, &events, &observation.changes)
        } catch {
          events.reset()
          throw NetfilterError(.watch, errorNumber: EBADMSG)
        }
      case .loss:
        // What is in the buffer is from before the loss. The kernel adds nothing to it until it is empty, and what
        // follows then may begin in the middle of a commit.
        isDiscarding = true
        events.reset()
      case .nothing:
        observation.isLost = isDiscarding
        isDiscarding = false
        return observation
      }
    }
    observation.hasMore = true
    return observation
  }

  private static func take(
    _ buffer: [UInt8], _ length: Int, _ events: inout RulesetEvents, _ changes: inout [RulesetChange]
  ) throws(MalformedReply) {
    let octets = buffer.span
    var datagram = OctetReader(0..<length, of: octets)
    while let message = try datagram.nextMessage(octets) {
      if let change = try events.take(message, octets) { changes.append(change) }
    }
  }

  // MARK: The socket

  private enum Reception: Equatable {
    case datagram(length: Int)
    case loss
    case nothing
  }

  private mutating func receive() throws(NetfilterError) -> Reception {
    do throws(SocketFault) {
      return try socket.receive(into: &buffer).map(Reception.datagram) ?? .nothing
    } catch {
      guard error.errorNumber == ENOBUFS || error.errorNumber == ENOSPC else {
        throw NetfilterError(.watch, errorNumber: error.errorNumber)
      }
      return .loss
    }
  }

  private static func listeningSocket(_ receiveCapacity: Int32) throws(NetfilterError) -> NetlinkSocket {
    do throws(SocketFault) {
      let socket = try NetlinkSocket(
        protocol: NETLINK_NETFILTER, receiveCapacity: receiveCapacity, isBlocking: false)
      try socket.setMembership(true, of: NFNLGRP_NFTABLES.rawValue)
      return socket
    } catch {
      throw NetfilterError(.open, errorNumber: error.errorNumber)
    }
  }

  private func setMembership(_ isMember: Bool) throws(NetfilterError) {
    do throws(SocketFault) {
      try socket.setMembership(isMember, of: NFNLGRP_NFTABLES.rawValue)
    } catch {
      throw NetfilterError(.watch, errorNumber: error.errorNumber)
    }
  }
}
