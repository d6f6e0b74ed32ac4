import CNetfilter
import Glibc
package import Primitives

/// The addresses of this host and of the routers that it depends on, in the network namespace of the calling thread.
///
/// They are what must not be blocked, whatever a feed says. This asks the kernel over rtnetlink and refuses to decide
/// anything: what is protected, and how often to ask, is the caller's to know.
///
/// Addresses are few, so they are dumped, and the kernel tells of their changes. Routes may be a million. To dump them
/// takes 0.8 s per million, of IPv6 1 s, and no filter of the kernel's narrows that to the default routes, of which the
/// one of IPv6 comes last. So gateways are looked up instead, with the question of `ip route get fibmatch`: by which
/// route would a packet go there? That costs 3 µs for each destination, and below 15 µs among 400,000 routes.
///
/// The kernel would tell of changed routes as well, but with a message for each flap of a full table, and with none
/// when routes of IPv4 go because their interface went down. So nobody listens to that: ask for the gateways again from
/// time to time.
///
/// The wart is that a look-up finds only the route in use: not a second default route of a higher metric before the
/// first is gone, and not a default route that is never used, such as one behind `0.0.0.0/1` and `128.0.0.0/1`. Routing
/// rules apply as they do to packets of this host without a mark. Next hops that are objects of their own are told only
/// while net.ipv4.nexthop_compat_mode is on, as it is by default.
package struct HostNetwork: ~Copyable {
  /// How often a dump is tried that addresses change under.
  private static let attempts = 8

  private var channel: NetlinkChannel
  private let listener: NetlinkSocket
  /// What an event says is not read, and one that is too long for this counts all the same.
  private var event = [UInt8](repeating: 0, count: 512)

  /// Opens a socket for questions, and one that listens to changes from now on.
  ///
  /// - Parameter receiveCapacity: octets of receive buffer to ask for, for the changes. When they do not fit, they are
  ///   known to have happened, which is all that `hasChanged()` tells.
  package init(receiveCapacity: Int32 = 64 << 10) throws(NetfilterError) {
    do throws(SocketFault) {
      let channel = try NetlinkChannel(protocol: NETLINK_ROUTE)
      let listener = try NetlinkSocket(
        protocol: NETLINK_ROUTE, receiveCapacity: receiveCapacity, isBlocking: false)
      try listener.setMembership(true, of: RTNLGRP_IPV4_IFADDR.rawValue)
      try listener.setMembership(true, of: RTNLGRP_IPV6_IFADDR.rawValue)
      self.channel = channel
      self.listener = listener
    } catch {
      throw NetfilterError(.open, errorNumber: error.errorNumber)
    }
  }

  /// Every address that is assigned to an interface, loopback and link-local ones included, whether the interface is up
  /// or not: sorted, each once.
  ///
  /// Of a point-to-point link it is this end. Networks that the routing table declares local are not addresses.
  ///
  /// - Throws: `.stale` when addresses changed during every try.
  package mutating func addresses() throws(NetfilterError) -> [IPAddress] {
    for _ in 1...Self.attempts {
      do throws(NetfilterError) {
        var addresses: Set<IPAddress> = []
        try channel.dump(type: UInt16(RTM_GETADDR), header: InterfaceAddress.question, .listAddresses) {
          (message, octets) throws(MalformedReply) in
          guard Int(message.type) == RTM_NEWADDR else { throw MalformedReply() }
          if let address = try InterfaceAddress.address(in: message.payload, octets) { addresses.insert(address) }
        }
        return addresses.sorted()
      } catch {
        guard error.cause == .stale else { throw error }
      }
    }
    throw NetfilterError(.listAddresses, errorNumber: ERESTART)
  }

  /// The next hops of the default routes of both families, and of the routes to `destinations` by whatever route they
  /// are reached: all paths of each, sorted, each once.
  ///
  /// A destination on a network of this host has no next hop, and neither has one that no route leads to. The default
  /// routes are looked for in the middle of each /8 that is not multicast or loopback, because more specific routes,
  /// such as blackholes for unassigned space, hide them in some: 494 look-ups, 2 ms.
  package mutating func gateways(
    towards destinations: [IPAddress] = []
  ) throws(NetfilterError) -> [IPAddress] {
    var gateways: Set<IPAddress> = []
    try lookUp(Self.everywhere) { route in
      if route.length == 0 { gateways.formUnion(route.nextHops) }
    }
    try lookUp(destinations) { route in gateways.formUnion(route.nextHops) }
    return gateways.sorted()
  }

  /// Whether addresses may have changed since the last call, or since `init`, so that it is worth asking again.
  ///
  /// It does not wait. To be told again what is known, the renewal of a lifetime for example, counts; a change that the
  /// kernel could not keep for us counts too. Call it before `addresses()`, not after, and nothing goes unseen. Nothing
  /// is told of routes.
  package mutating func hasChanged() throws(NetfilterError) -> Bool {
    var hasChanged = false
    while try receiveEvent() { hasChanged = true }
    return hasChanged
  }

  /// Whether there was an event, or the loss of some to be told; it is gone now.
  private mutating func receiveEvent() throws(NetfilterError) -> Bool {
    do throws(SocketFault) {
      return try listener.receive(into: &event) != nil
    } catch {
      guard error.errorNumber == ENOBUFS || error.errorNumber == ENOSPC else {
        throw NetfilterError(.watchAddresses, errorNumber: error.errorNumber)
      }
      return true
    }
  }

  // MARK: Looking up routes

  /// Calls `body` with the route to each destination that there is one to.
  private mutating func lookUp(_ destinations: [IPAddress], _ body: (Route) -> Void) throws(NetfilterError) {
    for lower in stride(from: 0, to: destinations.count, by: NetlinkChannel.lookUpsAtOnce) {
      let some = destinations[lower..<min(lower + NetlinkChannel.lookUpsAtOnce, destinations.count)]
      let count = UInt32(clamping: some.count)
      let first = channel.takeSequence(count)
      var writer = NetlinkWriter()
      for (place, destination) in some.enumerated() {
        Route.appendQuestion(about: destination, sequence: first &+ UInt32(clamping: place), to: &writer)
      }
      try channel.lookUp(
        writer.words, first: first, count: count, .findGateways, isAbsence: Self.isAbsence
      ) { (_, message, octets) throws(MalformedReply) in
        guard Int(message.type) == RTM_NEWROUTE else { throw MalformedReply() }
        body(try Route(message.payload, octets))
      }
    }
  }

  /// Whether an error says that packets to a destination go nowhere: there is no route, it is of type unreachable,
  /// prohibit, blackhole or throw (fib_props in net/ipv4/fib_semantics.c), or the kernel is without the family.
  private static func isAbsence(_ errorNumber: Int32) -> Bool {
    switch errorNumber {
    case ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, EAGAIN, EOPNOTSUPP, EAFNOSUPPORT: true
    default: false
    }
  }

  /// An address in each /8 where a default route can be in use.
  private static let everywhere: [IPAddress] = {
    let ipv4 = (UInt32(0)...255).filter { $0 != 127 && !(224...239).contains($0) }
    let ipv6 = UInt64(0)..<255
    return ipv4.map { .v4(IPv4Address($0 << 24 | 0x80_0001)) }
      + ipv6.map { .v6(IPv6Address(high: $0 << 56 | 1 << 55, low: 1)) }
  }()
}
