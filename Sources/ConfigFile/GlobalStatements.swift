import BGPWire
import Primitives
import Tables

/// Macros, includes and the settings of the daemon as a whole.
extension ConfigParser {
  mutating func globalStatement(_ token: Token) throws(Mistake) {
    let following = peek(1)
    if following.kind == .symbol, following.text == "=" {
      return try macroStatement()
    }
    guard token.kind == .word else {
      if impliedCloses > 0, accept(symbol: "}") {
        impliedCloses -= 1
        return
      }
      throw unexpected("a statement")
    }
    switch token.text {
    case "AS": try localASStatement()
    case "router-id": try routerIDStatement()
    case "holdtime":
      advance()
      if accept(word: "min") {
        configuration.minimumHoldTime = try expectNumber("holdtime", 3...UInt16.max)
      } else {
        configuration.holdTime = try expectNumber("holdtime", 3...UInt16.max)
      }
    case "connect-retry":
      advance()
      configuration.connectRetry = try expectNumber("connect-retry", 1...UInt16.max)
    case "stale-time":
      advance()
      configuration.staleTime = try expectNumber("stale-time", 0...UInt32.max)
    case "snapshot":
      advance()
      configuration.snapshotPath = accept(word: "no") ? nil : try expectFilePath()
    case "log":
      advance()
      _ = try expectWord(["updates"])
      configuration.logUpdates = true
    case "socket": try socketStatement()
    case "listen": try listenStatement()
    case "fib-update":
      advance()
      let position = peek().position
      if try expectYesNo() {
        throw Mistake(position, "fib-update yes: nftbgpd never touches the routing table, expected no")
      }
    case "nexthop":
      // Accepted without a warning: it is in files that are right as they are, and no next hop is ever used.
      advance()
      _ = try expectWord(["qualify"])
      _ = try expectWord(["via"])
      _ = try expectWord(["bgp", "default"])
    case "include": try includeStatement()
    case "group": try groupStatement()
    case "neighbor": try neighborStatement()
    case "allow", "deny", "match": try ruleStatement()
    case "prefix-set": try prefixSetStatement()
    case "as-set": try asSetStatement()
    case "nft": try nftStatement()
    case "table": try tableStatement()
    case "never": try neverStatement()
    case "protect":
      advance()
      configuration.protectsHost = try expectYesNo()
    case "prefer": try preferStatement()
    case "export" where following.kind == .word && following.text == "table": try exportStatement()
    case "metrics": try metricsStatement()
    case "rde": try rdeStatement()
    default: try otherStatement(token, globally: true)
    }
  }

  /// A statement that is ignored, refused or out of place.
  mutating func otherStatement(_ token: Token, globally: Bool) throws(Mistake) {
    let word = token.text
    if let reason = Words.refused[word] {
      throw Mistake(token.position, "\(word): \(reason)")
    }
    if let reason = Words.ignored[word] ?? (globally ? Words.ignoredGlobally[word] : nil) {
      if !(globally && word == "depend") {
        warn(token.position, "\(word) is ignored: \(reason)")
        return try skipStatement()
      }
    }
    if globally, Words.peerOnly.contains(word) || word == "export" || word == "depend" {
      throw Mistake(token.position, "\(word) stands only in a neighbor or group block, expected a global statement")
    }
    if !globally, Words.globalOnly.contains(word) {
      throw Mistake(token.position, "\(word) stands only outside of blocks, expected an option of a neighbor")
    }
    throw Mistake(token.position, "unknown word \(token), expected \(globally ? "a statement" : "an option or '}'")")
  }

  private mutating func macroStatement() throws(Mistake) {
    let name = peek()
    guard [.word, .number, .string].contains(name.kind) else { throw unexpected("the name of a macro") }
    guard !name.text.isEmpty, name.text.utf8.allSatisfy(Self.isMacroOctet) else {
      throw Mistake(name.position, "macro name \(name) is not plain, expected letters, digits and '_' alone")
    }
    guard name.kind == .string || !Words.reserved.contains(name.text) else {
      throw Mistake(name.position, "\(name) is a keyword, expected another name for the macro")
    }
    advance()
    advance()
    lexer.define(name.text, as: try expectTexts("the macro's text, in quotes"))
  }

  private static func isMacroOctet(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
      true
    default:
      false
    }
  }

  private mutating func localASStatement() throws(Mistake) {
    advance()
    hasAS = true
    configuration.localAS = try expectASN("AS")
    configuration.twoOctetAS = Self.twoOctetAS(of: configuration.localAS)
    if peek().kind == .number {
      configuration.twoOctetAS = try expectNumber("the 2-byte AS number", 1...UInt16.max)
    }
  }

  /// What stands for `asn` in two octets (RFC 6793 §4.2.2).
  static func twoOctetAS(of asn: ASN) -> UInt16 {
    UInt16(exactly: asn.value) ?? UInt16(truncatingIfNeeded: ASN.transition.value)
  }

  private mutating func routerIDStatement() throws(Mistake) {
    advance()
    let token = peek()
    guard case .v4(let address) = try expectAddress("router-id") else {
      throw Mistake(token.position, "router-id must be an IPv4 address, not \(token)")
    }
    if address.value == 0 {
      warn(token.position, "router-id 0.0.0.0 stands for none: nftbgpd picks one")
    }
    configuration.routerID = address.value == 0 ? nil : address
  }

  private mutating func socketStatement() throws(Mistake) {
    advance()
    let position = peek().position
    let path = try expectText("the path of the control socket")
    guard (1...107).contains(path.utf8.count) else {
      throw Mistake(position, "socket path has \(path.utf8.count) characters, expected 1 to 107")
    }
    let restricted = accept(word: "restricted")
    // As in bgpd: one socket of each kind, the last one counts.
    configuration.controlSockets.removeAll { $0.restricted == restricted }
    configuration.controlSockets.append(ControlSocket(path: path, restricted: restricted))
  }

  private mutating func listenStatement() throws(Mistake) {
    advance()
    let listener = try expectListener(port: 179)
    if !configuration.listeners.contains(listener) {
      configuration.listeners.append(listener)
    }
  }

  /// `on ADDRESS [port N]`
  private mutating func expectListener(port defaultPort: UInt16) throws(Mistake) -> Listener {
    _ = try expectWord(["on"])
    let address = try expectAddress("listen on")
    var port = defaultPort
    if accept(word: "port") {
      port = try expectNumber("port", 1...UInt16.max)
    }
    return Listener(address: address, port: port)
  }

  private mutating func includeStatement() throws(Mistake) {
    let position = advance().position
    let path = try expectText("the path of a file")
    guard peek().kind == .newline || peek().kind == .end else { throw unexpected("end of line") }
    let open = lexer.openFiles
    guard !open.contains(path) else {
      throw Mistake(position, "include loop: \((open + [path]).joined(separator: " includes ")), expected an end to it")
    }
    includes += 1
    guard open.count < 16, includes <= 256 else {
      throw Mistake(position, "too many includes, expected at most 256, and 16 within each other")
    }
    include = (path, position)
  }

  private mutating func rdeStatement() throws(Mistake) {
    let token = peek()
    let kind = peek(1)
    let name = kind.kind == .word && kind.text == "rib" ? peek(2) : kind
    if name != kind, [.word, .string].contains(name.kind) {
      ribs.insert(name.text)
    }
    try otherStatement(token, globally: true)
  }

  // MARK: Ours

  private mutating func nftStatement() throws(Mistake) {
    advance()
    _ = try expectWord(["table"])
    let family = peek()
    guard family.kind == .word, let value = NFTTable.Family(rawValue: family.text) else {
      throw unexpected("the family inet, ip or ip6")
    }
    switch value {
    case .inet, .ip, .ip6: break
    case .netdev, .bridge, .arp:
      throw Mistake(
        family.position,
        "a table of family \(family.text) sees no connections to this host's mail server, expected inet, ip or ip6")
    }
    advance()
    let name = peek()
    let text = try expectText("the name of the nft table")
    if let reason = NFTName.fault(of: text, maximum: NFTName.maximumLength) {
      throw Mistake(name.position, "\(name) cannot name an nft table: \(reason)")
    }
    configuration.nftTable = NFTTable(family: value, name: text)
    configuration.nftTable.isOwned = accept(word: "owner")
  }

  /// An absolute path.
  mutating func expectFilePath() throws(Mistake) -> String {
    let path = peek()
    let text = try expectText("the path of the file")
    guard text.hasPrefix("/"), !text.hasSuffix("/") else {
      throw Mistake(path.position, "\(path) is not an absolute path of a file, expected one")
    }
    return text
  }

  /// No two statements may write the same file.
  func expectUnwritten(_ text: String, _ path: Token) throws(Mistake) {
    guard !configuration.exports.contains(where: { $0.path == text }) else {
      throw Mistake(path.position, "\(path) is written by another export already, expected another path")
    }
    guard configuration.metricsFile != text else {
      throw Mistake(path.position, "\(path) is the file of the metrics already, expected another path")
    }
  }

  private mutating func metricsStatement() throws(Mistake) {
    advance()
    guard try expectWord(["file", "listen"]) == "listen" else {
      let path = peek()
      let text = try expectFilePath()
      try expectUnwritten(text, path)
      configuration.metricsFile = text
      return
    }
    let position = peek(1).position
    let listener = try expectListener(port: Configuration.defaultMetricsPort)
    if !listener.address.isLoopback {
      warn(position, "metrics listen on \(listener.address): whoever can connect to it may read them")
    }
    if !configuration.metricsListeners.contains(listener) { configuration.metricsListeners.append(listener) }
  }
}

extension IPAddress {
  /// Only this host can connect to it.
  fileprivate var isLoopback: Bool {
    switch self {
    case .v4(let address): address.value >> 24 == 127
    case .v6(let address): address.high == 0 && address.low == 1
    }
  }
}

/// Names that nft(8) can read back.
enum NFTName {
  /// NFT_NAME_MAXLEN and NFT_SET_MAXNAMELEN are 256 with the final zero.
  static let maximumLength = 255

  /// The names of the sets that a table of the configuration may become.
  static func sets(of table: String) -> [String] {
    AddressFamily.allCases.flatMap { KernelSet.sets(of: table, $0, .hostsAndIntervals) }.map(\.name)
  }

  /// Why `name` is none, or nil when it is one.
  static func fault(of name: String, maximum: Int) -> String? {
    guard let first = name.utf8.first else { return "it is empty" }
    guard name.utf8.count <= maximum else { return "it has \(name.utf8.count) characters, expected at most \(maximum)" }
    guard isLetter(first) || first == UInt8(ascii: "_") else { return "expected a letter or '_' first" }
    guard name.utf8.allSatisfy({ isLetter($0) || "0123456789_-./".utf8.contains($0) }) else {
      return "expected letters, digits, '_', '-', '.' and '/' alone"
    }
    return nil
  }

  private static func isLetter(_ octet: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet | 0x20)
  }
}
