import BGPSession
import Primitives
import Tables

extension Engine {
  /// How things stand, in a line for whoever looks at the service: `2/2 neighbors up, 214,380 prefixes in bgp_spamd`.
  ///
  /// Cheap, so that it may be asked for at any time: nothing is counted here.
  package var summary: String {
    let wanted = peers.filter { !$0.isShutDown }
    var parts = ["\(wanted.count { $0.session.isEstablished })/\(wanted.count) neighbors up"]
    for (index, name) in tables.names.enumerated() {
      let table = TableID(index: UInt8(truncatingIfNeeded: index))
      let count = AddressFamily.allCases.reduce(0) { $0 + tables.membership.count(table, $1) }
      parts.append("\(count.grouped)\(index == 0 ? " prefixes" : "") in \(name)")
    }
    let sentence = parts.joined(separator: ", ")
    return tables.failure.map { "\(sentence); \($0)" } ?? sentence
  }
}

extension Int {
  /// The number of something, with a comma between groups of three digits.
  fileprivate var grouped: String {
    let digits = String(self)
    return digits.enumerated().reduce(into: "") { text, next in
      if next.offset > 0, (digits.count - next.offset).isMultiple(of: 3) { text += "," }
      text.append(next.element)
    }
  }
}
