import Control
import Primitives
import Testing

@Suite("Control codec: what is encoded is decoded")
struct RoundTripTests {
  @Test("Every request comes back equal", arguments: 0..<200)
  func requests(seed: Int) throws {
    var samples = Samples(seed: UInt64(seed))
    for request in samples.requests() {
      let octets = request.encode()
      let decoded = try #require(try ControlRequest.decode(in: octets.span))
      #expect(decoded.request == request)
      #expect(decoded.end == octets.count)
    }
  }

  @Test("Every reply comes back equal", arguments: 0..<200)
  func replies(seed: Int) throws {
    var samples = Samples(seed: UInt64(seed))
    for reply in samples.replies() {
      let octets = reply.encode()
      let decoded = try #require(try ControlReply.decode(in: octets.span))
      #expect(decoded.reply == reply)
      #expect(decoded.end == octets.count)
    }
  }

  @Test("A stream of replies is read one after the other from any offset")
  func stream() throws {
    var samples = Samples(seed: 1)
    let replies = (0..<50).flatMap { _ in samples.replies() }
    let octets = replies.flatMap { $0.encode() }
    var offset = 0
    var decoded: [ControlReply] = []
    while let (reply, end) = try ControlReply.decode(in: octets.span, at: offset) {
      decoded.append(reply)
      offset = end
    }
    #expect(decoded == replies)
    #expect(offset == octets.count)
  }

  @Test("A batch longer than one frame holds travels as several")
  func longBatch() throws {
    let count = ControlReply.maximumBatch * 2 + 7
    let routes = (0..<count).map {
      RouteReport(
        prefix: .v6(IPv6Prefix(host: IPv6Address(high: 1, low: UInt64($0)))), path: 1, isValid: true, isBest: false,
        isStale: false, age: UInt32($0))
    }
    let octets = ControlReply.routes(routes).encode()
    var offset = 0
    var decoded: [RouteReport] = []
    while case (.routes(let batch), let end)? = try ControlReply.decode(in: octets.span, at: offset) {
      decoded += batch
      offset = end
    }
    #expect(offset == octets.count)
    #expect(decoded == routes)
  }

  @Test("A long list of prefixes keeps its order across frames", arguments: [(500_000, 3), (3, 500_000), (400_000, 1)])
  func longPrefixes(ipv4: Int, ipv6: Int) throws {
    let list = PrefixList(
      ipv4: (0..<ipv4).map { IPv4Prefix(host: IPv4Address(UInt32($0))) },
      ipv6: (0..<ipv6).map { IPv6Prefix(host: IPv6Address(high: 0, low: UInt64($0))) })
    let octets = ControlReply.prefixes(list).encode()
    var offset = 0
    var decoded = PrefixList()
    while case (.prefixes(let batch), let end)? = try ControlReply.decode(in: octets.span, at: offset) {
      decoded.append(contentsOf: batch)
      offset = end
    }
    #expect(offset == octets.count)
    #expect(decoded == list)
  }

  @Test("Many refused prefixes and conflicts travel as several frames, none as one", arguments: [0, 1, 4_096, 9_000])
  func longRows(count: Int) throws {
    let prefixes = (0..<count).map { Prefix.v4(IPv4Prefix(host: IPv4Address(UInt32($0)))) }
    let refused = prefixes.map {
      RefusedReport(
        prefix: $0, table: "bgp_spamd", neighborAddress: nil, neighborDescription: "", reason: "shorter than /8")
    }
    let conflicts = prefixes.map {
      ConflictReport(bypass: $0, bypassTable: "good", black: $0, blackTable: "bad", preferred: .bypass)
    }
    let octets = ControlReply.refused(refused).encode() + ControlReply.conflicts(conflicts).encode()
    var (offset, frames) = (0, 0)
    var (decodedRefused, decodedConflicts): ([RefusedReport], [ConflictReport]) = ([], [])
    while let (reply, end) = try ControlReply.decode(in: octets.span, at: offset) {
      if case .refused(let reports) = reply { decodedRefused += reports }
      if case .conflicts(let reports) = reply { decodedConflicts += reports }
      (offset, frames) = (end, frames + 1)
    }
    #expect(offset == octets.count)
    #expect(frames == 2 * max(1, (count + 4_095) / 4_096))
    #expect(decodedRefused == refused)
    #expect(decodedConflicts == conflicts)
  }

  @Test("An IPv4 route takes 14 octets")
  func compactRoutes() {
    let route = RouteReport(
      prefix: .v4(IPv4Prefix(host: IPv4Address(1))), path: 1, isValid: true, isBest: true, isStale: false, age: 10)
    let one = ControlReply.routes([route]).encode().count
    let two = ControlReply.routes([route, route]).encode().count
    #expect(two - one == 14)
  }

  @Test("The octets of three frames are these")
  func goldenOctets() {
    #expect(ControlRequest.export(table: "spam").encode() == [1, 0, 0, 0, 9, 5, 0, 0, 0, 4, 0x73, 0x70, 0x61, 0x6D])
    #expect(ControlReply.end.encode() == [0, 0, 0, 1, 7])
    #expect(
      ControlRequest.neighbor(.group("g"), .down(flush: true, "x")).encode()
        == [1, 0, 0, 0, 14, 9, 3, 0, 0, 0, 1, 0x67, 1, 1, 0, 0, 0, 1, 0x78])
  }
}
