import BGPWire
import Primitives
import Tables

/// The text of one rule.
enum RulePrinter {
  /// Name of the sets that stand for lists without an element, which braces cannot hold.
  static let emptySet = "\"empty\""

  static func text(_ rule: FilterRule) -> String {
    var words: [String] = []
    switch rule.action {
    case .allow: words.append("allow")
    case .deny: words.append("deny")
    case .match: words.append("match")
    }
    if rule.quick { words.append("quick") }
    switch rule.direction {
    case .from: words.append("from")
    case .to: words.append("to")
    }
    words.append(list(rule.peers, text))
    words += rule.conditions.map(text)
    if !rule.sets.isEmpty {
      words.append("set " + list(rule.sets, text))
    }
    return words.joined(separator: " ")
  }

  private static func list<Element>(_ elements: [Element], _ text: (Element) -> String) -> String {
    let texts = elements.map(text)
    return texts.count == 1 ? texts.joined() : "{ " + texts.joined(separator: ", ") + " }"
  }

  private static func text(_ peer: PeerSelector) -> String {
    switch peer {
    case .any: "any"
    case .ebgp: "ebgp"
    case .ibgp: "ibgp"
    case .address(let address): "\(address)"
    case .group(let name): "group \(quoted(name))"
    case .remoteAS(let asn): "AS \(asn)"
    }
  }

  private static func text(_ condition: FilterCondition) -> String {
    switch condition {
    case .community(let pattern): "community \(text(pattern))"
    case .largeCommunity(let pattern): "large-community \(text(pattern))"
    case .extendedCommunity(let community): "ext-community \(text(community))"
    case .family(.ipv4): "inet"
    case .family(.ipv6): "inet6"
    case .prefixes([]): "prefix-set \(emptySet)"
    case .prefixes(let patterns): "prefix " + list(patterns, text)
    case .prefixLength(let lengths): text(lengths)
    case .asPath(let position, []): "\(text(position)) as-set \(emptySet)"
    case .asPath(let position, let patterns): "\(text(position)) " + list(patterns, text)
    case .maximumASLength(let length): "max-as-len \(length)"
    case .maximumASSequence(let length): "max-as-seq \(length)"
    case .maximumCommunities(let count): "max-communities \(count)"
    }
  }

  private static func text(_ position: ASPathPosition) -> String {
    switch position {
    case .any: "AS"
    case .source: "source-as"
    case .peer: "peer-as"
    case .transit: "transit-as"
    }
  }

  private static func text(_ pattern: ASNPattern) -> String {
    switch pattern {
    case .equal(let asn): "\(asn)"
    case .notEqual(let asn): "!= \(asn)"
    case .range(let range): "\(range.lowerBound) - \(range.upperBound)"
    case .outside(let range): "\(range.lowerBound) >< \(range.upperBound)"
    case .neighborAS: "neighbor-as"
    }
  }

  private static func text(_ pattern: PrefixPattern) -> String {
    let exact = LengthRange(pattern.prefix.length...pattern.prefix.length)
    return pattern.lengths == exact ? "\(pattern.prefix)" : "\(pattern.prefix) \(text(pattern.lengths))"
  }

  static func text(_ lengths: LengthRange) -> String {
    let (first, last) = (lengths.range.lowerBound, lengths.range.upperBound)
    return switch (lengths.inverted, first == last) {
    case (false, true): "prefixlen = \(first)"
    case (false, false): "prefixlen \(first) - \(last)"
    case (true, true): "prefixlen != \(first)"
    case (true, false): "prefixlen \(first) >< \(last)"
    }
  }

  private static func text(_ field: CommunityField) -> String {
    switch field {
    case .number(let number): "\(number)"
    case .any: "*"
    case .neighborAS: "neighbor-as"
    case .localAS: "local-as"
    }
  }

  private static func text(_ pattern: CommunityPattern) -> String {
    "\(text(pattern.global)):\(text(pattern.local))"
  }

  private static func text(_ pattern: LargeCommunityPattern) -> String {
    "\(text(pattern.global)):\(text(pattern.data1)):\(text(pattern.data2))"
  }

  /// The four-octet type has a dot in its AS number, so that it stays of that type.
  private static func text(_ community: ExtendedCommunity) -> String {
    guard community.type == IANA.ExtendedCommunityType.fourOctetAS else { return community.description }
    let name = community.subtype == IANA.ExtendedCommunitySubtype.routeTarget ? "rt" : "soo"
    let asn = community.value >> 16 & 0xFFFF_FFFF
    return "\(name) \(asn >> 16).\(asn & 0xFFFF):\(community.value & 0xFFFF)"
  }

  private static func text(_ set: FilterSet) -> String {
    switch set {
    case .pftable(let name): "pftable \(quoted(name))"
    case .community(let pattern): "community \(text(pattern))"
    case .deleteCommunity(let pattern): "community delete \(text(pattern))"
    case .largeCommunity(let pattern): "large-community \(text(pattern))"
    case .deleteLargeCommunity(let pattern): "large-community delete \(text(pattern))"
    }
  }
}
