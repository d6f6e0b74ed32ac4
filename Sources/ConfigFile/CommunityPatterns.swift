import BGPWire
import Primitives
import Tables

/// Communities as rules spell them.
extension ConfigParser {
  /// `GLOBAL:LOCAL`, each a number up to 65535, `*`, `neighbor-as` or `local-as`; or a well-known name.
  mutating func expectCommunity(wildcards: Bool = true) throws(Mistake) -> CommunityPattern {
    let token = peek()
    if token.kind == .word || token.kind == .string {
      let name = token.text.uppercased()
      if let known = Community.wellKnown.first(where: { $0.name == name })?.community {
        advance()
        return CommunityPattern(.number(UInt32(known.global)), .number(UInt32(known.local)))
      }
    }
    let fields = try expectFields(2, maximum: UInt32(UInt16.max), wildcards, "a community such as 65066:42")
    return CommunityPattern(fields[0], fields[1])
  }

  /// `GLOBAL:DATA1:DATA2`, each a number up to 4294967295, `*`, `neighbor-as` or `local-as`.
  mutating func expectLargeCommunity(wildcards: Bool = true) throws(Mistake) -> LargeCommunityPattern {
    let fields = try expectFields(3, maximum: .max, wildcards, "a large community such as 65066:42:1")
    return LargeCommunityPattern(fields[0], fields[1], fields[2])
  }

  /// Exactly `count` fields.
  private mutating func expectFields(
    _ count: Int, maximum: UInt32, _ wildcards: Bool, _ expected: String
  ) throws(Mistake) -> [CommunityField] {
    let token = peek()
    guard token.kind == .word || token.kind == .string else { throw unexpected(expected) }
    let parts = token.text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == count else {
      throw Mistake(token.position, "\(token) has no \(count) parts, expected \(expected)")
    }
    var fields: [CommunityField] = []
    for part in parts {
      switch part {
      case "*":
        guard wildcards else {
          throw Mistake(token.position, "'*' in a community to set, expected a number")
        }
        fields.append(.any)
      case "neighbor-as": fields.append(.neighborAS)
      case "local-as": fields.append(.localAS)
      default:
        guard let number = UInt32(decimal: part), number <= maximum else {
          let hint = part.contains("$") ? "; macros are expanded only where a word begins" : ""
          throw Mistake(
            token.position,
            "'\(part.prefix(64))' in a community, expected 0 to \(maximum), '*', neighbor-as or local-as\(hint)"
          )
        }
        fields.append(.number(number))
      }
    }
    advance()
    return fields
  }

  /// `rt|soo AS:NUMBER` or `rt|soo ADDRESS:NUMBER`.
  ///
  /// - Returns: nil for another one, which only a rule that is never evaluated may have.
  mutating func expectExtendedCommunity(isEvaluated: Bool) throws(Mistake) -> ExtendedCommunity? {
    let type = peek()
    guard [.word, .string, .number].contains(type.kind) else { throw unexpected("rt or soo and an extended community") }
    advance()
    let token = peek()
    guard [.word, .string, .number].contains(token.kind) else {
      throw unexpected("an extended community such as 65066:42")
    }
    advance()
    let subtype: UInt8? =
      switch type.text {
      case "rt": IANA.ExtendedCommunitySubtype.routeTarget
      case "soo": IANA.ExtendedCommunitySubtype.routeOrigin
      default: nil
      }
    if let subtype, let community = Self.extendedCommunity(subtype, token.text) { return community }
    guard isEvaluated else { return nil }
    if subtype == nil {
      throw Mistake(type.position, "ext-community \(type) is not supported in a rule, expected rt or soo")
    }
    throw Mistake(
      token.position, "\(token) is no exact extended community, expected AS:NUMBER or ADDRESS:NUMBER without wildcards")
  }

  private static func extendedCommunity(_ subtype: UInt8, _ text: String) -> ExtendedCommunity? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = parts.first, let second = parts.last, let local = UInt32(decimal: second) else {
      return nil
    }
    let type: UInt8
    let body: UInt64
    if let address = IPv4Address(first) {
      guard local <= UInt32(UInt16.max) else { return nil }
      type = IANA.ExtendedCommunityType.ipv4Address
      body = UInt64(address.value) << 16 | UInt64(local)
    } else if let asn = ASN(first) {
      // As in bgpd, the spelling decides: a number beyond two octets, or one with a dot, is of the four-octet type.
      if asn.isTwoOctet, !first.contains(".") {
        type = IANA.ExtendedCommunityType.twoOctetAS
        body = UInt64(asn.value) << 32 | UInt64(local)
      } else {
        guard local <= UInt32(UInt16.max) else { return nil }
        type = IANA.ExtendedCommunityType.fourOctetAS
        body = UInt64(asn.value) << 16 | UInt64(local)
      }
    } else {
      return nil
    }
    return ExtendedCommunity(UInt64(type) << 56 | UInt64(subtype) << 48 | body)
  }
}
