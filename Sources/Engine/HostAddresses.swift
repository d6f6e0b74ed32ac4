import ConfigFile
package import Primitives

/// Addresses that must not be blocked, as the system knows them.
package struct HostAddresses: Hashable, Sendable {
  /// Those of the host's interfaces.
  package var own: [IPAddress]
  /// Routers on the way to anywhere, and to the neighbours.
  package var gateways: [IPAddress]
  /// Name servers that the host asks.
  package var resolvers: [IPAddress]

  package init(own: [IPAddress] = [], gateways: [IPAddress] = [], resolvers: [IPAddress] = []) {
    self.own = own
    self.gateways = gateways
    self.resolvers = resolvers
  }

  /// The name servers that a resolv.conf(5) names: `nameserver ADDRESS`, with or without a zone.
  package static func resolvers(in file: some StringProtocol) -> [IPAddress] {
    file.split(whereSeparator: \.isNewline).compactMap { line in
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2, words[0] == "nameserver" else { return nil }
      return IPAddress(words[1].prefix { $0 != "%" })
    }
  }
}

extension Engine {
  /// Asks for the host's addresses.
  mutating func checkHost(_ now: Instant) {
    hostDeadline = now + Self.hostTime
    effects.append(.checkHost)
  }

  /// From now on nothing in a black table covers these, the neighbours and the `never` list.
  mutating func protect(_ host: HostAddresses) {
    self.host = host
    var list: [TableExclusions.Protected] = []
    let add = { (addresses: [IPAddress], reason: String) in
      for address in addresses { list.append(.init(prefix: Prefix(host: address), reason: reason)) }
    }
    if configuration.protectsHost {
      add(host.own, "address of this host")
      add(configuration.neighbors.map(\.address), "address of a neighbor")
      add(host.gateways, "gateway of this host")
      add(host.resolvers, "resolver of this host")
    }
    list += configuration.never.map { .init(prefix: $0, reason: "never list") }
    guard tables.exclusions.protect(list), isStarted else { return }
    paceDeadline = nil
    for part in tables.parts {
      for prefix in tables.carvedOut(part.table, part.family) { logProtection(prefix, part.table, nil) }
    }
  }
}
