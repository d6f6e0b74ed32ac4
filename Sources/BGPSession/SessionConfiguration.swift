package import BGPWire
package import Primitives

/// What a session has to know of itself and of its peer before the first octet.
package struct SessionConfiguration: Hashable, Sendable {
  package var localAS: ASN
  /// What stands in "My Autonomous System" when `localAS` does not fit: AS_TRANS, or the operator's own two-octet number.
  package var twoOctetAS: UInt16
  package var bgpIdentifier: IPv4Address
  package var peerAS: ASN
  /// Offered, in seconds; 0 or at least 3.
  package var holdTime: UInt16 = 90
  /// The smallest negotiated hold time that is accepted, in seconds.
  package var minimumHoldTime: UInt16 = 3
  /// How long a connection attempt may take, and the longest wait between two.
  package var connectRetry = Interval.seconds(120)
  /// Waits for the peer to connect.
  package var isPassive = false
  /// Without capabilities (`announce capabilities no`) the session carries IPv4 unicast with two-octet AS numbers.
  package var offersCapabilities = true
  /// Offered, in this order.
  package var families: [AddressFamily] = [.ipv4, .ipv6]
  package var offersFourOctetAS = true
  package var offersRouteRefresh = true
  package var offersEnhancedRouteRefresh = true
  package var offersGracefulRestart = true
  package var offersExtendedMessage = true
  /// What we are to the peer (RFC 9234); nil: not said. Between peers of one AS it means nothing.
  package var role: BGPRole?
  package var offersRole = true
  /// A peer that does not say its role is refused ("strict mode").
  package var enforcesRole = false
  /// Says End-of-RIB as soon as the session is up, as who has nothing to announce does; a speaker that announces says it itself.
  package var announcesNothing = true
  /// The leftmost AS number of a path must be the peer's.
  package var enforcesNeighborAS = true
  /// A path with our own AS number is excluded.
  package var enforcesLocalAS = true

  package init(localAS: ASN, twoOctetAS: UInt16, bgpIdentifier: IPv4Address, peerAS: ASN) {
    self.localAS = localAS
    self.twoOctetAS = twoOctetAS
    self.bgpIdentifier = bgpIdentifier
    self.peerAS = peerAS
  }

  /// Whether the peer is in our own AS.
  package var isInternal: Bool { localAS == peerAS }

  /// The capabilities of our OPEN.
  package var capabilities: [Capability] {
    guard offersCapabilities else { return [] }
    var capabilities = families.map(Capability.unicast)
    if offersRouteRefresh { capabilities.append(.routeRefresh) }
    if offersEnhancedRouteRefresh { capabilities.append(.enhancedRouteRefresh) }
    if offersExtendedMessage { capabilities.append(.extendedMessage) }
    if offersGracefulRestart {
      // RFC 4724 §3: without families this means "I keep your routes and send End-of-RIB; I have no forwarding state of my own".
      capabilities.append(.gracefulRestart(.init(restarted: false, notification: false, restartTime: 0, families: [])))
      // RFC 9494 §4.1: only beside the other one.
      capabilities.append(.longLivedGracefulRestart([]))
    }
    if let role, offersRole, !isInternal { capabilities.append(.role(role.rawValue)) }
    if offersFourOctetAS { capabilities.append(.fourOctetAS(localAS)) }
    return capabilities
  }

  /// Our OPEN.
  package var open: OpenMessage {
    OpenMessage(myAS: twoOctetAS, holdTime: holdTime, bgpIdentifier: bgpIdentifier, capabilities: capabilities)
  }
}
