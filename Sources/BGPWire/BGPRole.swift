/// What a speaker is to its neighbor (RFC 9234 §4.1). The raw value is that of the capability.
package enum BGPRole: UInt8, Hashable, Sendable, CaseIterable {
  case provider = 0
  /// Route server.
  case rs = 1
  case rsClient = 2
  case customer = 3
  case peer = 4

  /// What the neighbor must be to a speaker of this role.
  package var counterpart: BGPRole {
    switch self {
    case .provider: .customer
    case .rs: .rsClient
    case .rsClient: .rs
    case .customer: .provider
    case .peer: .peer
    }
  }

  /// As bgpd.conf(5) writes it.
  package var name: String {
    switch self {
    case .provider: "provider"
    case .rs: "rs"
    case .rsClient: "rs-client"
    case .customer: "customer"
    case .peer: "peer"
    }
  }
}
