import Primitives
import Testing

@Suite("Octets and time")
struct OctetTests {
  @Test("A reader answers nil at its end and never reads beyond it")
  func readerBounds() {
    let octets: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    var reader = OctetReader(1..<4, of: octets.span)
    let read: [UInt32?] = [
      reader.readUInt32(octets.span), reader.readUInt16(octets.span).map(UInt32.init),
      reader.readUInt16(octets.span).map(UInt32.init), reader.readUInt8(octets.span).map(UInt32.init),
      reader.readUInt8(octets.span).map(UInt32.init),
    ]
    #expect(read == [nil, 0x0203, nil, 4, nil])
    #expect(reader.isAtEnd)
  }

  @Test("A nested reader cannot see what follows its length")
  func nestedReader() throws {
    let octets: [UInt8] = [1, 2, 3, 4]
    var reader = OctetReader(octets.span)
    let taken = reader.take(2)
    var inner = try #require(taken)
    let read = [inner.readOctets(3, octets.span), inner.readOctets(2, octets.span)]
    #expect(read == [nil, [1, 2]])
    let following = reader.readUInt16(octets.span)
    #expect(following == 0x0304)
    let beyond = [reader.take(1), reader.take(-1)]
    #expect(beyond.allSatisfy { $0 == nil })
  }

  @Test("What is written is read back")
  func roundTrip() {
    var writer = OctetWriter()
    writer.write(UInt8(1))
    let place = writer.reserveUInt16()
    writer.write(UInt32(0xDEAD_BEEF))
    writer.write(UInt64(0x0102_0304_0506_0708))
    let isPatched = writer.patchUInt16(at: place)
    #expect(isPatched)
    let octets = writer.octets
    var reader = OctetReader(octets.span)
    let read: [UInt64?] = [
      reader.readUInt8(octets.span).map(UInt64.init), reader.readUInt16(octets.span).map(UInt64.init),
      reader.readUInt32(octets.span).map(UInt64.init), reader.readUInt64(octets.span),
    ]
    #expect(read == [1, 12, 0xDEAD_BEEF, 0x0102_0304_0506_0708])
    #expect(reader.isAtEnd)
  }

  @Test("A length that does not fit is not written")
  func overlongPatch() {
    var writer = OctetWriter()
    let place = writer.reserveUInt16()
    writer.write(repeatElement(UInt8(0), count: 65536))
    let patched = [place, -1, writer.count].map { writer.patchUInt16(at: $0) }
    #expect(patched == [false, false, false])
  }

  @Test("Time saturates instead of overflowing")
  func saturation() {
    #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
    #expect(Interval.seconds(.max).nanoseconds == .max)
    #expect(Instant(nanoseconds: .max) - Instant(nanoseconds: -1) == Interval(nanoseconds: .max))
    #expect((Instant(nanoseconds: 5_000_000_000) - .zero).seconds == 5)
  }
}
