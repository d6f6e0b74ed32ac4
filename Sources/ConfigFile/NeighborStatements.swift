import BGPWire
import Primitives
import Tables

/// A neighbour as far as the file has been read: in a group, the group's options are its start.
struct PeerDraft {
  /// The address is a placeholder in the draft of a group.
  var values = Neighbor(address: .v4(IPv4Address(0)), remoteAS: ASN(0))
  /// A `remote-as` was there, right or wrong.
  var hasRemoteAS = false
  /// `local-address` of each family: a neighbour takes that of its own.
  var localAddresses: [AddressFamily: IPAddress] = [:]
  var offers: Set<AddressFamily> = [.ipv4, .ipv6]
  var enforceNeighborAS: Bool?
  var staleTime: UInt32?
  /// Where `passive` stands.
  var passive: Position?
  /// The `set` list of the block.
  var sets: [FilterSet] = []
  var position: Position?
}

/// A `group` block.
struct GroupDraft {
  var name: String
  var position: Position
  /// A `neighbor` statement was in it, right or wrong.
  var hasNeighbors = false
  var sets: [FilterSet] = []
}

/// `group` and `neighbor` blocks: who stands in which, and how they end.
extension ConfigParser {
  /// `group NAME {` options and neighbours, one a line `}`.
  mutating func groupStatement() throws(Mistake) {
    let position = advance().position
    let name: String
    do throws(Mistake) {
      let token = peek()
      name = try expectTexts("the name of the group")
      guard !name.isEmpty, name.utf8.count <= 255 else {
        throw Mistake(token.position, "group name has \(name.utf8.count) characters, expected 1 to 255")
      }
      try expect(symbol: "{")
    } catch {
      peersUncertain = true
      throw error
    }
    let index: Int
    if let known = groups.firstIndex(where: { $0.name == name }) {
      index = known
    } else {
      index = groups.count
      groups.append(GroupDraft(name: name, position: position))
    }
    var draft = PeerDraft()
    draft.values.group = name
    block(opened: position, as: "group \"\(name)\"") { parser throws(Mistake) in
      if parser.isWord("neighbor") {
        parser.groups[index].hasNeighbors = true
        try parser.neighborStatement(in: draft)
      } else {
        try parser.peerOption(&draft)
      }
    }
    groups[index].sets += draft.sets
  }

  /// `neighbor ADDRESS`, `neighbor ADDRESS { OPTION }` or `neighbor ADDRESS {` options, one a line `}`.
  mutating func neighborStatement(in group: PeerDraft? = nil) throws(Mistake) {
    let position = advance().position
    var draft = group ?? PeerDraft()
    draft.sets = []
    draft.position = position
    draft.values.line = position.line
    let isKnown = neighborAddress(&draft, position)
    if isSymbol("{") {
      try optionBlock(opened: position, as: "neighbor \(draft.values.address)") { parser throws(Mistake) in
        try parser.peerOption(&draft)
      }
    } else if peek().kind != .newline, peek().kind != .end, peek().kind != .bad {
      throw unexpected("'{' or end of line after the neighbor's address")
    }
    guard draft.hasRemoteAS else {
      let remedy = group == nil ? "" : ", or in the group before the neighbor"
      report(.error, position, "neighbor \(draft.values.address) has no remote-as, expected one in its block\(remedy)")
      return
    }
    if isKnown { keep(draft) }
  }

  private mutating func keep(_ draft: PeerDraft) {
    guard hasAS else {
      if let position = draft.position {
        report(.error, position, "AS needs to be given before neighbor definitions, expected an AS statement above")
      }
      hasAS = true
      return
    }
    peers.append(draft)
  }

  /// Reads the address; a mistake in it is reported, and the block that follows still read.
  private mutating func neighborAddress(_ draft: inout PeerDraft, _ position: Position) -> Bool {
    let token = peek()
    do throws(Mistake) {
      draft.values.address = try expectAddress("neighbor")
      if accept(symbol: "/") {
        let address = draft.values.address
        let length = try expectNumber("prefix length of \(address.family)", 0...address.family.bits)
        guard length == address.family.bits else {
          throw Mistake(
            token.position, "neighbor templates are not supported, expected one address instead of \(address)/\(length)"
          )
        }
      }
    } catch {
      report(.error, error.position, error.message)
      peersUncertain = true
      while ![.newline, .end].contains(peek().kind), !isSymbol("{"), !isSymbol("}") { advance() }
      // Its remote-as is not worth a second message.
      draft.hasRemoteAS = true
      return false
    }
    if let line = peerLines[draft.values.address] {
      report(
        .error, token.position,
        "duplicate neighbor \(draft.values.address), expected one definition; the other is in line \(line)")
      draft.hasRemoteAS = true
      return false
    }
    peerLines[draft.values.address] = position.line
    return true
  }

  /// `{ OPTION }`, or `{` options, each on its line `}`.
  mutating func optionBlock(
    opened position: Position, as name: String, _ option: (inout ConfigParser) throws(Mistake) -> Void
  ) throws(Mistake) {
    advance()
    switch peek().kind {
    case .newline, .end:
      block(opened: position, as: name, option)
    default:
      if accept(symbol: "}") { return }
      try option(&self)
      guard accept(symbol: "}") else {
        throw unexpected("'}': a block that opens with an option takes this one alone, the others stand one a line")
      }
    }
  }

  /// What would define a macro is none in a block.
  mutating func expectNoMacro() throws(Mistake) {
    let following = peek(1)
    if following.kind == .symbol, following.text == "=" {
      throw Mistake(peek().position, "macro in a block, expected it above the block")
    }
  }

  /// The statements of a block up to its `}`, each on its line.
  private mutating func block(
    opened position: Position, as name: String, _ statement: (inout ConfigParser) throws(Mistake) -> Void
  ) {
    while true {
      let token = peek()
      switch token.kind {
      case .newline:
        advance()
      case .symbol where token.text == "}":
        advance()
        return
      case .end:
        if !lostToEnd {
          report(.error, position, "\(name) is not closed, expected '}' before the end of the file")
          lostToEnd = true
        }
        return
      case .word where Words.startsOutside.contains(token.text) || token.text == "neighbor" && !name.hasPrefix("group"):
        report(
          .error, token.position, "unexpected \(token) in \(name), expected '}' to close line \(position.line) before")
        impliedCloses += 1
        braces = max(0, braces - 1)
        // The statement that the block belongs to ends here, too.
        lookahead.insert(Token(kind: .newline, text: "", position: token.position), at: 0)
        return
      default:
        attempt { parser throws(Mistake) in
          try statement(&parser)
          try parser.expectEndOfLine()
        }
      }
    }
  }
}
