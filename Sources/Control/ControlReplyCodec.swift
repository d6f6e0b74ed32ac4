import Primitives

extension ControlReply {
  /// Routes or prefixes in one frame; a longer batch is encoded as several frames.
  ///
  /// An IPv6 route takes 26 octets, so this many stay below `ControlFrame.maximumReply`.
  package static let maximumBatch = 400_000
  /// Rows with texts, refused prefixes, conflicts or lines, in one frame; at less than 4 KiB a row they stay below it, too.
  package static let maximumRows = 4_096

  private enum Kind: UInt8 {
    case neighbor = 1
    case path = 2
    case routes = 3
    case table = 4
    case prefixes = 5
    case failure = 6
    case end = 7
    case why = 8
    case refused = 9
    case conflicts = 10
    case role = 11
    case metrics = 12
  }

  /// What goes on the wire: one frame, or several for a batch of more than `maximumBatch`.
  package func encode() -> [UInt8] {
    switch self {
    case .neighbor(let report):
      var writer = FieldWriter(kind: Kind.neighbor.rawValue, capacity: 512)
      writer.write(report)
      return writer.finish()
    case .path(let report):
      var writer = FieldWriter(kind: Kind.path.rawValue, capacity: 256)
      writer.write(report)
      return writer.finish()
    case .routes(let routes):
      return Self.encode(routes)
    case .table(let report):
      var writer = FieldWriter(kind: Kind.table.rawValue, capacity: 128)
      writer.write(report)
      return writer.finish()
    case .role(let role):
      var writer = FieldWriter(kind: Kind.role.rawValue, capacity: 1)
      writer.write(role)
      return writer.finish()
    case .prefixes(let prefixes):
      return Self.encode(prefixes)
    case .why(let report):
      var writer = FieldWriter(kind: Kind.why.rawValue, capacity: 1_024)
      writer.write(report)
      return writer.finish()
    case .refused(let reports):
      return Self.encode(rows: reports, .refused) { $0.write($1) }
    case .conflicts(let reports):
      return Self.encode(rows: reports, .conflicts) { $0.write($1) }
    case .metrics(let lines):
      return Self.encode(rows: lines, .metrics) { $0.write($1) }
    case .failure(let reason):
      var writer = FieldWriter(kind: Kind.failure.rawValue)
      writer.write(reason)
      return writer.finish()
    case .end:
      return FieldWriter(kind: Kind.end.rawValue, capacity: 0).finish()
    }
  }

  private static func encode(_ routes: [RouteReport]) -> [UInt8] {
    guard routes.count <= maximumBatch else {
      return encode(Array(routes.prefix(maximumBatch))) + encode(Array(routes.dropFirst(maximumBatch)))
    }
    var writer = FieldWriter(kind: Kind.routes.rawValue, capacity: 4 + 14 * routes.count)
    writer.write(array: routes) { $0.write($1) }
    return writer.finish()
  }

  /// One frame for every `maximumRows` rows, and one for none at all.
  private static func encode<Row>(
    rows: [Row], _ kind: Kind, _ body: (inout FieldWriter, Row) -> Void
  ) -> [UInt8] {
    var octets: [UInt8] = []
    var rest = rows[...]
    repeat {
      let batch = rest.prefix(maximumRows)
      rest = rest.dropFirst(maximumRows)
      var writer = FieldWriter(kind: kind.rawValue, capacity: 4 + 64 * batch.count)
      writer.write(array: batch, body)
      octets += writer.finish()
    } while !rest.isEmpty
    return octets
  }

  private static func encode(_ prefixes: PrefixList) -> [UInt8] {
    guard prefixes.count <= maximumBatch else {
      let first = PrefixList(
        ipv4: Array(prefixes.ipv4.prefix(maximumBatch)),
        ipv6: Array(prefixes.ipv6.prefix(max(0, maximumBatch - prefixes.ipv4.count))))
      let rest = PrefixList(
        ipv4: Array(prefixes.ipv4.dropFirst(first.ipv4.count)), ipv6: Array(prefixes.ipv6.dropFirst(first.ipv6.count)))
      return encode(first) + encode(rest)
    }
    var writer = FieldWriter(
      kind: Kind.prefixes.rawValue, capacity: 8 + 5 * prefixes.ipv4.count + 17 * prefixes.ipv6.count)
    writer.write(array: prefixes.ipv4) { $0.write($1) }
    writer.write(array: prefixes.ipv6) { $0.write($1) }
    return writer.finish()
  }

  /// Reads the reply that begins at `offset`.
  ///
  /// - Returns: the reply and the index of the octet after it; `nil` when the octets end before the reply does.
  package static func decode(
    in octets: Span<UInt8>, at offset: Int = 0
  ) throws(ControlError) -> (reply: ControlReply, end: Int)? {
    guard let frame = try ControlFrame(in: octets, at: offset) else { return nil }
    return (try decode(frame, in: octets), frame.end)
  }

  /// Reads the reply in a frame that `ControlFrame` found in the same octets.
  package static func decode(_ frame: ControlFrame, in octets: Span<UInt8>) throws(ControlError) -> ControlReply {
    guard let kind = Kind(rawValue: frame.kind) else { throw .malformed("reply kind \(frame.kind)") }
    var reader = FieldReader(frame.payload, of: octets)
    let reply: ControlReply =
      switch kind {
      case .neighbor: .neighbor(try reader.neighborReport(octets))
      case .path: .path(try reader.pathReport(octets))
      case .routes: .routes(try reader.routes(octets))
      case .table: .table(try reader.tableReport(octets))
      case .role: .role(try reader.role(octets))
      case .prefixes: .prefixes(try reader.prefixes(octets))
      case .why: .why(try reader.whyReport(octets))
      case .refused: .refused(try reader.refusedReports(octets))
      case .conflicts: .conflicts(try reader.conflictReports(octets))
      case .metrics: .metrics(try reader.texts(octets))
      case .failure: .failure(try reader.text(octets))
      case .end: .end
      }
    try reader.finish()
    return reply
  }
}

/// The first octet of an encoded route.
private enum RouteFlag {
  static let valid: UInt8 = 1 << 0
  static let best: UInt8 = 1 << 1
  static let stale: UInt8 = 1 << 2
  static let ipv6: UInt8 = 1 << 3
  static let all = valid | best | stale | ipv6
}

extension FieldWriter {
  fileprivate mutating func write(_ path: PathReport) {
    write(path.number)
    write(path.neighborAddress)
    write(path.neighborDescription)
    write(optional: path.bgpID) { $0.write($1) }
    write(path.asPath)
    write(path.origin.rawValue)
    write(optional: path.nextHop) { $0.write($1) }
    write(path.multiExitDiscriminator)
    write(path.localPreference)
    write(path.isInternal)
    write(path.communities)
    write(path.largeCommunities)
    write(path.extendedCommunities)
  }

  fileprivate mutating func write(_ route: RouteReport) {
    var flags: UInt8 = 0
    if route.isValid { flags |= RouteFlag.valid }
    if route.isBest { flags |= RouteFlag.best }
    if route.isStale { flags |= RouteFlag.stale }
    switch route.prefix {
    case .v4(let prefix):
      write(flags)
      write(prefix)
    case .v6(let prefix):
      write(flags | RouteFlag.ipv6)
      write(prefix)
    }
    write(route.path)
    write(route.age)
  }
}

extension FieldReader {
  fileprivate mutating func pathReport(_ octets: Span<UInt8>) throws(ControlError) -> PathReport {
    PathReport(
      number: try uint32(octets), neighborAddress: try address(octets), neighborDescription: try text(octets),
      bgpID: try bool(octets) ? try ipv4Address(octets) : nil, asPath: try text(octets), origin: try origin(octets),
      nextHop: try bool(octets) ? try address(octets) : nil, multiExitDiscriminator: try uint32(octets),
      localPreference: try uint32(octets), isInternal: try bool(octets), communities: try texts(octets),
      largeCommunities: try texts(octets), extendedCommunities: try texts(octets))
  }

  private mutating func origin(_ octets: Span<UInt8>) throws(ControlError) -> PathReport.Origin {
    let value = try uint8(octets)
    guard let origin = PathReport.Origin(rawValue: value) else { throw .malformed("origin \(value)") }
    return origin
  }

  fileprivate mutating func routes(_ octets: Span<UInt8>) throws(ControlError) -> [RouteReport] {
    try array(of: 14, octets) { (reader, octets) throws(ControlError) in try reader.route(octets) }
  }

  private mutating func route(_ octets: Span<UInt8>) throws(ControlError) -> RouteReport {
    let flags = try uint8(octets)
    guard flags & ~RouteFlag.all == 0 else { throw .malformed("route flags \(flags)") }
    let prefix: Prefix = flags & RouteFlag.ipv6 == 0 ? .v4(try ipv4Prefix(octets)) : .v6(try ipv6Prefix(octets))
    return RouteReport(
      prefix: prefix, path: try uint32(octets), isValid: flags & RouteFlag.valid != 0,
      isBest: flags & RouteFlag.best != 0, isStale: flags & RouteFlag.stale != 0, age: try uint32(octets))
  }

  fileprivate mutating func prefixes(_ octets: Span<UInt8>) throws(ControlError) -> PrefixList {
    let ipv4 = try array(of: 5, octets) { (reader, octets) throws(ControlError) in try reader.ipv4Prefix(octets) }
    let ipv6 = try array(of: 17, octets) { (reader, octets) throws(ControlError) in try reader.ipv6Prefix(octets) }
    return PrefixList(ipv4: ipv4, ipv6: ipv6)
  }
}
