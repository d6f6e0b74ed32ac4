import CNetfilter
import Glibc
import Primitives

/// Requests and their replies over one netlink socket, told apart by sequence numbers.
struct NetlinkChannel: ~Copyable {
  /// Milliseconds after which a reply that is not there never comes: the kernel answers while it is being asked.
  private static let patience: CInt = 10_000

  private var socket: NetlinkSocket
  /// Replies come in datagrams of at most 32 KiB.
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  private var nextSequence: UInt32 = 1

  init() throws(SocketFault) {
    socket = try NetlinkSocket()
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
      type: UInt16(NFNL_SUBSYS_NFTABLES << 8) | UInt16(type.rawValue),
      flags: UInt16(isDump ? NLM_F_REQUEST | NLM_F_DUMP : NLM_F_REQUEST), family: family, sequence: sequence)
    attributes(&writer)
    writer.endMessage(at: start)
    var failure: Acknowledgement?
    try exchange(writer.words, first: sequence, count: 1, operation) { (_, reply, octets) throws(MalformedReply) in
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
