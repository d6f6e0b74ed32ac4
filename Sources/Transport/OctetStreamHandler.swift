package import NIOCore

/// A byte stream in chunks: what arrives goes to one closure in whole chunks, never message by message, and what it leaves is kept in
/// front of the next chunk.
///
/// The last handler of a channel that carries BGP or the control protocol. It knows neither: a pipeline event per message costs several
/// times what the framing itself does.
package final class OctetStreamHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer

  private let receive: (Span<UInt8>) -> Int
  private let closed: ((any Error)?) -> Void
  private var pending = ByteBuffer()
  private var failure: (any Error)?
  private var isOver = false

  /// - Parameters:
  ///   - receive: gets all octets that are there and answers how many it has used.
  ///   - closed: called once, with the error where there was one.
  package init(receive: @escaping (Span<UInt8>) -> Int, closed: @escaping ((any Error)?) -> Void) {
    self.receive = receive
    self.closed = closed
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var chunk = unwrapInboundIn(data)
    if pending.readableBytes == 0 {
      swap(&pending, &chunk)
    } else {
      pending.writeBuffer(&chunk)
    }
    let used = receive(pending.readableBytesUInt8Span)
    pending.moveReaderIndex(forwardBy: max(0, min(used, pending.readableBytes)))
    if pending.readableBytes == 0 {
      pending = ByteBuffer()
    } else {
      pending.discardReadBytes()
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if failure == nil { failure = error }
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    guard !isOver else { return }
    isOver = true
    closed(failure)
  }
}
