import Control
import NIOCore

/// What the clients of one control socket may take together. Each socket has its own, so that whoever may open a restricted socket cannot
/// shut out the operator.
///
/// Used on the event loop only.
final class ClientQuota {
  /// More clients at once are no operators: the descriptors are for neighbours.
  static let mostClients = 64
  /// Each long answer holds the keys of its routes, 48 MB for a million, until its client has read them.
  static let mostLongAnswers = 4

  var clients = 0
  fileprivate var longAnswers = 0

  /// The right to a long answer, until it is let go.
  final class Permit {
    private let quota: ClientQuota

    init?(_ quota: ClientQuota) {
      guard quota.longAnswers < ClientQuota.mostLongAnswers else { return nil }
      quota.longAnswers += 1
      self.quota = quota
    }

    deinit {
      quota.longAnswers -= 1
    }
  }
}

/// A client too many: it is told so, whatever it asks, and let go.
final class RefusingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelActive(context: ChannelHandlerContext) {
    let words = "\(ClientQuota.mostClients) clients are connected to this socket already; try again later"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: ControlReply.failure(words).encode())), promise: nil)
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
