import Metrics
import NIOCore
import NIOHTTP1

/// One client that asks for the metrics over HTTP. It gets one answer and is let go, so that what it takes has an end; what is no HTTP
/// at all is answered before it comes here.
final class MetricsHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let metrics: (Exposition.Dialect) -> [String]
  private var request: HTTPRequestHead?
  /// What comes after the first request is not looked at: while the answer waits for a slow reader, there may be a thousand more.
  private var isAnswered = false

  /// - Parameter metrics: the lines, as of now.
  init(_ metrics: @escaping (Exposition.Dialect) -> [String]) {
    self.metrics = metrics
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isAnswered else { return }
    switch unwrapInboundIn(data) {
    case .head(let head): request = head
    case .body: break
    case .end:
      guard let request else { return }
      isAnswered = true
      answer(request, context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
    var status = HTTPResponseStatus.ok
    var headers: HTTPHeaders = ["content-type": "text/plain; charset=utf-8"]
    let body: ByteBuffer
    if request.uri.prefix(while: { $0 != "?" }) != "/metrics" {
      status = .notFound
      body = ByteBuffer(string: "the metrics are at /metrics\n")
    } else if request.method == .GET || request.method == .HEAD {
      let accepted = request.headers[canonicalForm: "accept"]
      let isOpen = accepted.contains { $0.lowercased().hasPrefix("application/openmetrics-text") }
      let dialect: Exposition.Dialect = isOpen ? .openMetrics : .text
      headers.replaceOrAdd(name: "content-type", value: dialect.contentType)
      body = ByteBuffer(bytes: Exposition.octets(metrics(dialect)))
    } else {
      status = .methodNotAllowed
      headers.add(name: "allow", value: "GET, HEAD")
      body = ByteBuffer(string: "/metrics is for GET and HEAD\n")
    }
    headers.add(name: "content-length", value: "\(body.readableBytes)")
    headers.add(name: "connection", value: "close")
    let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
  }
}
