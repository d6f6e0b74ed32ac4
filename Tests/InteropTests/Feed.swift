/// What a route server announces, in the words of each server, and what becomes of it.
struct Feed {
  enum Listing {
    case black, bypass
    /// With the communities of both: the rule that comes last decides, which is that of the black ones.
    case both

    var communities: [String] {
      switch self {
      case .black: ["65066:666"]
      case .bypass: ["65066:42"]
      case .both: ["65066:42", "65066:666"]
      }
    }

    /// The table of the published configuration.
    var table: String {
      switch self {
      case .black, .both: "bgp_spamd"
      case .bypass: "bgp_spamd_bypass"
      }
    }
  }

  /// By prefix, with its length, as everybody writes it: so no zeros and no capitals in IPv6.
  private(set) var routes: [String: Listing]

  init(_ routes: [String: Listing] = [:]) {
    self.routes = routes
  }

  init(black: [String], bypass: [String] = []) {
    self.init()
    add(black, .black)
    add(bypass, .bypass)
  }

  mutating func add(_ prefixes: [String], _ listing: Listing) {
    for prefix in prefixes { routes[prefix] = listing }
  }

  mutating func remove(_ prefix: String) {
    routes[prefix] = nil
  }

  private var sorted: [(prefix: String, listing: Listing)] {
    routes.sorted { $0.key < $1.key }.map { (prefix: $0.key, listing: $0.value) }
  }

  /// `network` statements of bgpd.conf(5).
  var networks: String {
    sorted.map { prefix, listing in
      "network \(prefix) set { \(listing.communities.map { "community \($0)" }.joined(separator: " ")) }\n"
    }.joined()
  }

  /// A list for the feed server.
  var list: String {
    sorted.map { prefix, listing in "\(prefix) \(listing.communities.joined(separator: " "))\n" }.joined()
  }

  /// Routes of one family for a static protocol of BIRD.
  func blackholes(isIPv6: Bool) -> String {
    sorted.filter { Self.isIPv6($0.prefix) == isIPv6 }.map { prefix, listing in
      let additions = listing.communities.map { community in
        "bgp_community.add((\(community.replacing(":", with: ","))));"
      }
      return "  route \(prefix) blackhole { \(additions.joined(separator: " ")) };\n"
    }.joined()
  }

  // MARK: What becomes of it

  /// The sets of the published configuration for what several servers announce; networks must not overlap.
  static func sets(_ feeds: Feed...) -> [String: Set<String>] {
    var sets: [String: Set<String>] = [:]
    for table in ["bgp_spamd", "bgp_spamd_bypass"] {
      for suffix in ["", "_net", "6", "6_net"] { sets[table + suffix] = [] }
    }
    for feed in feeds {
      for (prefix, listing) in feed.routes {
        let element = element(prefix)
        let suffix = (isIPv6(prefix) ? "6" : "") + (element.contains("/") ? "_net" : "")
        sets[listing.table + suffix]?.insert(element)
      }
    }
    return sets
  }

  static func isIPv6(_ prefix: String) -> Bool { prefix.contains(":") }

  /// A host without its length.
  static func element(_ prefix: String) -> String {
    let host = isIPv6(prefix) ? "/128" : "/32"
    return prefix.hasSuffix(host) ? String(prefix.dropLast(host.count)) : prefix
  }

  /// Different /32s of 11.0.0.0/8 that do not lie next to each other, always the same for a number.
  static func hosts(_ numbers: Range<Int>) -> [String] {
    // An odd factor makes it a permutation of all 2^24 numbers.
    numbers.map { number in
      let value = number * 2_654_435_761 % (1 << 24)
      return "11.\(value >> 16).\(value >> 8 & 255).\(value & 255)/32"
    }
  }
}
