import Primitives

/// Lines about connections that are refused: strangers who knock all the time are not to fill the log.
struct RefusalLog {
  private static let window = Interval.seconds(60)
  /// Lines in one window; the others are counted.
  private static let most = 10

  private var end = Instant.zero
  private var lines = 0
  private var untold = 0

  /// A line to be written about a refusal, if one is.
  mutating func line(from address: String, at now: Instant) -> String? {
    var earlier = ""
    if now >= end {
      if untold > 0 { earlier = " (\(untold) others were refused before)" }
      end = now + Self.window
      lines = 0
      untold = 0
    }
    guard lines < Self.most else {
      untold += 1
      return nil
    }
    lines += 1
    return "connection from \(address) refused: no neighbor with that address waits for one\(earlier)"
  }
}
