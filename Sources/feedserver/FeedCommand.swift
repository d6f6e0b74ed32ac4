import BGPWire
import Primitives

/// One line of the feed server's script or standard input.
enum FeedCommand: Equatable {
  /// `announce PREFIX COMMUNITY…`: also changes the communities of one that is announced already, without a withdrawal.
  case announce(Prefix, [Community])
  /// `withdraw PREFIX`
  case withdraw(Prefix)
  /// `withdraw all`
  case withdrawAll
  /// `end-of-rib`: both families, to everybody.
  case endOfRIB
  /// `flap`: drops every connection without a word; clients may come back.
  case flap
  /// `stop [TEXT]`: Cease, administrative shutdown, with a text; then the program ends.
  case stop(String)
  /// `sleep MILLISECONDS`: before the next line.
  case sleep(Int)
  /// `show`: the sessions and the size of the table.
  case show

  struct SyntaxError: Error, CustomStringConvertible {
    let description: String
  }

  /// - Returns: nil for an empty line or a comment.
  init?(_ line: some StringProtocol) throws {
    let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map { Substring($0) }
    guard let verb = words.first else { return nil }
    let rest = words.dropFirst()
    func prefix() throws -> Prefix {
      guard let word = rest.first, let prefix = Prefix(word) else {
        throw SyntaxError(description: "\(verb): a prefix was expected")
      }
      return prefix
    }
    switch verb {
    case "announce": self = .announce(try prefix(), try FeedTable.communities(rest.dropFirst()))
    case "withdraw" where rest.first == "all": self = .withdrawAll
    case "withdraw": self = .withdraw(try prefix())
    case "end-of-rib": self = .endOfRIB
    case "flap": self = .flap
    case "stop": self = .stop(rest.joined(separator: " "))
    case "sleep":
      guard let word = rest.first, let milliseconds = Int(decimal: word) else {
        throw SyntaxError(description: "sleep: a number of milliseconds was expected")
      }
      self = .sleep(milliseconds)
    case "show": self = .show
    default:
      throw SyntaxError(
        description: "unknown command \(verb): announce, withdraw, end-of-rib, flap, stop, sleep or show was expected")
    }
  }
}
