import ArgumentParser
import Presentation
import SystemPackage

/// Why a command was not carried out, by what the program then does.
enum ProgramFailure: Error {
  /// Nobody listens on the control socket.
  case unavailable(String)
  /// The daemon refused, the answer broke off, or a file could not be written.
  case failed(String)
  /// The words are no command; the text has its own form.
  case words(CommandError)
  /// Whoever reads our output has had enough, as `head` does: nothing to say and nothing wrong.
  case readerGone

  /// EX_UNAVAILABLE of sysexits.h.
  private static let unavailable = ExitCode(69)

  /// Says why on standard error, and answers the exit status.
  func report() -> ExitCode {
    switch self {
    case .unavailable(let reason):
      Self.complain("nftbgpctl: \(reason.printable)\n")
      return Self.unavailable
    case .failed(let reason):
      Self.complain("nftbgpctl: \(reason.printable)\n")
      return .failure
    case .words(let error):
      Self.complain(error.text)
      return .failure
    case .readerGone:
      return .success
    }
  }

  private static func complain(_ text: String) {
    // There is nowhere left to report that this failed.
    _ = try? FileDescriptor.standardError.writeAll(text.utf8)
  }
}
