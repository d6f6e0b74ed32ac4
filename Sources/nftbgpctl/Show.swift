import Control
import Presentation
import SystemPackage

/// Standard output, in pieces large enough that a million lines are few system calls.
enum StandardOutput {
  static func write(_ octets: [UInt8]) throws(ProgramFailure) {
    do {
      try FileDescriptor.standardOutput.writeAll(octets)
    } catch Errno.brokenPipe {
      throw .readerGone
    } catch {
      throw .failed("write: standard output: \(error)")
    }
  }
}

/// Shows an answer while it comes.
struct Show: AnswerSink {
  private var presenter: Presenter

  /// Octets that are worth a system call.
  private static let piece = 256 << 10

  init(_ presenter: Presenter) {
    self.presenter = presenter
  }

  mutating func add(_ reply: ControlReply) throws(ProgramFailure) {
    do throws(ControlError) {
      try presenter.add(reply)
    } catch {
      throw .failed(error.description)
    }
    if presenter.count >= Self.piece {
      try StandardOutput.write(presenter.take())
    }
  }

  /// After a complete answer.
  mutating func finish() throws(ProgramFailure) {
    presenter.finish()
    try StandardOutput.write(presenter.take())
  }

  /// After one that broke off: what is certain is shown, the end is not.
  mutating func abandon() throws(ProgramFailure) {
    try StandardOutput.write(presenter.take())
  }
}
