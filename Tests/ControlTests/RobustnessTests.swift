import Control
import Primitives
import Testing

@Suite("Control codec: octets from anybody")
struct RobustnessTests {
  @Test("A frame that has not arrived whole asks for more, at every length", arguments: 0..<20)
  func truncated(seed: Int) throws {
    var samples = Samples(seed: UInt64(seed))
    for reply in samples.replies() {
      let octets = reply.encode()
      for length in 0..<octets.count {
        let part = Array(octets.prefix(length))
        #expect(try ControlReply.decode(in: part.span) == nil)
      }
    }
    for request in samples.requests() {
      let octets = request.encode()
      for length in 0..<octets.count {
        let part = Array(octets.prefix(length))
        #expect(try ControlRequest.decode(in: part.span) == nil)
      }
    }
  }

  /// The frame of a reply whose payload is `payload`.
  private func frame(kind: UInt8, _ payload: some Collection<UInt8>) -> [UInt8] {
    var writer = OctetWriter()
    writer.write(UInt32(payload.count + 1))
    writer.write(kind)
    writer.write(payload)
    return writer.octets
  }

  @Test("A payload cut short is malformed, and so is one with octets after it", arguments: 0..<20)
  func wrongLength(seed: Int) throws {
    var samples = Samples(seed: UInt64(seed))
    for reply in samples.replies() {
      let octets = reply.encode()
      let (kind, payload) = (octets[4], octets.dropFirst(5))
      for length in 0..<payload.count {
        let short = frame(kind: kind, payload.prefix(length))
        #expect(throws: ControlError.self) { _ = try ControlReply.decode(in: short.span) }
      }
      let long = frame(kind: kind, payload + [0])
      #expect(throws: ControlError.self) { _ = try ControlReply.decode(in: long.span) }
    }
  }

  @Test("Replies with octets changed decode or throw, and never trap", arguments: 0..<400)
  func mutated(seed: Int) {
    var samples = Samples(seed: UInt64(seed))
    var octets = samples.replies().flatMap { $0.encode() }
    for _ in 0..<200 {
      var changed = octets
      for _ in 0..<Int.random(in: 1...4, using: &samples.source) {
        changed[Int.random(in: 0..<changed.count, using: &samples.source)] = samples.number()
      }
      var offset = 0
      while let (_, end) = try? ControlReply.decode(in: changed.span, at: offset) {
        #expect(end > offset)
        offset = end
      }
    }
    // The same for the payloads alone, which a changed length would often hide.
    while let frame = try? ControlFrame(in: octets.span) {
      for kind in UInt8(0)...11 {
        let other = self.frame(kind: kind, octets[frame.payload])
        _ = try? ControlReply.decode(in: other.span)
      }
      octets.removeFirst(frame.end)
    }
  }

  @Test("Requests with octets changed decode or throw, and never trap", arguments: 0..<200)
  func mutatedRequests(seed: Int) {
    var samples = Samples(seed: UInt64(seed))
    for request in samples.requests() {
      let octets = request.encode()
      for _ in 0..<50 {
        var changed = octets
        changed[Int.random(in: 0..<changed.count, using: &samples.source)] = samples.number()
        _ = try? ControlRequest.decode(in: changed.span)
      }
    }
  }

  @Test("Random octets decode or throw")
  func noise() {
    var samples = Samples(seed: 99)
    for _ in 0..<5_000 {
      let octets: [UInt8] = samples.array(upTo: 60) { $0.number() }
      _ = try? ControlRequest.decode(in: octets.span)
      _ = try? ControlReply.decode(in: octets.span)
      let reply = frame(kind: UInt8.random(in: 0...11, using: &samples.source), octets)
      _ = try? ControlReply.decode(in: reply.span)
    }
  }

  @Test("An offset outside the octets is no frame", arguments: [-1, 5, 6, Int.max, Int.min])
  func offsets(offset: Int) throws {
    let octets = ControlReply.end.encode()
    #expect(try ControlRequest.decode(in: octets.span, at: offset) == nil)
    if offset > 0 {
      #expect(try ControlReply.decode(in: octets.span, at: offset) == nil)
    }
  }

  @Test("A request of another version is refused as such, before its frame is looked at")
  func version() {
    let octets: [UInt8] = [2]
    #expect(throws: ControlError.unsupportedVersion(2)) { _ = try ControlRequest.decode(in: octets.span) }
    #expect(ControlError.unsupportedVersion(2).description.contains("version 2"))
  }

  @Test("A length over the limit is refused before the octets arrive")
  func oversized() {
    let reply: [UInt8] = [1, 0, 0, 1]
    #expect(throws: ControlError.oversized(0x0100_0001)) { _ = try ControlReply.decode(in: reply.span) }
    let request: [UInt8] = [1, 0, 1, 0, 1]
    #expect(throws: ControlError.oversized(0x0001_0001)) { _ = try ControlRequest.decode(in: request.span) }
  }

  @Test("An array may not claim more elements than there are octets")
  func falseCount() {
    let routes = frame(kind: 3, [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(throws: ControlError.self) { _ = try ControlReply.decode(in: routes.span) }
    let prefixes = frame(kind: 5, [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
    #expect(throws: ControlError.self) { _ = try ControlReply.decode(in: prefixes.span) }
  }

  @Test("An array of rows may not claim more of them than the shortest rows would fill")
  func falseRowCount() throws {
    for kind in [UInt8(9), 10] {
      // 100,000 rows, for which there are 100,000 octets.
      let rows = frame(kind: kind, [0, 1, 0x86, 0xA0] + [UInt8](repeating: 0, count: 100_000))
      #expect(throws: ControlError.malformed("it ends in the middle of a field")) {
        _ = try ControlReply.decode(in: rows.span)
      }
    }
    var shortest = Array(ControlReply.refused([Self.shortestRefused]).encode().dropFirst(9))
    #expect(shortest.count == 19)
    shortest = Array(ControlReply.conflicts([Self.shortestConflict]).encode().dropFirst(9))
    #expect(shortest.count == 21)
  }

  private static let anywhere = Prefix.v4(IPv4Prefix(host: IPv4Address(0)))
  private static let shortestRefused = RefusedReport(
    prefix: anywhere, table: "", neighborAddress: nil, neighborDescription: "", reason: "")
  private static let shortestConflict = ConflictReport(
    bypass: anywhere, bypassTable: "", black: anywhere, blackTable: "", preferred: nil)

  @Test("The shortest table and route of a why report pass the check of their arrays")
  func shortestWhy() throws {
    let table = WhyReport.Table(name: "", role: .black, members: [], wanted: nil, kernel: .holds, notes: [])
    let noted = WhyReport.Table(
      name: "", role: .black, members: [Self.anywhere], wanted: nil, kernel: .holds, notes: [.inherited(Self.anywhere)])
    let route = WhyReport.Route(
      prefix: Self.anywhere, neighborAddress: .v4(IPv4Address(0)), neighborDescription: "", asPath: "", communities: [],
      largeCommunities: [], age: 0, staleFor: nil, outcome: .noTable)
    for tables in [[], [table], [noted]] {
      for routes in [[], [route, route]] {
        let reply = ControlReply.why(WhyReport(asked: Self.anywhere, tables: tables, routes: routes))
        let octets = reply.encode()
        #expect(try ControlReply.decode(in: octets.span)?.reply == reply)
      }
    }
  }

  @Test("A reason longer than a Shutdown Communication is malformed, also when only its repair makes it so")
  func longReason() throws {
    for action in [NeighborAction.clear, { .down(flush: true, $0) }] {
      let longest = ControlRequest.neighbor(.all, action(String(repeating: "x", count: 255)))
      let octets = longest.encode()
      #expect(try ControlRequest.decode(in: octets.span)?.request == longest)
      let longer = ControlRequest.neighbor(.all, action(String(repeating: "x", count: 256))).encode()
      #expect(throws: ControlError.malformed("a reason of 256 octets")) {
        _ = try ControlRequest.decode(in: longer.span)
      }
      // Each of the last 100 octets becomes the three of U+FFFD.
      let repaired = octets.dropLast(100) + [UInt8](repeating: 0xFF, count: 100)
      #expect(throws: ControlError.malformed("a reason of 455 octets")) {
        _ = try ControlRequest.decode(in: Array(repaired).span)
      }
    }
  }

  @Test("Text that is not UTF-8 is repaired")
  func invalidText() throws {
    let octets = frame(kind: 6, [0, 0, 0, 3, 0x61, 0xFF, 0x62])
    #expect(try ControlReply.decode(in: octets.span)?.reply == .failure("a\u{FFFD}b"))
  }

  @Test(
    "Values outside an enumeration are malformed",
    arguments: [
      [0, 0, 0, 1, 0], [0, 0, 0, 1, 8], [0, 0, 0, 0], [0, 0, 0, 2, 7, 0],
      // A route with an unknown flag, and one with a prefix length of 33.
      [0, 0, 0, 19, 3, 0, 0, 0, 1, 0x10, 32, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 0],
      [0, 0, 0, 19, 3, 0, 0, 0, 1, 0, 33, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 0],
      // A conflict that a table of the role 2 wins.
      [0, 0, 0, 27, 10, 0, 0, 0, 1]
        + [1, 32, 1, 2, 3, 4, 0, 0, 0, 0] + [1, 32, 1, 2, 3, 4, 0, 0, 0, 0] + [1, 2],
    ] as [[UInt8]])
  func unknownValues(octets: [UInt8]) {
    #expect(throws: ControlError.self) { _ = try ControlReply.decode(in: octets.span) }
  }

  @Test("What nobody can be told to do is malformed")
  func unknownAction() {
    // The version, the frame of `neighbor`, every neighbour, and the action 4.
    let octets: [UInt8] = [1, 0, 0, 0, 3, 9, 0, 4]
    #expect(throws: ControlError.malformed("neighbour action 4")) {
      _ = try ControlRequest.decode(in: octets.span)
    }
  }
}
