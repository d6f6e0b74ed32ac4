package import BGPWire
package import Primitives

/// What both OPEN messages together say: valid from OpenConfirm on.
package struct NegotiatedSession: Hashable, Sendable {
  package let peerIdentifier: IPv4Address
  package let peerCapabilities: [Capability]
  package let localCapabilities: [Capability]
  /// Seconds; 0: neither hold timer nor KEEPALIVEs (RFC 4271 §4.2).
  package let holdTime: UInt16
  /// Families that both sides offered.
  package let families: [AddressFamily]
  package let routeRefresh: Bool
  package let enhancedRouteRefresh: Bool
  /// The peer's; nil unless both offered it.
  package let gracefulRestart: Capability.GracefulRestart?
  /// For how long the peer asks that its stale routes of a family be kept (RFC 9494 §4.2: its restart time, then its long-lived stale
  /// time); families that it does not speak of, or gives no time for, are not in it.
  package let longLivedStaleTimes: [AddressFamily: Interval]
  package let context: DecodeContext

  /// A third of the hold time (RFC 4271 §4.4).
  package var keepaliveTime: Interval {
    Interval(nanoseconds: Interval.seconds(Int(holdTime)).nanoseconds / 3)
  }

  /// How long the peer may take nothing of what is sent (RFC 9687 §4: twice the hold time, 8 minutes at least).
  package var sendHoldTime: Interval {
    max(.seconds(480), .seconds(2 * Int(holdTime)))
  }

  /// Judges the peer's OPEN.
  ///
  /// - Throws: the NOTIFICATION that refuses it (RFC 4271 §6.2).
  init(_ configuration: SessionConfiguration, _ open: OpenMessage) throws(NotificationMessage) {
    // RFC 7607 §2 refuses AS 0, which no configuration can name.
    guard open.asn == configuration.peerAS else {
      throw NotificationMessage(IANA.ErrorCode.openMessage, IANA.OpenSubcode.badPeerAS)
    }
    // RFC 6286 §2.2: within one AS the identifier is unique.
    guard !configuration.isInternal || open.bgpIdentifier != configuration.bgpIdentifier else {
      throw NotificationMessage(IANA.ErrorCode.openMessage, IANA.OpenSubcode.badBGPIdentifier)
    }
    // RFC 4271 §4.2: the smaller hold time wins.
    holdTime = min(configuration.holdTime, open.holdTime)
    guard holdTime == 0 || holdTime >= configuration.minimumHoldTime else {
      throw NotificationMessage(IANA.ErrorCode.openMessage, IANA.OpenSubcode.unacceptableHoldTime)
    }
    peerIdentifier = open.bgpIdentifier
    peerCapabilities = open.capabilities
    localCapabilities = configuration.capabilities
    let ours = configuration.capabilities
    let theirs = open.capabilities
    // RFC 4760 §8: who does not offer the capability speaks IPv4 unicast.
    let speaksMultiprotocol = { (capabilities: [Capability]) in
      capabilities.contains { if case .multiprotocol = $0 { true } else { false } }
    }
    families = AddressFamily.allCases.filter { family in
      [ours, theirs].allSatisfy { speaksMultiprotocol($0) ? $0.contains(.unicast(family)) : family == .ipv4 }
    }
    // RFC 5492 §3: without a family in common there is nothing to say.
    guard !families.isEmpty else {
      throw NotificationMessage(
        IANA.ErrorCode.openMessage, IANA.OpenSubcode.unsupportedCapability, data: Capability.octets(of: ours))
    }
    try Self.compareRoles(configuration, theirs)
    let isAgreed = { (capability: Capability) in ours.contains(capability) && theirs.contains(capability) }
    routeRefresh = isAgreed(.routeRefresh)
    enhancedRouteRefresh = isAgreed(.enhancedRouteRefresh)
    var restart: Capability.GracefulRestart?
    if ours.contains(where: { if case .gracefulRestart = $0 { true } else { false } }) {
      // RFC 4724 §3: the last instance counts.
      for case .gracefulRestart(let offered) in theirs { restart = offered }
    }
    gracefulRestart = restart
    var staleTimes: [AddressFamily: Interval] = [:]
    // RFC 9494 §4.1: without graceful restart the capability means nothing.
    if let restart {
      for case .longLivedGracefulRestart(let offered) in theirs {
        // A time of 0, which FRR offers unless told otherwise, asks for nothing.
        for entry in offered where entry.safi == IANA.SAFI.unicast && entry.staleTime > 0 {
          guard let family = AddressFamily(rawValue: entry.afi) else { continue }
          staleTimes[family] = .seconds(Int(restart.restartTime) + Int(entry.staleTime))
        }
      }
    }
    longLivedStaleTimes = staleTimes
    let knowsFourOctetAS = { (capabilities: [Capability]) in
      capabilities.contains { if case .fourOctetAS = $0 { true } else { false } }
    }
    context = DecodeContext(
      fourOctetAS: knowsFourOctetAS(ours) && knowsFourOctetAS(theirs), isInternal: configuration.isInternal,
      maximumLength: isAgreed(.extendedMessage) ? IANA.maximumExtendedMessageLength : IANA.maximumMessageLength)
  }

  /// RFC 9234 §4.2: what each says that it is to the other must fit together.
  private static func compareRoles(
    _ configuration: SessionConfiguration, _ theirs: [Capability]
  ) throws(NotificationMessage) {
    guard let role = configuration.role, configuration.offersCapabilities, configuration.offersRole,
      !configuration.isInternal
    else { return }
    let said = Set(theirs.compactMap { if case .role(let value) = $0 { value } else { nil } })
    guard said.isEmpty ? !configuration.enforcesRole : said == [role.counterpart.rawValue] else {
      throw NotificationMessage(IANA.ErrorCode.openMessage, IANA.OpenSubcode.roleMismatch)
    }
  }
}
