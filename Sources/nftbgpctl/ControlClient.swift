import Control
import NIOCore
import NIOPosix
import SystemPackage

/// What is done with the records of an answer, one after the other.
protocol AnswerSink {
  mutating func add(_ reply: ControlReply) throws(ProgramFailure)
}

/// Asks the daemon one thing over its socket.
struct ControlClient {
  /// Name of the Unix socket.
  let path: String

  /// Sends the request and passes the records of the answer on as they come; the next octets are read only after that.
  ///
  /// - Throws: `.unavailable` when nobody listens, `.failed` when the daemon refuses, or its answer breaks off before the end, and what
  ///   the sink throws.
  func ask(_ request: ControlRequest, into sink: inout some AnswerSink) async throws(ProgramFailure) {
    let channel = try await connect()
    var answer = Answer()
    do {
      try await channel.executeThenClose { inbound, outbound in
        // A daemon with too many clients answers and closes before it has read the request. What counts is what can be read.
        try? await outbound.write(ByteBuffer(bytes: request.encode()))
        for try await chunk in inbound {
          try answer.add(chunk, into: &sink)
          if answer.isComplete { break }
        }
      }
    } catch let failure as ProgramFailure {
      throw failure
    } catch {
      // An error after the end, such as one of closing, changes nothing.
      guard answer.isComplete else { throw .failed("read: \(path): \(systemWords(error))") }
    }
    guard answer.isComplete else {
      throw .failed("\(path): the daemon closed the connection before its answer was complete")
    }
  }

  private func connect() async throws(ProgramFailure) -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    do {
      return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(unixDomainSocketPath: path) { channel in
          channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      let message = "connect: \(path): \(systemWords(error))"
      switch (error as? IOError).map({ Errno(rawValue: $0.errnoCode) }) {
      case .connectionRefused, .noSuchFileOrDirectory: throw .unavailable(message)
      default: throw .failed(message)
      }
    }
  }

  private func systemWords(_ error: any Error) -> String {
    switch error {
    case let error as IOError: Errno(rawValue: error.errnoCode).description
    case SocketAddressError.unixDomainSocketPathTooLong: Errno.fileNameTooLong.description
    default: String(describing: error)
    }
  }
}

/// The octets of an answer until they are records.
private struct Answer {
  private var pending = ByteBuffer()
  /// Whether `.end` has come.
  private(set) var isComplete = false

  mutating func add(_ chunk: ByteBuffer, into sink: inout some AnswerSink) throws(ProgramFailure) {
    pending.writeImmutableBuffer(chunk)
    let used: Int
    (used, isComplete) = try Self.decode(pending.readableBytesUInt8Span, into: &sink)
    pending.moveReaderIndex(forwardBy: used)
    pending.discardReadBytes()
  }

  /// Takes every record that is there whole, and answers where the next one begins and whether there is none.
  private static func decode(
    _ octets: Span<UInt8>, into sink: inout some AnswerSink
  ) throws(ProgramFailure) -> (used: Int, isComplete: Bool) {
    var offset = 0
    while let (reply, end) = try nextReply(in: octets, at: offset) {
      offset = end
      switch reply {
      case .end: return (offset, true)
      case .failure(let reason): throw .failed(reason)
      case .neighbor, .path, .routes, .table, .role, .prefixes, .why, .refused, .conflicts, .metrics:
        try sink.add(reply)
      }
    }
    return (offset, false)
  }

  private static func nextReply(in octets: Span<UInt8>, at offset: Int) throws(ProgramFailure) -> (ControlReply, Int)? {
    do throws(ControlError) {
      return try ControlReply.decode(in: octets, at: offset)
    } catch {
      throw .failed(error.description)
    }
  }
}
