package import NIOCore

/// A byte stream in chunks: what arrives goes to one closure in whole chunks, never message by message, and what it leaves is kept in
/// front of the next chunk.
///
/// The last handler of a channel that carries BGP. It knows nothing of BGP: a pipeline event per message costs several times what the
/// framing itself does.
///
/// The wart: the closure may write, a write that fails makes the channel read what is left and close, and so this handler is entered
/// again from inside. What arrives meanwhile is only kept, and the end is told when the closure has returned.
package final class OctetStreamHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer

  private let receive: (Span<UInt8>) -> Int
  private let closed: ((any Error)?) -> Void
  private let waitsForReader: Bool
  private var pending = ByteBuffer()
  private var failure: (any Error)?
  private var isReceiving = false
  private var isInactive = false
  private var isOver = false

  /// - Parameters:
  ///   - receive: gets all octets that are there and answers how many it has used.
  ///   - waitsForReader: who does not read what is sent to it is not read from either, so that what answers its requests does not pile
  ///     up without end. Not for a side that sends much of its own accord.
  ///   - closed: called once, after the last octets, with the error where there was one.
  package init(
    waitsForReader: Bool = false, receive: @escaping (Span<UInt8>) -> Int, closed: @escaping ((any Error)?) -> Void
  ) {
    self.waitsForReader = waitsForReader
    self.receive = receive
    self.closed = closed
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var chunk = unwrapInboundIn(data)
    pending.writeBuffer(&chunk)
    guard !isReceiving else { return }
    isReceiving = true
    var arrived = 0
    while pending.readableBytes > arrived {
      // The closure must not find the property borrowed: it works on a buffer that nobody else has.
      var octets = ByteBuffer()
      swap(&octets, &pending)
      let used = receive(octets.readableBytesUInt8Span)
      octets.moveReaderIndex(forwardBy: max(0, min(used, octets.readableBytes)))
      octets.discardReadBytes()
      arrived = octets.readableBytes
      octets.writeBuffer(&pending)
      swap(&octets, &pending)
    }
    if pending.readableBytes == 0 { pending = ByteBuffer() }
    isReceiving = false
    end()
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if waitsForReader { try? context.channel.syncOptions?.setOption(.autoRead, value: context.channel.isWritable) }
    context.fireChannelWritabilityChanged()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if failure == nil { failure = error }
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    isInactive = true
    end()
  }

  private func end() {
    guard isInactive, !isReceiving, !isOver else { return }
    isOver = true
    closed(failure)
  }
}
