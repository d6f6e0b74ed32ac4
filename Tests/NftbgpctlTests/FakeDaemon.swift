import Control
import Foundation
import NIOCore
import NIOPosix

/// A listener on a Unix socket of its own that gives everybody the same answer and closes.
final class FakeDaemon: Sendable {
  let socket: String
  private let channel: any Channel

  init(answer: [UInt8]) throws {
    socket = NSTemporaryDirectory() + "nftbgp-\(UInt32.random(in: .min ... .max)).sock"
    channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Answering(answer))
        }
      }
      .bind(unixDomainSocketPath: socket).wait()
  }

  convenience init(_ replies: [ControlReply]) throws {
    try self.init(answer: replies.flatMap { $0.encode() })
  }

  func stop() {
    try? channel.close().wait()
    try? FileManager.default.removeItem(atPath: socket)
  }

  private final class Answering: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let answer: [UInt8]
    private var request: [UInt8] = []

    init(_ answer: [UInt8]) {
      self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      request += unwrapInboundIn(data).readableBytesView
      guard (try? ControlRequest.decode(in: request.span)) != nil else { return }
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
      context.close(promise: nil)
    }
  }
}

/// What a run of nftbgpctl left.
struct Outcome {
  let status: Int32
  let output: String
  let errors: String
}

/// Runs the program that was built beside the tests.
func nftbgpctl(_ arguments: String..., output: FileHandle? = nil) throws -> Outcome {
  try run(arguments, output: output)
}

func run(_ arguments: [String], output: FileHandle? = nil) throws -> Outcome {
  let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  let process = Process()
  process.executableURL = program.appendingPathComponent("nftbgpctl")
  process.arguments = arguments
  let (outputPipe, errorPipe) = (Pipe(), Pipe())
  process.standardOutput = output ?? outputPipe
  process.standardError = errorPipe
  try process.run()
  let data = output == nil ? try outputPipe.fileHandleForReading.readToEnd() ?? Data() : Data()
  let errors = try errorPipe.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return Outcome(
    status: process.terminationStatus, output: String(decoding: data, as: UTF8.self),
    errors: String(decoding: errors, as: UTF8.self))
}
