import BGPSession
import BGPWire
import ConfigFile
import Primitives

extension SessionConfiguration {
  /// The session that a neighbour block describes.
  init(_ neighbor: Neighbor, in configuration: Configuration, localAS: ASN, routerID: IPv4Address) {
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
