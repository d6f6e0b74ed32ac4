import BGPSession
import BGPWire
import ConfigFile
import Primitives
import Tables

extension SessionConfiguration {
  /// The session that a neighbour block describes.
  ///
  /// - Parameter routerID: the BGP identifier where the configuration has none.
  init(_ neighbor: Neighbor, in configuration: Configuration, routerID: IPv4Address) {
    let localAS = neighbor.localAS ?? configuration.localAS
    let routerID = configuration.routerID ?? routerID
    let derived = UInt16(exactly: localAS.value) ?? UInt16(truncatingIfNeeded: ASN.transition.value)
    let twoOctetAS = neighbor.localTwoOctetAS ?? (neighbor.localAS == nil ? configuration.twoOctetAS : derived)
    self.init(localAS: localAS, twoOctetAS: twoOctetAS, bgpIdentifier: routerID, peerAS: neighbor.remoteAS)
    holdTime = neighbor.holdTime ?? configuration.holdTime
    minimumHoldTime = neighbor.minimumHoldTime ?? configuration.minimumHoldTime
    connectRetry = .seconds(Int(configuration.connectRetry))
    isPassive = neighbor.passive
    offersCapabilities = neighbor.announceCapabilities
    families = neighbor.families
    offersFourOctetAS = neighbor.announceFourOctetAS
    offersRouteRefresh = neighbor.announceRefresh
    offersEnhancedRouteRefresh = neighbor.announceEnhancedRefresh
    offersGracefulRestart = neighbor.announceRestart
    offersExtendedMessage = neighbor.announceExtendedMessage
    role = neighbor.role
    offersRole = neighbor.announceRole
    enforcesRole = neighbor.enforceRole
    enforcesNeighborAS = neighbor.enforceNeighborAS
    enforcesLocalAS = neighbor.enforceLocalAS
  }
}

extension RuleSet {
  init(_ configuration: Configuration) {
    self.init(
      rules: configuration.rules, defaultAction: configuration.defaultAction, tableNames: configuration.tableNames)
  }

  /// The rules as they concern a neighbour.
  func rules(for neighbor: Neighbor, in configuration: Configuration) -> PeerRules {
    rules(
      for: Peer(
        address: neighbor.address, group: neighbor.group, remoteAS: neighbor.remoteAS,
        localAS: neighbor.localAS ?? configuration.localAS))
  }
}
