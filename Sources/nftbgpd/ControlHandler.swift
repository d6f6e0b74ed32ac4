import Control
import Engine
import NIOCore

/// One client of the control socket: a request comes in, the answer goes out reply by reply as fast as the client reads, and no faster.
final class ControlHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let ask: (ControlRequest) -> ControlAnswer
  private var pending = ByteBuffer()
  private var answer: ControlAnswer?

  init(ask: @escaping (ControlRequest) -> ControlAnswer) {
    self.ask = ask
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var chunk = unwrapInboundIn(data)
    pending.writeBuffer(&chunk)
    serve(context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    serve(context)
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  /// Goes on with the answer; with none left, takes the next request.
  private func serve(_ context: ChannelHandlerContext) {
    while context.channel.isWritable {
      if let reply = answer?.next() {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: reply.encode())), promise: nil)
        continue
      }
      answer = nil
      do throws(ControlError) {
        guard let (request, end) = try ControlRequest.decode(in: pending.readableBytesUInt8Span) else { return }
        pending.moveReaderIndex(forwardBy: end)
        pending.discardReadBytes()
        answer = ask(request)
      } catch {
        context.writeAndFlush(
          wrapOutboundOut(ByteBuffer(bytes: ControlReply.failure("\(error)").encode())), promise: nil)
        context.close(promise: nil)
        return
      }
    }
  }
}
