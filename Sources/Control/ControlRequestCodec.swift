import Primitives

extension ControlRequest {
  /// The first octet of every request.
  package static let protocolVersion: UInt8 = 1

  private enum Kind: UInt8 {
    case showSummary = 1
    case showNeighbor = 2
    case showRIB = 3
    case showTables = 4
    case export = 5
    case why = 6
    case showRefused = 7
    case showConflicts = 8
    case neighbor = 9
    case accept = 10
    case reload = 11
    case log = 12
    case showMetrics = 13
  }

  /// Everything that goes on the wire: the version octet and the frame.
  package func encode() -> [UInt8] {
    switch self {
    case .showSummary:
      return Self.writer(.showSummary).finish()
    case .showNeighbor(let selector):
      var writer = Self.writer(.showNeighbor)
      writer.write(selector)
      return writer.finish()
    case .showRIB(let query):
      var writer = Self.writer(.showRIB)
      writer.write(query)
      return writer.finish()
    case .showTables:
      return Self.writer(.showTables).finish()
    case .export(let table):
      var writer = Self.writer(.export)
      writer.write(table)
      return writer.finish()
    case .why(let prefix):
      var writer = Self.writer(.why)
      writer.write(prefix)
      return writer.finish()
    case .showRefused:
      return Self.writer(.showRefused).finish()
    case .showConflicts:
      return Self.writer(.showConflicts).finish()
    case .neighbor(let selector, let action):
      var writer = Self.writer(.neighbor)
      writer.write(selector)
      writer.write(action)
      return writer.finish()
    case .accept(let table):
      var writer = Self.writer(.accept)
      writer.write(table)
      return writer.finish()
    case .reload:
      return Self.writer(.reload).finish()
    case .log(let isVerbose):
      var writer = Self.writer(.log)
      writer.write(isVerbose)
      return writer.finish()
    case .showMetrics(let openMetrics):
      var writer = Self.writer(.showMetrics)
      writer.write(openMetrics)
      return writer.finish()
    }
  }

  private static func writer(_ kind: Kind) -> FieldWriter {
    FieldWriter(kind: kind.rawValue, prelude: [protocolVersion])
  }

  /// Reads the request, with its version octet, that begins at `offset`.
  ///
  /// - Returns: the request and the index of the octet after it; `nil` when the octets end before the request does.
  /// - Throws: `.unsupportedVersion` before anything else is looked at.
  package static func decode(
    in octets: Span<UInt8>, at offset: Int = 0
  ) throws(ControlError) -> (request: ControlRequest, end: Int)? {
    guard octets.indices.contains(offset) else { return nil }
    let version = octets[offset]
    guard version == protocolVersion else { throw .unsupportedVersion(version) }
    guard let frame = try ControlFrame(in: octets, at: offset + 1, maximum: ControlFrame.maximumRequest) else {
      return nil
    }
    guard let kind = Kind(rawValue: frame.kind) else { throw .malformed("request kind \(frame.kind)") }
    var reader = FieldReader(frame.payload, of: octets)
    let request: ControlRequest =
      switch kind {
      case .showSummary: .showSummary
      case .showNeighbor: .showNeighbor(try reader.neighborSelector(octets))
      case .showRIB: .showRIB(try reader.ribQuery(octets))
      case .showTables: .showTables
      case .export: .export(table: try reader.text(octets))
      case .why: .why(try reader.prefix(octets))
      case .showRefused: .showRefused
      case .showConflicts: .showConflicts
      case .neighbor: .neighbor(try reader.neighborSelector(octets), try reader.neighborAction(octets))
      case .accept: .accept(table: try reader.text(octets))
      case .reload: .reload
      case .log: .log(verbose: try reader.bool(octets))
      case .showMetrics: .showMetrics(openMetrics: try reader.bool(octets))
      }
    try reader.finish()
    return (request, frame.end)
  }
}

extension FieldWriter {
  fileprivate mutating func write(_ selector: NeighborSelector) {
    switch selector {
    case .all:
      write(UInt8(0))
    case .address(let address):
      write(UInt8(1))
      write(address)
    case .description(let text):
      write(UInt8(2))
      write(text)
    case .group(let name):
      write(UInt8(3))
      write(name)
    }
  }

  fileprivate mutating func write(_ action: NeighborAction) {
    switch action {
    case .up:
      write(UInt8(0))
    case .down(let flush, let reason):
      write(UInt8(1))
      write(flush)
      write(reason)
    case .clear(let reason):
      write(UInt8(2))
      write(reason)
    case .refresh:
      write(UInt8(3))
    }
  }

  fileprivate mutating func write(_ filter: RIBQuery.PrefixFilter) {
    switch filter {
    case .longestMatch(let address):
      write(UInt8(0))
      write(address)
    case .exact(let prefix):
      write(UInt8(1))
      write(prefix)
    case .all(let prefix):
      write(UInt8(2))
      write(prefix)
    case .orShorter(let prefix):
      write(UInt8(3))
      write(prefix)
    }
  }

  fileprivate mutating func write(_ query: RIBQuery) {
    write(optional: query.community) { writer, community in
      writer.write(optional: community.global) { $0.write($1) }
      writer.write(optional: community.local) { $0.write($1) }
    }
    write(optional: query.largeCommunity) { writer, community in
      writer.write(optional: community.global) { $0.write($1) }
      writer.write(optional: community.data1) { $0.write($1) }
      writer.write(optional: community.data2) { $0.write($1) }
    }
    write(optional: query.asn) { $0.write($1) }
    write(optional: query.sourceAS) { $0.write($1) }
    write(optional: query.peerAS) { $0.write($1) }
    write(optional: query.prefix) { $0.write($1) }
    write(query.neighbor)
    write(optional: query.family) { $0.write($1) }
    write(query.adjRIBIn)
    write(query.selectedOnly)
  }
}

extension FieldReader {
  fileprivate mutating func neighborSelector(_ octets: Span<UInt8>) throws(ControlError) -> NeighborSelector {
    switch try uint8(octets) {
    case 0: return .all
    case 1: return .address(try address(octets))
    case 2: return .description(try text(octets))
    case 3: return .group(try text(octets))
    case let other: throw .malformed("neighbour selector \(other)")
    }
  }

  fileprivate mutating func neighborAction(_ octets: Span<UInt8>) throws(ControlError) -> NeighborAction {
    switch try uint8(octets) {
    case 0: return .up
    case 1: return .down(flush: try bool(octets), try reason(octets))
    case 2: return .clear(try reason(octets))
    case 3: return .refresh
    case let other: throw .malformed("neighbour action \(other)")
    }
  }

  /// Measured after the repair of what is not UTF-8, because that is what would be sent.
  private mutating func reason(_ octets: Span<UInt8>) throws(ControlError) -> String {
    let reason = try text(octets)
    guard reason.utf8.count <= NeighborAction.maximumReason else {
      throw .malformed("a reason of \(reason.utf8.count) octets")
    }
    return reason
  }

  fileprivate mutating func prefixFilter(_ octets: Span<UInt8>) throws(ControlError) -> RIBQuery.PrefixFilter {
    switch try uint8(octets) {
    case 0: return .longestMatch(try address(octets))
    case 1: return .exact(try prefix(octets))
    case 2: return .all(try prefix(octets))
    case 3: return .orShorter(try prefix(octets))
    case let other: throw .malformed("prefix filter \(other)")
    }
  }

  private mutating func optionalUInt16(_ octets: Span<UInt8>) throws(ControlError) -> UInt16? {
    try bool(octets) ? try uint16(octets) : nil
  }

  private mutating func optionalUInt32(_ octets: Span<UInt8>) throws(ControlError) -> UInt32? {
    try bool(octets) ? try uint32(octets) : nil
  }

  fileprivate mutating func ribQuery(_ octets: Span<UInt8>) throws(ControlError) -> RIBQuery {
    var query = RIBQuery()
    if try bool(octets) {
      query.community = .init(global: try optionalUInt16(octets), local: try optionalUInt16(octets))
    }
    if try bool(octets) {
      query.largeCommunity = .init(
        global: try optionalUInt32(octets), data1: try optionalUInt32(octets), data2: try optionalUInt32(octets))
    }
    query.asn = try optionalUInt32(octets)
    query.sourceAS = try optionalUInt32(octets)
    query.peerAS = try optionalUInt32(octets)
    query.prefix = try bool(octets) ? try prefixFilter(octets) : nil
    query.neighbor = try neighborSelector(octets)
    query.family = try bool(octets) ? try family(octets) : nil
    query.adjRIBIn = try bool(octets)
    query.selectedOnly = try bool(octets)
    return query
  }
}
