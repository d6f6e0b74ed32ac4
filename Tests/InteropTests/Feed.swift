/// What a route server announces, in the words of each server, and what becomes of it.
struct Feed {
  enum Listing {
    case black, bypass
    /// With the communities of both: the rule that comes last decides, which is that of the black ones.
    case both
    /// With the community of no rule.
    case neither

    var communities: [String] {
      switch self {
      case .black: ["65066:666"]
      case .bypass: ["65066:42"]
      case .both: ["65066:42", "65066:666"]
      case .neither: ["65066:1"]
      }
    }

    /// The table of the published configuration.
    var table: String? {
      switch self {
      case .black, .both: "bgp_spamd"
      case .bypass: "bgp_spamd_bypass"
      case .neither: nil
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

  /// In an order that is always the same.
  var sorted: [(prefix: String, listing: Listing)] {
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

  static let tables = ["bgp_spamd", "bgp_spamd_bypass"]

  /// The sets of the published configuration for what several servers announce.
  static func sets(_ feeds: Feed...) -> [String: Set<String>] { sets(feeds) }

  /// The same.
  ///
  /// - Parameter intervals: sets `T` or `T6` that are declared to take the networks too.
  static func sets(_ feeds: [Feed], intervals: Set<String> = []) -> [String: Set<String>] {
    var sets: [String: Set<String>] = [:]
    for table in tables {
      var listed: Set<String> = []
      for feed in feeds {
        for (prefix, listing) in feed.routes where listing.table == table { listed.insert(prefix) }
      }
      for (suffix, isIPv6) in [("", false), ("6", true)] {
        let members = listed.filter { Self.isIPv6($0) == isIPv6 }
        let takesAll = intervals.contains(table + suffix)
        let networks = takesAll ? members : members.filter { element($0) == $0 }
        let cover = Set(AddressBlock.outermost(networks.compactMap(AddressBlock.init)).map { element($0.text) })
        sets[table + suffix] = takesAll ? cover : Set(members.subtracting(networks).map(element))
        if !takesAll { sets[table + suffix + "_net"] = cover }
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
