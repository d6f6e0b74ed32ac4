/// The words of bgpd.conf(5) that need no parsing of their own, and why.
enum Words {
  /// The keywords of OpenBGPD 7.7 that could otherwise name a macro.
  static let reserved: Set<String> = [
    "AS", "IPv4", "IPv6", "ah", "allow", "announce", "any", "blackhole", "capabilities", "community", "compare",
    "connected", "delete", "demote", "deny", "depend", "descr", "down", "dump", "ebgp", "enforce", "enhanced", "esp",
    "evaluate", "expires", "export", "from", "group", "holdtime", "ibgp", "ignore", "ike", "in", "include", "inet",
    "inet6", "ipsec", "key", "listen", "localpref", "log", "match", "max", "maxlen", "md5sig", "med", "metric", "min",
    "multihop", "neighbor", "network", "nexthop", "none", "on", "origin", "out", "ovs", "passive", "password",
    "pftable",
    "plus", "policy", "port", "prefix", "prefixlen", "priority", "qualify", "quick", "rd", "rde", "recv", "refresh",
    "reject", "restart", "restricted", "rib", "rtable", "rtlabel", "rtr", "self", "send", "set", "socket", "spi",
    "static", "tcp", "to", "unicast", "via", "vpn", "weight",
  ]

  /// Statements of either level that are accepted, with one warning, and have no effect.
  static let ignored: [String: String] = [
    "depend": "sessions do not wait for an interface",
    "dump": "no MRT dumps are written",
    "min-version": "there are no RTR sessions",
    "rde": "there is no route decision to influence",
    "reject": "an AS_SET in a path changes nothing in the tables",
    "route-collector": "there is no route decision to influence",
    "softreconfig": "received routes are always kept",
    "staletime": "stale-time says how long the routes of a lost session stay",
    "transparent-as": "nothing is ever announced",
    "weight": "there is no route decision to influence",
  ]

  /// More of them, of the global level alone.
  static let ignoredGlobally: [String: String] = [
    "aspa-set": "paths are not validated",
    "fib-priority": "the routing table is never touched",
    "origin-set": "origins are not validated",
    "roa-set": "origins are not validated",
    "rtable": "the routing table is never touched",
    "rtr": "origins are not validated",
  ]

  /// Statements that would have to do what nftbgpd never does.
  static let refused: [String: String] = [
    "demote": "there is no carp(4) on Linux",
    "flowspec": "nftbgpd never announces anything",
    "ipsec": "nftbgpd sets up no IPsec, expected tcp md5sig or a tunnel of the system",
    "l2vpn": "nftbgpd handles no VPNs",
    "network": "nftbgpd never announces anything",
    "route-reflector": "nftbgpd never announces anything",
    "vpn": "nftbgpd handles no VPNs",
  ]

  /// Statements that stand in a `neighbor` or `group` block alone.
  static let peerOnly: Set<String> = [
    "announce", "as-override", "demote", "descr", "down", "enforce", "local-address", "local-as", "martians",
    "max-prefix", "multihop", "no", "passive", "port", "remote-as", "rib", "role", "set", "tcp", "ttl-security",
  ]

  /// Statements of the global level alone: in a block, they most likely show that its `}` is missing.
  static let startsOutside: Set<String> = ["AS", "allow", "deny", "group", "match", "router-id", "table"]

  /// Others of the global level.
  static let globalOnly: Set<String> = [
    "as-set", "connect-retry", "fib-priority", "fib-update", "include", "listen", "metrics", "never", "nexthop", "nft",
    "origin-set", "prefer", "prefix-set", "protect", "roa-set", "rtable", "rtr", "socket",
  ]

  /// `set` elements that change nothing a table depends on.
  static let setsWithoutEffect: Set<String> = [
    "as-override", "ext-community", "localpref", "med", "metric", "nexthop", "origin", "prepend-neighbor",
    "prepend-self",
    "rtlabel", "weight",
  ]
}
