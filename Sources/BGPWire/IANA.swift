/// Every number that a registry assigned, in one place. The enum has no cases: it is a name space.
package enum IANA {
  /// RFC 4271 §4.1: fixed header of 16 marker octets, a length and a type.
  package static let headerLength = 19
  /// RFC 4271 §4.1: the largest message without RFC 8654.
  package static let maximumMessageLength = 4096
  /// RFC 8654 §4: the largest message when both sides offered Extended Message.
  package static let maximumExtendedMessageLength = 65535
  /// RFC 4271 §4.2.
  package static let version: UInt8 = 4

  /// "BGP Message Types".
  package enum MessageType: UInt8, Hashable, Sendable {
    case open = 1
    case update = 2
    case notification = 3
    case keepalive = 4
    case routeRefresh = 5
  }

  /// "BGP OPEN Optional Parameter Types".
  package enum OptionalParameter {
    package static let capabilities: UInt8 = 2
    /// RFC 9072: the marker of the extended encoding.
    package static let extendedLength: UInt8 = 255
  }

  /// "Capability Codes".
  package enum CapabilityCode {
    package static let multiprotocol: UInt8 = 1
    package static let routeRefresh: UInt8 = 2
    package static let extendedMessage: UInt8 = 6
    package static let role: UInt8 = 9
    package static let gracefulRestart: UInt8 = 64
    package static let fourOctetAS: UInt8 = 65
    package static let enhancedRouteRefresh: UInt8 = 70
    package static let longLivedGracefulRestart: UInt8 = 71
  }

  /// "Address Family Numbers" that have sets of their own are `AddressFamily`; of the SAFIs only this one is used.
  package enum SAFI {
    package static let unicast: UInt8 = 1
  }

  /// "BGP Path Attributes".
  package enum AttributeCode {
    package static let origin: UInt8 = 1
    package static let asPath: UInt8 = 2
    package static let nextHop: UInt8 = 3
    package static let multiExitDiscriminator: UInt8 = 4
    package static let localPreference: UInt8 = 5
    package static let atomicAggregate: UInt8 = 6
    package static let aggregator: UInt8 = 7
    package static let communities: UInt8 = 8
    package static let originatorID: UInt8 = 9
    package static let clusterList: UInt8 = 10
    package static let mpReachNLRI: UInt8 = 14
    package static let mpUnreachNLRI: UInt8 = 15
    package static let extendedCommunities: UInt8 = 16
    package static let as4Path: UInt8 = 17
    package static let as4Aggregator: UInt8 = 18
    package static let largeCommunities: UInt8 = 32
    package static let onlyToCustomer: UInt8 = 35
  }

  /// RFC 4271 §4.3: the flags octet of a path attribute.
  package enum AttributeFlag {
    package static let optional: UInt8 = 0x80
    package static let transitive: UInt8 = 0x40
    package static let partial: UInt8 = 0x20
    package static let extendedLength: UInt8 = 0x10
  }

  /// RFC 4271 §4.3 and RFC 5065 §3: AS_PATH segment types.
  package enum SegmentType {
    package static let set: UInt8 = 1
    package static let sequence: UInt8 = 2
    package static let confederationSequence: UInt8 = 3
    package static let confederationSet: UInt8 = 4
  }

  /// "BGP Extended Communities Type".
  package enum ExtendedCommunityType {
    package static let twoOctetAS: UInt8 = 0x00
    package static let ipv4Address: UInt8 = 0x01
    package static let fourOctetAS: UInt8 = 0x02
  }

  package enum ExtendedCommunitySubtype {
    package static let routeTarget: UInt8 = 2
    package static let routeOrigin: UInt8 = 3
  }

  /// "BGP Error (Notification) Codes".
  package enum ErrorCode {
    package static let messageHeader: UInt8 = 1
    package static let openMessage: UInt8 = 2
    package static let updateMessage: UInt8 = 3
    package static let holdTimerExpired: UInt8 = 4
    package static let finiteStateMachine: UInt8 = 5
    package static let cease: UInt8 = 6
    package static let routeRefreshMessage: UInt8 = 7
    package static let sendHoldTimerExpired: UInt8 = 8
  }

  package enum MessageHeaderSubcode {
    package static let connectionNotSynchronized: UInt8 = 1
    package static let badMessageLength: UInt8 = 2
    package static let badMessageType: UInt8 = 3
  }

  package enum OpenSubcode {
    package static let unspecific: UInt8 = 0
    package static let unsupportedVersion: UInt8 = 1
    package static let badPeerAS: UInt8 = 2
    package static let badBGPIdentifier: UInt8 = 3
    package static let unsupportedOptionalParameter: UInt8 = 4
    package static let unacceptableHoldTime: UInt8 = 6
    package static let unsupportedCapability: UInt8 = 7
    package static let roleMismatch: UInt8 = 11
  }

  package enum UpdateSubcode {
    package static let malformedAttributeList: UInt8 = 1
    package static let unrecognizedWellKnownAttribute: UInt8 = 2
    package static let attributeFlagsError: UInt8 = 4
    package static let attributeLengthError: UInt8 = 5
    package static let invalidOrigin: UInt8 = 6
    package static let optionalAttributeError: UInt8 = 9
    package static let invalidNetworkField: UInt8 = 10
    package static let malformedASPath: UInt8 = 11
  }

  /// RFC 6608.
  package enum FiniteStateMachineSubcode {
    package static let unexpectedInOpenSent: UInt8 = 1
    package static let unexpectedInOpenConfirm: UInt8 = 2
    package static let unexpectedInEstablished: UInt8 = 3
  }

  /// RFC 7313 §5.
  package enum RouteRefreshSubcode {
    package static let invalidMessageLength: UInt8 = 1
  }
}
