import CNetfilter
package import Primitives

/// How a set is declared: what the kernel says of one that exists, or what is asked for.
package struct SetDeclaration: Hashable, Sendable {
  /// What the elements of a set are.
  package enum Key: Hashable, Sendable {
    /// `ipv4_addr` or `ipv6_addr`.
    case address(AddressFamily)
    /// Anything else: nft(8)'s number for the type and the length of the key in octets.
    case other(type: UInt32, length: UInt32)
  }

  /// The kernel's NFT_SET_ flags.
  package struct Flags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    package static let anonymous = Flags(rawValue: NFT_SET_ANONYMOUS.rawValue)
    package static let constant = Flags(rawValue: NFT_SET_CONSTANT.rawValue)
    package static let interval = Flags(rawValue: NFT_SET_INTERVAL.rawValue)
    package static let map = Flags(rawValue: NFT_SET_MAP.rawValue)
    package static let timeout = Flags(rawValue: NFT_SET_TIMEOUT.rawValue)
    /// Rules may add elements from packets.
    package static let dynamic = Flags(rawValue: NFT_SET_EVAL.rawValue)
    package static let object = Flags(rawValue: NFT_SET_OBJECT.rawValue)
    package static let concatenation = Flags(rawValue: NFT_SET_CONCAT.rawValue)
    /// Elements carry statements, such as a counter. Set here for one statement too, for which the kernel has no flag.
    package static let statements = Flags(rawValue: NFT_SET_EXPR.rawValue)
  }

  package let name: String
  package let key: Key
  package let flags: Flags
  /// The most elements that the set may hold. A set of single addresses with a size loads much faster than one without.
  package let size: UInt32?
  /// How long an element without a timeout of its own stays, in milliseconds.
  package let timeout: UInt64?
  /// Whether nft(8) merges adjacent and overlapping elements that it adds. The kernel never does.
  package let isAutoMerge: Bool

  /// A set of the addresses of one family: of prefixes when `isInterval`, otherwise of single addresses.
  package init(name: String, family: AddressFamily, isInterval: Bool, size: UInt32? = nil) {
    self.init(name: name, key: .address(family), flags: isInterval ? .interval : [], size: size)
  }

  init(
    name: String, key: Key, flags: Flags, size: UInt32? = nil, timeout: UInt64? = nil, isAutoMerge: Bool = false
  ) {
    self.name = name
    self.key = key
    self.flags = flags
    self.size = size
    self.timeout = timeout
    self.isAutoMerge = isAutoMerge
  }

  /// The family of the addresses in the set, or `nil` when its elements are no addresses.
  package var family: AddressFamily? {
    switch key {
    case .address(let family): family
    case .other: nil
    }
  }

  /// Whether the set holds ranges of addresses instead of single ones.
  package var isInterval: Bool { flags.contains(.interval) }
  /// All flags but `interval`. Only `statements` leaves the set one whose elements nftbgpd alone decides.
  package var otherFlags: Flags { flags.subtracting(.interval) }
}

extension SetDeclaration: CustomStringConvertible {
  /// The declaration on one line as nft(8) reads it, for example `set black { type ipv4_addr; flags interval; }`.
  ///
  /// Flags and types that nft(8) has no word for are shown by number.
  package var description: String {
    var parts = ["type \(key)"]
    if !flagWords.isEmpty { parts.append("flags \(flagWords.joined(separator: ","))") }
    if let timeout { parts.append("timeout \(timeout)ms") }
    if let size { parts.append("size \(size)") }
    if isAutoMerge { parts.append("auto-merge") }
    return "\(flags.contains(.map) ? "map" : "set") \(name) { \(parts.joined(separator: "; ")); }"
  }

  private var flagWords: [String] {
    let known: [(Flags, String)] = [
      (.constant, "constant"), (.interval, "interval"), (.timeout, "timeout"), (.dynamic, "dynamic"),
    ]
    // These have no word of their own: they show in the type, or in a statement after it.
    let silent: Flags = [.map, .object, .concatenation, .statements, .anonymous]
    let unknown = known.reduce(flags.subtracting(silent)) { $0.subtracting($1.0) }
    return known.filter { flags.contains($0.0) }.map(\.1) + (unknown.isEmpty ? [] : ["\(unknown.rawValue)"])
  }
}

extension SetDeclaration.Key: CustomStringConvertible {
  package var description: String {
    switch self {
    case .address(.ipv4): "ipv4_addr"
    case .address(.ipv6): "ipv6_addr"
    case .other(let type, _): Self.names(of: type)
    }
  }

  /// nft(8) numbers a concatenation with six bits for each of its types.
  private static func names(of type: UInt32) -> String {
    let shifts: [UInt32] = [24, 18, 12, 6, 0]
    let types = shifts.map { type >> $0 & 0x3F }.drop { $0 == 0 }
    return types.map(name(of:)).joined(separator: " . ")
  }

  private static func name(of type: UInt32) -> String {
    switch type {
    case 5: "string"
    case 7: "ipv4_addr"
    case 8: "ipv6_addr"
    case 9: "ether_addr"
    case 10: "ether_type"
    case 12: "inet_proto"
    case 13: "inet_service"
    case 19: "mark"
    case 20: "iface_index"
    case 41: "ifname"
    default: "type-\(type)"
    }
  }
}
