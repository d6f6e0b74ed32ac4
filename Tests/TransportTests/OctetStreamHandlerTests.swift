import NIOCore
import NIOEmbedded
import Testing
import Transport

@Suite("A stream of octets")
struct OctetStreamHandlerTests {
  /// What the closure was given, call by call, and what else happened.
  private final class Record {
    var chunks: [[UInt8]] = []
    var uses: [Int] = []
    var ends = 0
    var inside: () -> Void = {}
  }

  private static func channel(_ record: Record, waitsForReader: Bool = false) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(
      OctetStreamHandler(
        waitsForReader: waitsForReader,
        receive: { octets in
          record.chunks.append(octets.indices.map { octets[$0] })
          let inside = record.inside
          record.inside = {}
          inside()
          return record.uses.isEmpty ? octets.count : record.uses.removeFirst()
        },
        closed: { _ in record.ends += 1 }))
    return channel
  }

  @Test("What is left over stands in front of what comes next")
  func leftOver() throws {
    let record = Record()
    record.uses = [1, 2]
    let channel = try Self.channel(record)
    try channel.writeInbound(ByteBuffer(bytes: [1, 2, 3]))
    try channel.writeInbound(ByteBuffer(bytes: [4]))
    try channel.writeInbound(ByteBuffer(bytes: [5]))
    #expect(record.chunks == [[1, 2, 3], [2, 3, 4], [4, 5]])
  }

  @Test("Octets and the end that come while the closure is at work wait for it, as after a write that fails")
  func reentrance() throws {
    let record = Record()
    record.uses = [2]
    let channel = try Self.channel(record)
    record.inside = {
      channel.pipeline.fireChannelRead(ByteBuffer(bytes: [4, 5]))
      channel.pipeline.fireChannelInactive()
      #expect(record.ends == 0)
    }
    try channel.writeInbound(ByteBuffer(bytes: [1, 2, 3]))
    #expect(record.chunks == [[1, 2, 3], [3, 4, 5]])
    #expect(record.ends == 1)
  }

  @Test("A closure that claims more than it was given is not believed")
  func overuse() throws {
    let record = Record()
    record.uses = [99, -1]
    let channel = try Self.channel(record)
    try channel.writeInbound(ByteBuffer(bytes: [1]))
    try channel.writeInbound(ByteBuffer(bytes: [2]))
    try channel.writeInbound(ByteBuffer(bytes: [3]))
    #expect(record.chunks == [[1], [2], [2, 3]])
  }

  @Test("As long as what is sent is not taken, nothing is read, by who is to wait for that")
  func backpressure() throws {
    let channel = try Self.channel(Record(), waitsForReader: true)
    for isWritable in [false, true] {
      channel.isWritable = isWritable
      channel.pipeline.fireChannelWritabilityChanged()
      #expect(channel.options.last?.option is ChannelOptions.Types.AutoReadOption)
      #expect(channel.options.last?.value as? Bool == isWritable)
    }
    let other = try Self.channel(Record())
    other.isWritable = false
    other.pipeline.fireChannelWritabilityChanged()
    #expect(!other.options.contains { $0.option is ChannelOptions.Types.AutoReadOption })
  }
}
