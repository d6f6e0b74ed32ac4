import CNetfilter
import Glibc
import Primitives

/// The chain with which nftbgpd marks packets by the sets that their source address is in.
///
/// Nobody else can put rules into a table that nftbgpd owns, and rules cannot name the sets of another table. Hence a
/// chain of our own, and marks, which the rules of any table can look at. It refuses to decide anything: it drops,
/// accepts and redirects nothing.
///
/// It is a base chain with `type filter hook prerouting priority mangle; policy accept;` (-150: after connection
/// tracking, before dstnat) and one rule for each entry, in their order:
///
///     ip saddr @SET counter meta mark set meta mark | MARK
///
/// `ip6 saddr` for a set of IPv6, and in a table `inet` a match of the packet's family before it, which nft(8) does not
/// show. Bits that are set already stay, so a packet whose source is in several sets gets the marks of all of them.
package struct ClassifyChain: Hashable, Sendable {
  /// One set and the mark of what is in it.
  package struct Entry: Hashable, Sendable {
    package var set: SetDeclaration
    /// The bits that are set in the packet's mark; the others stay as they are.
    package var mark: UInt32

    package init(set: SetDeclaration, mark: UInt32) {
      self.set = set
      self.mark = mark
    }
  }

  /// `mangle` of nft(8) and NF_IP_PRI_MANGLE of linux/netfilter_ipv4.h, which is that of IPv6 too.
  static let priority: Int32 = -150

  /// 1 to 255 octets.
  package var name: String
  package var entries: [Entry]

  package init(name: String, entries: [Entry] = []) {
    self.name = name
    self.entries = entries
  }
}

extension Transaction {
  /// Makes the chain hold exactly these rules: creates it if it is missing, flushes it and adds them.
  ///
  /// All of it is applied at once, so no packet meets a chain without rules; but the counters start again at zero. The
  /// sets must exist or be created earlier in the transaction, and a set that is deleted must not be in the chain any
  /// more.
  ///
  /// The commit fails as `.notFound` when there is no such set, and with EEXIST or EOPNOTSUPP when there is a chain of
  /// that name that has another type, hook or priority (Linux 6.18 says EEXIST of another type only).
  ///
  /// - Throws: `.unsuitable` when the elements of a set are no addresses or of a family that the table does not see,
  ///   `.outOfMemory`. Nothing was added then.
  package mutating func install(_ chain: ClassifyChain) throws(NetfilterError) {
    var messages: [(octets: [UInt8]?, operation: NetfilterError.Operation)] = []
    messages.append((RuleEncoding.newChain(chain.name, in: table), .install(chain: chain.name, table)))
    messages.append((RuleEncoding.flush(chain: chain.name, in: table), .install(chain: chain.name, table)))
    for entry in chain.entries {
      let operation = NetfilterError.Operation.classify(set: entry.set.name, chain: chain.name, table)
      guard let expressions = entry.expressions(in: table.family) else {
        throw NetfilterError(
          operation, errorNumber: EDOM,
          explanation: "no packet in a table of family \(table.family) has a source address of type \(entry.set.key)")
      }
      messages.append((RuleEncoding.newRule(expressions, chain: chain.name, in: table), operation))
    }
    for message in messages where message.octets == nil {
      throw NetfilterError(message.operation, errorNumber: ENOMEM)
    }
    for message in messages { try append(message.octets, message.operation) }
  }
}

extension ClassifyChain.Entry {
  /// The rule, as `nft --debug=netlink` shows that of nft(8), or `nil` when a table of this family cannot have it.
  fileprivate func expressions(in family: NFTable.Family) -> [RuleEncoding.Expression]? {
    let protocolFamily: NFTable.Family
    let source: RuleEncoding.Expression
    switch set.family {
    case .ipv4:
      protocolFamily = .ipv4
      source = .loadNetworkHeader(offset: 12, length: 4)  // RFC 791 §3.1
    case .ipv6:
      protocolFamily = .ipv6
      source = .loadNetworkHeader(offset: 8, length: 16)  // RFC 8200 §3
    case .none: return nil
    }
    var expressions: [RuleEncoding.Expression] = []
    switch family {
    case .inet: expressions += [.loadMeta(NFT_META_NFPROTO), .compare(protocolFamily.rawValue)]
    case .ipv4, .ipv6: guard family == protocolFamily else { return nil }
    }
    return expressions + [
      source, .lookUp(set: set.name), .count, .loadMeta(NFT_META_MARK), .setBits(mark), .storeMeta(NFT_META_MARK),
    ]
  }
}
