import BGPSession
import BGPWire
import Control
import Primitives

/// What is said of UPDATEs that are not as they should be (RFC 7606 §6).
extension Engine {
  /// Bad UPDATEs that are logged whole in a session: a flood of them is not to be a flood of lines.
  private static let mostLoggedUpdates = 8

  /// Counts what RFC 7606 had to repair, and logs each kind once a session: a flood of bad updates is not to be a flood of lines.
  mutating func noteFaults(_ update: UpdateMessage, _ index: Int) {
    guard !update.faults.isEmpty else { return }
    if update.isTreatedAsWithdraw {
      peers[index].statistics.treatedAsWithdraw += 1
    }
    for fault in update.faults {
      if fault.verdict == .discard { peers[index].statistics.attributesDiscarded += 1 }
      guard peers[index].loggedFaults.insert(fault).inserted else { continue }
      let reaction = fault.verdict == .discard ? "attribute discarded" : "treated as withdraw"
      log(.warning, "\(peers[index].logName): bad UPDATE, \(fault.description), \(reaction)", index, kind: .badMessage)
    }
  }

  /// RFC 7606 §6: a line with all routes and the whole message, before what is done about it.
  ///
  /// - Parameters:
  ///   - update: nil for one whose routes cannot be told.
  ///   - octets: the message with its header.
  mutating func logWhole(_ update: UpdateMessage?, _ octets: Span<UInt8>, _ index: Int) {
    guard peers[index].isUp, peers[index].loggedUpdates < Self.mostLoggedUpdates,
      update?.faults.contains(where: { !peers[index].loggedFaults.contains($0) }) != false
    else { return }
    peers[index].loggedUpdates += 1
    var whole: [UInt8] = []
    whole.reserveCapacity(octets.count)
    for position in octets.indices { whole.append(octets[position]) }
    let routes = update.map { update in
      (update.withdrawn.all.map { "-\($0)" } + update.announced.all.map { "+\($0)" }).joined(separator: " ")
    }
    let of = routes.map { $0.isEmpty ? " without routes" : " of \($0)" } ?? ""
    log(.warning, "\(peers[index].logName): bad UPDATE\(of), in full: \(whole.hexadecimal)", index, kind: .badMessage)
  }
}
