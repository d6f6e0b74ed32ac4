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
      for kind in UInt8(0)...8 {
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
      let reply = frame(kind: UInt8.random(in: 0...8, using: &samples.source), octets)
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
    ] as [[UInt8]])
  func unknownValues(octets: [UInt8]) {
    #expect(throws: ControlError.self) { _ = try ControlReply.decode(in: octets.span) }
  }
}
