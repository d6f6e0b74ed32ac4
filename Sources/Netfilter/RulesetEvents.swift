import CNetfilter
import Primitives

/// Puts together what the kernel tells of a commit: a message for each thing that changed, then one with the
/// generation and the process.
///
/// It keeps counts and names and no elements, so a commit of any size takes the same memory.
struct RulesetEvents {
  /// Sets of one commit that are told apart.
  static let maximumSets = 256

  private let family: UInt8
  private let tableName: [UInt8]
  private var table: RulesetChange.Fate?
  private var sets: [String: RulesetChange.SetChange] = [:]
  private var isTruncated = false
  /// The set of the last message, since the next is most often about the same one.
  private var latest: (octets: [UInt8], name: String) = ([], "")

  init(table: NFTable) {
    family = table.family.rawValue
    tableName = Array(table.name.utf8)
  }

  /// Forgets the commit that is not complete.
  mutating func reset() {
    table = nil
    sets = [:]
    isTruncated = false
  }

  /// Takes the next message.
  ///
  /// - Returns: the commit, when the message was its last.
  mutating func take(_ message: NetlinkMessage, _ octets: Span<UInt8>) throws(MalformedReply) -> RulesetChange? {
    guard UInt32(message.type) >> 8 == UInt32(NFNL_SUBSYS_NFTABLES) else { return nil }
    var reader = message.payload
    var header = reader
    try reader.skipFamilyHeader()
    let type = UInt32(message.type & 0xFF)
    if type == NFT_MSG_NEWGEN.rawValue {
      defer { reset() }
      return try change(by: message.portID, reader, octets)
    }
    guard header.readUInt8(octets) == family else { return nil }
    switch type {
    case NFT_MSG_NEWTABLE.rawValue, NFT_MSG_DELTABLE.rawValue:
      try takeTable(reader, isDeleted: type == NFT_MSG_DELTABLE.rawValue, octets)
    case NFT_MSG_NEWSET.rawValue, NFT_MSG_DELSET.rawValue:
      try takeSet(reader, isDeleted: type == NFT_MSG_DELSET.rawValue, octets)
    case NFT_MSG_NEWSETELEM.rawValue, NFT_MSG_DELSETELEM.rawValue:
      try takeElements(reader, areDeleted: type == NFT_MSG_DELSETELEM.rawValue, octets)
    default: break
    }
    return nil
  }

  private func change(
    by portID: UInt32, _ attributes: OctetReader, _ octets: Span<UInt8>
  ) throws(MalformedReply) -> RulesetChange {
    var reader = attributes
    var generation: UInt32?
    var processID: UInt32?
    var processName = ""
    while let attribute = try reader.nextAttribute(octets) {
      switch attribute.type {
      case NFTA_GEN_ID.rawValue: generation = try attribute.number(octets)
      case NFTA_GEN_PROC_PID.rawValue: processID = try attribute.number(octets)
      case NFTA_GEN_PROC_NAME.rawValue: processName = try attribute.text(octets).asciiPrintable
      default: continue
      }
    }
    guard let generation else { throw MalformedReply() }
    return RulesetChange(
      generation: generation, portID: portID, processID: processID, processName: processName, table: table,
      sets: sets, isTruncated: isTruncated)
  }

  private mutating func takeTable(
    _ attributes: OctetReader, isDeleted: Bool, _ octets: Span<UInt8>
  ) throws(MalformedReply) {
    var reader = attributes
    while let attribute = try reader.nextAttribute(octets) {
      guard attribute.type == NFTA_TABLE_NAME.rawValue else { continue }
      guard attribute.isName(tableName, octets) else { return }
      table = isDeleted ? .deleted : .declaring(after: table)
      return
    }
    throw MalformedReply()
  }

  private mutating func takeSet(
    _ attributes: OctetReader, isDeleted: Bool, _ octets: Span<UInt8>
  ) throws(MalformedReply) {
    var reader = attributes
    var isOurs: Bool?
    var name: NetlinkAttribute?
    while let attribute = try reader.nextAttribute(octets) {
      switch attribute.type {
      case NFTA_SET_TABLE.rawValue: isOurs = attribute.isName(tableName, octets)
      case NFTA_SET_NAME.rawValue: name = attribute
      default: continue
      }
    }
    guard let isOurs, let name else { throw MalformedReply() }
    guard isOurs else { return }
    try update(name, octets) { change in
      change.fate = isDeleted ? .deleted : .declaring(after: change.fate)
    }
  }

  private mutating func takeElements(
    _ attributes: OctetReader, areDeleted: Bool, _ octets: Span<UInt8>
  ) throws(MalformedReply) {
    var reader = attributes
    var isOurs: Bool?
    var name: NetlinkAttribute?
    var count = 0
    while let attribute = try reader.nextAttribute(octets) {
      switch attribute.type {
      case NFTA_SET_ELEM_LIST_TABLE.rawValue:
        isOurs = attribute.isName(tableName, octets)
        if isOurs == false { return }
      case NFTA_SET_ELEM_LIST_SET.rawValue: name = attribute
      case NFTA_SET_ELEM_LIST_ELEMENTS.rawValue:
        var list = attribute.payload
        while let element = try list.nextAttribute(octets) {
          count += try Element(element.payload, octets).isEnd ? 0 : 1
        }
      default: continue
      }
    }
    guard isOurs != nil, let name else { throw MalformedReply() }
    try update(name, octets) { change in
      if areDeleted {
        change.removed += count
      } else {
        change.added += count
      }
    }
  }

  private mutating func update(
    _ name: NetlinkAttribute, _ octets: Span<UInt8>, _ body: (inout RulesetChange.SetChange) -> Void
  ) throws(MalformedReply) {
    if !name.isName(latest.octets, octets) {
      let text = try name.text(octets)
      latest = (Array(text.utf8), text)
    }
    if sets.count >= Self.maximumSets, sets[latest.name] == nil {
      isTruncated = true
    } else {
      body(&sets[latest.name, default: .init()])
    }
  }
}

extension NetlinkAttribute {
  /// Whether the payload is this text and a NUL.
  fileprivate func isName(_ name: [UInt8], _ octets: Span<UInt8>) -> Bool {
    guard payload.count == name.count + 1, octets[payload.end - 1] == 0 else { return false }
    for (place, octet) in zip(payload.remaining, name) where octets[place] != octet {
      return false
    }
    return true
  }
}
