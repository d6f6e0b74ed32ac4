import BGPWire
import Primitives
import Tables

/// The options of `neighbor` and `group` blocks.
extension ConfigParser {
  mutating func peerOption(_ draft: inout PeerDraft) throws(Mistake) {
    let token = peek()
    try expectNoMacro()
    guard token.kind == .word else { throw unexpected("an option or '}'") }
    switch token.text {
    case "remote-as":
      advance()
      draft.hasRemoteAS = true
      draft.values.remoteAS = try expectASN("remote-as")
    case "local-as":
      advance()
      draft.values.localAS = try expectASN("local-as")
      draft.values.localTwoOctetAS = nil
      if peek().kind == .number {
        draft.values.localTwoOctetAS = try expectNumber("the 2-byte AS number", 1...UInt16.max)
      }
    case "descr":
      advance()
      let position = peek().position
      draft.values.description = try expectTexts("a description")
      guard draft.values.description.utf8.count <= 255 else {
        throw Mistake(position, "description too long, expected at most 255 characters")
      }
    case "port":
      advance()
      draft.values.port = try expectNumber("port", 1...UInt16.max)
    case "multihop":
      advance()
      draft.values.multihop = try expectNumber("multihop", 2...UInt8.max)
    case "ttl-security":
      advance()
      draft.values.ttlSecurity = try expectYesNo()
    case "holdtime":
      advance()
      if accept(word: "min") {
        draft.values.minimumHoldTime = try expectNumber("holdtime", 3...UInt16.max)
      } else {
        draft.values.holdTime = try expectNumber("holdtime", 3...UInt16.max)
      }
    case "stale-time":
      advance()
      draft.staleTime = try expectNumber("stale-time", 0...UInt32.max)
    case "passive":
      draft.passive = advance().position
    case "down": try downOption(&draft)
    case "local-address":
      advance()
      let address = try expectAddress("local-address")
      draft.localAddresses[address.family] = address
    case "no":
      advance()
      _ = try expectWord(["local-address"])
      draft.localAddresses = [:]
    case "martians":
      advance()
      draft.values.allowsMartians = try expectYesNo()
    case "max-prefix": try maxPrefixOption(&draft)
    case "enforce":
      advance()
      let word = try expectWord(["neighbor-as", "local-as"])
      let enforced = try expectYesNo()
      if word == "local-as" {
        draft.values.enforceLocalAS = enforced
      } else {
        draft.enforceNeighborAS = enforced
      }
    case "log":
      advance()
      draft.values.logUpdates = try expectWord(["updates", "no"]) == "updates"
    case "tcp": try tcpOption(&draft)
    case "role":
      advance()
      let word = try expectWord(BGPRole.allCases.map(\.name))
      draft.values.role = BGPRole.allCases.first { $0.name == word }
    case "export": try exportOption()
    case "announce": try announceOption(&draft)
    case "set":
      advance()
      draft.sets += try expectSets(of: token)
    case "rib": try ribOption(token)
    case "as-override":
      advance()
      let position = peek().position
      if try expectYesNo() {
        throw Mistake(position, "as-override: nftbgpd never announces anything, expected no")
      }
    case "connect-retry":
      throw Mistake(token.position, "connect-retry holds for all neighbors, expected it outside of blocks")
    default:
      try otherStatement(token, globally: false)
    }
  }

  private mutating func downOption(_ draft: inout PeerDraft) throws(Mistake) {
    advance()
    draft.values.down = ""
    guard [.word, .string, .number].contains(peek().kind) else { return }
    let position = peek().position
    let reason = try expectText("the reason")
    guard reason.utf8.count <= 255 else {
      throw Mistake(position, "reason too long, expected at most 255 characters")
    }
    draft.values.down = reason
  }

  private mutating func maxPrefixOption(_ draft: inout PeerDraft) throws(Mistake) {
    let position = advance().position
    let limit: UInt32 = try expectNumber("max-prefix", 0...UInt32.max)
    let isOutbound = accept(word: "out")
    var minutes: UInt16?
    if accept(word: "restart") {
      minutes = try expectNumber("restart", 1...UInt16.max)
    }
    guard !isOutbound else {
      return warn(position, "max-prefix out is ignored: nothing is ever announced")
    }
    // As in bgpd, 0 is no limit.
    draft.values.maxPrefix = limit == 0 ? nil : limit
    draft.values.maxPrefixRestart = limit == 0 ? nil : minutes
  }

  private mutating func tcpOption(_ draft: inout PeerDraft) throws(Mistake) {
    advance()
    _ = try expectWord(["md5sig"])
    // What stands here by mistake may be the key: it stays out of messages.
    guard isWord("password") || isWord("key") else {
      throw Mistake(peek().position, "unexpected text after md5sig, expected password or key")
    }
    let kind = advance().text
    let token = peek()
    if !filesWithSecrets.contains(token.position.file) { filesWithSecrets.append(token.position.file) }
    if kind == "password" {
      draft.values.md5Key = Array(try expectTexts("the password").utf8)
    } else {
      guard let key = Self.hexadecimal(try expectTexts("the key in hexadecimal digits")) else {
        throw Mistake(token.position, "the key is not hexadecimal, expected an even number of digits")
      }
      draft.values.md5Key = key
    }
    // TCP_MD5SIG_MAXKEYLEN
    guard let length = draft.values.md5Key?.count, (1...80).contains(length) else {
      let length = draft.values.md5Key?.count ?? 0
      draft.values.md5Key = nil
      throw Mistake(token.position, "the key has \(length) octets, expected 1 to 80")
    }
  }

  private static func hexadecimal(_ text: String) -> [UInt8]? {
    var octets: [UInt8] = []
    var rest = text.utf8[...]
    while let first = rest.popFirst() {
      guard let second = rest.popFirst(), let high = digit(first), let low = digit(second) else { return nil }
      octets.append(high << 4 | low)
    }
    return octets
  }

  private static func digit(_ octet: UInt8) -> UInt8? {
    switch octet {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): octet - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  private mutating func exportOption() throws(Mistake) {
    advance()
    let token = peek()
    if isWord("default-route") {
      throw Mistake(token.position, "export default-route: nftbgpd never announces anything, expected none")
    }
    _ = try expectWord(["none"])
  }

  private mutating func ribOption(_ token: Token) throws(Mistake) {
    advance()
    let name = peek()
    let text = try expectText("the name of a RIB")
    guard ribs.contains(text) else {
      throw Mistake(name.position, "rib \"\(text)\" does not exist, expected \"Loc-RIB\"")
    }
    if text != "Loc-RIB" {
      warn(token.position, "rib is ignored: there is one RIB alone")
    }
  }

  // MARK: announce

  private mutating func announceOption(_ draft: inout PeerDraft) throws(Mistake) {
    let announce = advance()
    let token = peek()
    guard token.kind == .word else { throw unexpected("what to announce") }
    switch token.text {
    case "none":
      advance()
      warnOnce("announce none", announce.position, "announce none is a deprecated spelling, expected export none")
    case "all", "self", "default-route":
      throw Mistake(token.position, "announce \(token.text): nftbgpd never announces anything, expected none")
    case "IPv4", "inet": try announceFamily(.ipv4, &draft)
    case "IPv6", "inet6": try announceFamily(.ipv6, &draft)
    case "EVPN", "flowspec":
      throw Mistake(token.position, "announce \(token.text): such routes fill no table, expected IPv4 or IPv6")
    case "capabilities":
      advance()
      draft.values.announceCapabilities = try expectYesNo()
    case "refresh":
      advance()
      draft.values.announceRefresh = try expectCapability()
    case "restart":
      advance()
      draft.values.announceRestart = try expectCapability()
    case "as-4byte":
      advance()
      draft.values.announceFourOctetAS = try expectCapability()
    case "enhanced":
      advance()
      _ = try expectWord(["refresh"])
      draft.values.announceEnhancedRefresh = try expectCapability()
    case "extended":
      advance()
      if try expectWord(["message", "nexthop"]) == "message" {
        draft.values.announceExtendedMessage = try expectCapability()
      } else if try expectCapability() {
        warn(announce.position, "announce extended nexthop is ignored: next hops are never used")
      }
    case "graceful":
      advance()
      _ = try expectWord(["notification"])
      if try expectCapability() {
        warn(
          announce.position, "announce graceful notification is ignored: stale-time keeps the routes of a lost session")
      }
    case "policy": try announcePolicy(&draft)
    case "add-path": try announceAddPath(announce.position)
    default:
      throw unexpected("none, IPv4, IPv6 or a capability")
    }
  }

  /// `announce policy (no|ROLE) [enforce]`, or `(yes|no|enforce)` beside `role ROLE` as later releases have it.
  private mutating func announcePolicy(_ draft: inout PeerDraft) throws(Mistake) {
    advance()
    let word = try expectWord(["no", "yes", "enforce"] + BGPRole.allCases.map(\.name))
    if let role = BGPRole.allCases.first(where: { $0.name == word }) { draft.values.role = role }
    draft.values.announceRole = word != "no"
    draft.values.enforceRole = word == "enforce" || word != "no" && accept(word: "enforce")
  }

  private mutating func announceFamily(_ family: AddressFamily, _ draft: inout PeerDraft) throws(Mistake) {
    advance()
    let token = peek()
    if token.kind == .word, ["vpn", "flowspec"].contains(token.text) {
      throw Mistake(
        token.position, "announce \(family) \(token.text): such routes fill no table, expected unicast or none")
    }
    if try expectWord(["unicast", "none"]) == "unicast" {
      draft.offers.insert(family)
    } else {
      draft.offers.remove(family)
    }
  }

  private mutating func announceAddPath(_ position: Position) throws(Mistake) {
    advance()
    if try expectWord(["recv", "send"]) == "recv" {
      if try expectCapability() {
        warn(position, "announce add-path recv is ignored: one path of a neighbor is enough for a table")
      }
    } else if !accept(word: "no") {
      throw Mistake(position, "announce add-path send: nftbgpd never announces anything, expected no")
    }
  }

  /// `yes`, `no`, or `enforce` as later releases have it: asked for here, never insisted upon.
  private mutating func expectCapability() throws(Mistake) -> Bool {
    let token = peek()
    if accept(word: "enforce") {
      warn(token.position, "enforce is taken for yes: a session comes up without the capability, too")
      return true
    }
    return try expectYesNo()
  }
}
