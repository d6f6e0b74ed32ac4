import CNetfilter
import Glibc
import Primitives

/// Requests and their replies over one netlink socket, told apart by sequence numbers.
struct NetlinkChannel: ~Copyable {
  /// Milliseconds after which a reply that is not there never comes: the kernel answers while it is being asked.
  private static let patience: CInt = 10_000
  /// How many look-ups go into one datagram: the default receive buffer holds this many replies, if it could not be made
  /// larger.
  static let lookUpsAtOnce = 256

  private var socket: NetlinkSocket
  /// Replies come in datagrams of at most 32 KiB.
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  private var nextSequence: UInt32 = 1
  private let exchanges: ExchangeCount

  /// Opens a socket for questions to NETLINK_NETFILTER or NETLINK_ROUTE.
  init(protocol: CInt, exchanges: ExchangeCount = ExchangeCount()) throws(SocketFault) {
    self.exchanges = exchanges
    socket = try NetlinkSocket(protocol: `protocol`)
  }

  /// The address of the socket within its network namespace.
  var portID: UInt32 { socket.portID }

  /// The first of `count` sequence numbers that no request had lately.
  mutating func takeSequence(_ count: UInt32) -> UInt32 {
    defer { nextSequence &+= count }
    return nextSequence
  }

  /// Asks one question of nf_tables and passes each message of the answer to `body`.
  ///
  /// - Throws: what the kernel answered instead; `ERESTART` when it says that a dump was interrupted by a change.
  mutating func query(
    _ type: nf_tables_msg_types, of family: UInt8, isDump: Bool = false, _ operation: NetfilterError.Operation,
    attributes: (inout NetlinkWriter) -> Void,
    _ body: (NetlinkMessage, Span<UInt8>) throws(MalformedReply) -> Void = { (_, _) throws(MalformedReply) in }
  ) throws(NetfilterError) {
    var writer = NetlinkWriter()
    let sequence = takeSequence(1)
    let start = writer.beginMessage(
      type: UInt16(NFNL_SUBSYS_NFTABLES << 8) | UInt16(type.rawValue), flags: Self.flags(isDump: isDump),
      family: family, sequence: sequence)
    attributes(&writer)
    writer.endMessage(at: start)
    try query(writer.words, sequence, isDump: isDump, operation, body)
  }

  /// Asks for all of what rtnetlink keeps for a question of `type`, and passes each message of the answer to `body`.
  ///
  /// - Parameter header: what stands between the `nlmsghdr` and the attributes, of which there are none, in words.
  /// - Throws: as with the questions to nf_tables.
  mutating func dump(
    type: UInt16, header: [UInt32], _ operation: NetfilterError.Operation,
    _ body: (NetlinkMessage, Span<UInt8>) throws(MalformedReply) -> Void
  ) throws(NetfilterError) {
    var writer = NetlinkWriter()
    let sequence = takeSequence(1)
    let start = writer.beginMessage(type: type, flags: Self.flags(isDump: true), sequence: sequence)
    for word in header { writer.append(word) }
    writer.endMessage(at: start)
    try query(writer.words, sequence, isDump: true, operation, body)
  }

  private static func flags(isDump: Bool) -> UInt16 {
    UInt16(isDump ? NLM_F_REQUEST | NLM_F_DUMP : NLM_F_REQUEST)
  }

  private mutating func query(
    _ question: [UInt32], _ sequence: UInt32, isDump: Bool, _ operation: NetfilterError.Operation,
    _ body: (NetlinkMessage, Span<UInt8>) throws(MalformedReply) -> Void
  ) throws(NetfilterError) {
    var failure: Acknowledgement?
    try exchange(question, first: sequence, count: 1, operation) { (_, reply, octets) throws(MalformedReply) in
      switch reply {
      case .data(let message):
        if message.isInterrupted { failure = .interrupted }
        try body(message, octets)
        return !isDump
      case .done(let errorNumber, let isInterrupted):
        if isInterrupted { failure = .interrupted }
        if errorNumber != 0 { failure = Acknowledgement(errorNumber: errorNumber, explanation: "", offset: nil) }
        return true
      case .acknowledgement(let acknowledgement):
        if acknowledgement.errorNumber != 0 { failure = acknowledgement }
        return true
      }
    }
    if let failure {
      throw NetfilterError(operation, errorNumber: failure.errorNumber, explanation: failure.explanation)
    }
  }

  /// Sends `count` questions, each with one reply, and passes those replies to `body` that are not an error, with the
  /// place of the question among them.
  ///
  /// - Parameters:
  ///   - first: the sequence number of the first question.
  ///   - isAbsence: whether an `errno` only says that what was looked for is not there.
  /// - Throws: the first other error, once all replies are there.
  mutating func lookUp(
    _ questions: [UInt32], first: UInt32, count: UInt32, _ operation: NetfilterError.Operation,
    isAbsence: (Int32) -> Bool, _ body: (Int, NetlinkMessage, Span<UInt8>) throws(MalformedReply) -> Void
  ) throws(NetfilterError) {
    var outstanding = count
    var failure: Acknowledgement?
    try exchange(questions, first: first, count: count, operation) { (place, reply, octets) throws(MalformedReply) in
      switch reply {
      case .data(let message):
        try body(Int(place), message, octets)
      case .acknowledgement(let acknowledgement):
        if !isAbsence(acknowledgement.errorNumber), failure == nil { failure = acknowledgement }
      case .done:
        throw MalformedReply()
      }
      outstanding -= 1
      return outstanding == 0
    }
    if let failure {
      throw NetfilterError(operation, errorNumber: failure.errorNumber, explanation: failure.explanation)
    }
  }

  /// Sends `request` and passes each reply to `body` until that answers that it was the last.
  ///
  /// - Parameters:
  ///   - first: the first of the `count` sequence numbers in the request; `body` gets the place of a reply's among them.
  ///   - operation: what an error is about when no reply brings it.
  mutating func exchange(
    _ request: [UInt32], first: UInt32, count: UInt32, _ operation: NetfilterError.Operation,
    _ body: (UInt32, NetlinkReply, Span<UInt8>) throws(MalformedReply) -> Bool
  ) throws(NetfilterError) {
    do throws(SocketFault) {
      // What an earlier request left behind after it failed.
      while try socket.discardReply(into: &buffer) {}
      try socket.send(request)
    } catch {
      throw NetfilterError(operation, errorNumber: error.errorNumber)
    }
    var isComplete = false
    while !isComplete {
      let length: Int
      do throws(SocketFault) {
        length = try socket.receive(into: &buffer, within: Self.patience) ?? 0
      } catch {
        throw NetfilterError(operation, errorNumber: error.errorNumber)
      }
      guard length > 0 else { throw NetfilterError(operation, errorNumber: ETIMEDOUT) }
      exchanges.increment()
      do throws(MalformedReply) {
        let octets = buffer.span
        var datagram = OctetReader(0..<length, of: octets)
        while let message = try datagram.nextMessage(octets) {
          let index = message.sequence &- first
          guard index < count else { continue }
          if try body(index, NetlinkReply(message, octets), octets) { isComplete = true }
        }
      } catch {
        throw NetfilterError(operation, errorNumber: EBADMSG)
      }
    }
  }
}

extension NetlinkSocket {
  /// Whether there was a reply waiting, or the loss of one to be told; it is gone now.
  fileprivate func discardReply(into buffer: inout [UInt8]) throws(SocketFault) -> Bool {
    do throws(SocketFault) {
      return try receive(into: &buffer, within: 0) != nil
    } catch {
      guard error.errorNumber == ENOBUFS || error.errorNumber == ENOSPC else { throw error }
      return true
    }
  }
}

extension Acknowledgement {
  /// What was being dumped changed.
  fileprivate static let interrupted = Acknowledgement(errorNumber: ERESTART, explanation: "", offset: nil)
}
