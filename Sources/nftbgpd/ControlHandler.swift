import Control
import Engine
import NIOCore

/// One client of the control socket: a request comes in, the answer goes out reply by reply as fast as the client reads, and no faster.
/// A long answer lets the loop breathe every few replies, so that a fast reader does not hold up the sessions.
final class ControlHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let ask: (ControlRequest) -> EventLoopFuture<ControlAnswer>
  private let refusal: String?
  private let quota: ClientQuota
  private var pending = ByteBuffer()
  private var answer: ControlAnswer?
  /// For the answer, where it is a long one.
  private var permit: ClientQuota.Permit?
  private var isScheduled = false
  /// The answer to the last request is being worked out.
  private var isAsking = false
  private var isServing = false

  /// Replies in one go.
  private static let burst = 8

  /// - Parameters:
  ///   - refusal: why requests that change something are refused; nil: they are not.
  ///   - quota: what all clients of the socket may take together.
  ///   - ask: carries out a request, on the event loop.
  init(
    refusingChanges refusal: String?, quota: ClientQuota,
    ask: @escaping (ControlRequest) -> EventLoopFuture<ControlAnswer>
  ) {
    self.refusal = refusal
    self.quota = quota
    self.ask = ask
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var chunk = unwrapInboundIn(data)
    pending.writeBuffer(&chunk)
    // Nobody who waits for answers has that much to ask.
    guard pending.readableBytes <= 2 * ControlFrame.maximumRequest else { return context.close(promise: nil) }
    serve(context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    serve(context)
    context.fireChannelWritabilityChanged()
  }

  /// A client that neither asks nor reads is let go: what it has not read keeps the routes of its answer in memory.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    answer = nil
    // What is still being worked out takes as much as before.
    if !isAsking { permit = nil }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  /// Goes on with the answer; with none left, takes the next request.
  private func serve(_ context: ChannelHandlerContext) {
    // An answer that is there at once comes from inside of this, and the loop below goes on with it.
    guard !isScheduled, !isAsking, !isServing else { return }
    isServing = true
    defer { isServing = false }
    var replies = 0
    while context.channel.isWritable, !isAsking {
      if replies == Self.burst { return goOnLater(context) }
      replies += 1
      if let reply = answer?.next() {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: reply.encode())), promise: nil)
        continue
      }
      answer = nil
      permit = nil
      do throws(ControlError) {
        guard let (request, end) = try ControlRequest.decode(in: pending.readableBytesUInt8Span) else { return }
        pending.moveReaderIndex(forwardBy: end)
        pending.discardReadBytes()
        take(request, context)
      } catch {
        context.writeAndFlush(
          wrapOutboundOut(ByteBuffer(bytes: ControlReply.failure("\(error)").encode())), promise: nil)
        context.close(promise: nil)
        return
      }
    }
  }

  /// Has a request answered: at once, mostly.
  private func take(_ request: ControlRequest, _ context: ChannelHandlerContext) {
    if request.isChange, let refusal {
      answer = ControlAnswer([.failure(refusal)])
      return
    }
    if request.isLong {
      permit = ClientQuota.Permit(quota)
      guard permit != nil else {
        let words = "\(ClientQuota.mostLongAnswers) clients of this socket are reading routes or a table already"
        answer = ControlAnswer([.failure("\(words); try again later")])
        return
      }
    }
    isAsking = true
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    let context = NIOLoopBound(context, eventLoop: context.eventLoop)
    ask(request).assumeIsolated().whenSuccess { answer in
      handler.value.isAsking = false
      guard context.value.channel.isActive else { return handler.value.permit = nil }
      handler.value.answer = answer
      handler.value.serve(context.value)
    }
  }

  private func goOnLater(_ context: ChannelHandlerContext) {
    isScheduled = true
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    let context = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.value.eventLoop.execute {
      handler.value.isScheduled = false
      handler.value.serve(context.value)
    }
  }
}
