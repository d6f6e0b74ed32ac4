/// What RFC 7606 §2 asks for when a path attribute is malformed, from mild to severe. The severest of an UPDATE decides.
package enum AttributeVerdict: Hashable, Sendable {
  /// "Attribute discard": the attribute is dropped, the routes stand.
  case discard
  /// "Treat-as-withdraw": the routes of this UPDATE are withdrawn.
  case treatAsWithdraw
  /// "Session reset": send this and close; the framing of the routes is lost.
  case reset(NotificationMessage)
}

/// One finding in the attributes of an UPDATE that did not cost the session.
package struct AttributeFault: Hashable, Sendable {
  package enum Reason: String, Hashable, Sendable, CaseIterable {
    /// The Optional and Transitive bits are not those of the attribute.
    case flags = "wrong flags"
    case length = "wrong length"
    case value = "wrong value"
    case duplicate = "given twice"
    case missing = "missing"
    /// The attribute list ends inside an attribute.
    case truncated = "truncated"
    /// Not optional, and not known.
    case unrecognized = "unknown well-known attribute"
    /// Not meant for a session of this kind.
    case unexpected = "not allowed on this session"
    /// The leftmost AS number is not the neighbour's (RFC 4271 §6.3).
    case leftmostAS = "does not start with the neighbor's AS"
    /// Our own AS number is in the path (RFC 4271 §9.1.2).
    case loop = "contains our own AS"
    /// The route comes from ourselves, by way of a route reflector (RFC 4456 §8).
    case ownIdentifier = "is our own identifier"
    /// A neighbor of this role must not pass the route on to us (RFC 9234 §5).
    case leak = "marks a route leak"
  }

  /// `IANA.AttributeCode`.
  package var attribute: UInt8
  package var reason: Reason
  package var verdict: AttributeVerdict

  package init(attribute: UInt8, reason: Reason, verdict: AttributeVerdict) {
    self.attribute = attribute
    self.reason = reason
    self.verdict = verdict
  }

  /// What RFC 4271 §6.3 answers the fault with where it resets the session after all (RFC 7606 §5.2).
  ///
  /// - Parameter octets: the attribute with its header.
  func notification(_ octets: [UInt8]) -> NotificationMessage {
    let code = IANA.ErrorCode.updateMessage
    switch reason {
    case .flags: return NotificationMessage(code, IANA.UpdateSubcode.attributeFlagsError, data: octets)
    case .length: return NotificationMessage(code, IANA.UpdateSubcode.attributeLengthError, data: octets)
    case .value where attribute == IANA.AttributeCode.origin:
      return NotificationMessage(code, IANA.UpdateSubcode.invalidOrigin, data: octets)
    case .value where attribute == IANA.AttributeCode.asPath:
      return NotificationMessage(code, IANA.UpdateSubcode.malformedASPath)
    case .value, .duplicate, .missing, .truncated, .unrecognized, .unexpected, .leftmostAS, .loop, .ownIdentifier,
      .leak:
      return NotificationMessage(code, IANA.UpdateSubcode.malformedAttributeList)
    }
  }

  /// `AS_PATH wrong value`.
  package var description: String {
    let name = IANA.attributeNames[attribute] ?? "attribute \(attribute)"
    return "\(name) \(reason.rawValue)"
  }
}

extension IANA {
  /// The registry's names of the attributes that nftbgpd decodes.
  static let attributeNames: [UInt8: String] = [
    AttributeCode.origin: "ORIGIN", AttributeCode.asPath: "AS_PATH", AttributeCode.nextHop: "NEXT_HOP",
    AttributeCode.multiExitDiscriminator: "MULTI_EXIT_DISC", AttributeCode.localPreference: "LOCAL_PREF",
    AttributeCode.atomicAggregate: "ATOMIC_AGGREGATE", AttributeCode.aggregator: "AGGREGATOR",
    AttributeCode.communities: "COMMUNITIES", AttributeCode.originatorID: "ORIGINATOR_ID",
    AttributeCode.clusterList: "CLUSTER_LIST", AttributeCode.mpReachNLRI: "MP_REACH_NLRI",
    AttributeCode.mpUnreachNLRI: "MP_UNREACH_NLRI", AttributeCode.extendedCommunities: "EXTENDED COMMUNITIES",
    AttributeCode.as4Path: "AS4_PATH", AttributeCode.as4Aggregator: "AS4_AGGREGATOR",
    AttributeCode.largeCommunities: "LARGE_COMMUNITY", AttributeCode.onlyToCustomer: "OTC",
  ]
}
