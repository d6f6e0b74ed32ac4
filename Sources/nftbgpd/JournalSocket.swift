import Glibc
import Logging
import Primitives
import Synchronization
import Transport

/// Writes to systemd-journald in its native protocol: a datagram of fields for each entry.
///
/// The daemon must not wait for a journal that is stuck or slow, nor lose a line without a word. So a journal that does not keep up is
/// waited for once in ten seconds; otherwise entries are counted until it takes one again, and the first that it takes is the number of
/// those it has missed.
final class JournalSocket: Sendable {
  static let path = "/run/systemd/journal/socket"
  /// Octets of a message in one datagram: a quarter of what a socket takes by default, because all other fields are short.
  static let longestMessage = 48 << 10

  private enum State {
    case keepsUp
    case missed(Int)
  }

  /// Between two entries that the journal is waited for.
  private static let pause = Duration.seconds(10)

  private let socket: DatagramSocket
  private let state = Mutex(State.keepsUp)
  private let lastWait = Mutex<ContinuousClock.Instant?>(nil)

  /// - Parameter path: of the journal's socket.
  init(_ path: String) throws(SystemError) {
    socket = try DatagramSocket(to: path)
  }

  /// Writes an entry; a message that is too long for one becomes several, numbered.
  ///
  /// - Returns: false when there is no journal.
  func write(_ level: Logger.Level, _ message: String, _ fields: [(name: String, value: String)]) -> Bool {
    let parts = Self.parts(of: message)
    return parts.allSatisfy { part in
      state.withLock { state in
        if case .missed(let count) = state {
          let notice = "\(count) lines are missing: the journal did not take them"
          let result = send(Self.entry(.warning, notice, []), waits: false)
          guard result == 0 else { return note(result, &state) }
          state = .keepsUp
        }
        let entry = Self.entry(level, part, fields)
        let result = send(entry, waits: false)
        return note(result == EAGAIN && mayWait() ? send(entry, waits: true) : result, &state)
      }
    }
  }

  private func mayWait() -> Bool {
    lastWait.withLock { last in
      let now = ContinuousClock.now
      if let last, now - last < Self.pause { return false }
      last = now
      return true
    }
  }

  /// - Returns: whether the journal is there.
  private func note(_ errorNumber: Int32, _ state: inout State) -> Bool {
    switch (errorNumber, state) {
    case (0, _): break
    case (EAGAIN, .keepsUp): state = .missed(1)
    case (EAGAIN, .missed(let count)): state = .missed(count + 1)
    default: return false
    }
    return true
  }

  /// - Returns: the error number; 0 for none.
  private func send(_ entry: [UInt8], waits: Bool) -> Int32 {
    do throws(SystemError) {
      try socket.send(entry, waits: waits)
      return 0
    } catch {
      return error.errorNumber
    }
  }

  private static func parts(of message: String) -> [String] {
    guard message.utf8.count > longestMessage else { return [message] }
    let octets = Array(message.utf8)
    var parts: [String] = []
    var start = 0
    while start < octets.count {
      var end = min(start + longestMessage, octets.count)
      // No character is cut.
      while end < octets.count, octets[end] & 0xC0 == 0x80 { end -= 1 }
      parts.append(String(decoding: octets[start..<end], as: UTF8.self))
      start = end
    }
    return parts.enumerated().map { "[\($0 + 1) of \(parts.count)] \($1)" }
  }

  /// A field whose value has a line feed is sent with its length.
  private static func entry(
    _ level: Logger.Level, _ message: String, _ fields: [(name: String, value: String)]
  ) -> [UInt8] {
    var octets: [UInt8] = []
    let common = [
      // LOG_DAEMON, as bgpd(8)'s, for where the journal is forwarded to.
      (name: "PRIORITY", value: "\(level.severity)"), (name: "SYSLOG_FACILITY", value: "3"),
      (name: "SYSLOG_IDENTIFIER", value: "nftbgpd"), (name: "MESSAGE", value: message),
    ]
    for (name, value) in common + fields {
      octets += name.utf8
      if value.utf8.contains(UInt8(ascii: "\n")) {
        octets.append(UInt8(ascii: "\n"))
        let length = UInt64(value.utf8.count)
        for shift: UInt64 in stride(from: 0, to: 64, by: 8) {
          octets.append(UInt8(truncatingIfNeeded: length >> shift))
        }
      } else {
        octets.append(UInt8(ascii: "="))
      }
      octets += value.utf8
      octets.append(UInt8(ascii: "\n"))
    }
    return octets
  }
}
