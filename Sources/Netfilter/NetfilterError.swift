import Glibc
import Primitives

/// A request to nf_tables or rtnetlink that the kernel refused, or a reply that did not come.
///
/// For a transaction this is the first error that the kernel reported, traced to the message that it was about; nothing of the
/// transaction was applied, unless the `cause` is `.lost`, when nobody knows.
package struct NetfilterError: Error, Hashable, Sendable {
  /// What was asked of the kernel.
  package enum Operation: Hashable, Sendable {
    case open
    /// Listening to what others commit.
    case watch
    /// Listening to changes of the addresses of interfaces.
    case watchAddresses
    case listAddresses
    case findGateways
    case readGeneration
    case listSets(NFTable)
    case read(set: String, NFTable)
    case lookUp(set: String, NFTable)
    case readTable(NFTable)
    case createTable(NFTable)
    case createOwnedTable(NFTable)
    case install(chain: String, NFTable)
    /// Adding the rule for a set to a chain.
    case classify(set: String, chain: String, NFTable)
    case createSet(String, NFTable)
    case flush(set: String, NFTable)
    case add(set: String, NFTable)
    case remove(set: String, NFTable)
    /// The transaction as a whole.
    case commit(NFTable)
  }

  /// The reactions that an error can call for.
  package enum Cause: Hashable, Sendable {
    /// The table, the set or the element does not exist.
    case notFound
    /// Something is there already: an overlapping interval, the element itself, or a set of another kind with that name.
    case exists
    /// No CAP_NET_ADMIN, or the table belongs to another process.
    case notPermitted
    /// The set holds as many elements as its declaration allows.
    case setFull
    /// The kernel has no memory for it.
    case outOfMemory
    /// The transaction is larger than the socket's send buffer may be.
    case tooBig
    /// The ruleset changed since the expected generation, or what was read kept changing meanwhile: look again, try again.
    case stale
    /// The answer was lost or did not come in time. A transaction may or may not have been applied.
    case lost
    /// What was asked does not fit the set: a network for a set of single addresses, IPv6 for a set of IPv4.
    case unsuitable
    /// The reply cannot be understood.
    case malformed
    /// Any other; see `errorNumber`.
    case other
  }

  package let operation: Operation
  /// The kernel's `errno`, or the nearest one when the fault was found here.
  package let errorNumber: Int32
  /// The element that the kernel pointed at, where it did; a prefix, or a range as `FIRST-LAST`.
  package let element: AddressRange?
  /// The kernel's extended acknowledgement, or what was wrong; often empty.
  package let explanation: String

  package init(_ operation: Operation, errorNumber: Int32, element: AddressRange? = nil, explanation: String = "") {
    self.operation = operation
    self.errorNumber = errorNumber
    self.element = element
    self.explanation = explanation
  }

  package var cause: Cause {
    switch errorNumber {
    case ENOENT: .notFound
    case EEXIST: .exists
    case EPERM, EACCES: .notPermitted
    case ENFILE, ENOSPC: operation.isAboutSets ? .setFull : .other
    case ENOMEM: .outOfMemory
    case EMSGSIZE: .tooBig
    case ERESTART, EINTR: .stale
    case ENOBUFS, ETIMEDOUT: .lost
    case EDOM: .unsuitable
    case EBADMSG: .malformed
    default: .other
    }
  }
}

extension NetfilterError: CustomStringConvertible {
  /// One line for the log, for example
  /// `add 192.0.2.0/24 to set black_net of table inet nftbgpd: File exists (interval overlaps with an existing one)`.
  package var description: String {
    let detail = explanation.isEmpty ? "" : " (\(explanation))"
    return "\(request): \(reason)\(detail)"
  }

  private var request: String {
    let object = element.map(\.description) ?? "elements"
    return switch operation {
    case .open: "open a netlink socket"
    case .watch: "watch the ruleset"
    case .watchAddresses: "watch the addresses of this host"
    case .listAddresses: "list the addresses of this host"
    case .findGateways: "look up the gateways of this host"
    case .readGeneration: "read the generation of the ruleset"
    case .listSets(let table): "list the sets of table \(table)"
    case .read(let set, let table): "read set \(set) of table \(table)"
    case .lookUp(let set, let table): "look up \(object) in set \(set) of table \(table)"
    case .readTable(let table): "read table \(table)"
    case .createTable(let table): "create table \(table)"
    case .createOwnedTable(let table): "own table \(table)"
    case .install(let chain, let table): "install chain \(chain) of table \(table)"
    case .classify(let set, let chain, let table): "classify by set \(set) in chain \(chain) of table \(table)"
    case .createSet(let set, let table): "create set \(set) of table \(table)"
    case .flush(let set, let table): "flush set \(set) of table \(table)"
    case .add(let set, let table): "add \(object) to set \(set) of table \(table)"
    case .remove(let set, let table): "remove \(object) from set \(set) of table \(table)"
    case .commit(let table): "commit to table \(table)"
    }
  }

  private var reason: String {
    switch cause {
    case .setFull: "the set is full"
    case .stale: operation == .listAddresses ? "they kept changing" : "the ruleset was changed by another program"
    case .unsuitable: "unsuitable"
    case .malformed: "what the kernel sent is malformed"
    case .notFound, .exists, .notPermitted, .outOfMemory, .tooBig, .lost, .other: systemText(errorNumber)
    }
  }
}

extension NetfilterError.Operation {
  /// Whether a limit that the kernel speaks of can be that of a set.
  fileprivate var isAboutSets: Bool {
    switch self {
    case .open, .watchAddresses, .listAddresses, .findGateways: false
    case .watch, .readGeneration, .listSets, .read, .lookUp, .readTable, .createTable, .createOwnedTable, .install,
      .classify, .createSet, .flush, .add, .remove, .commit:
      true
    }
  }
}

/// The text of `strerror(3)`.
func systemText(_ errorNumber: Int32) -> String {
  // Safety: strerror answers a NUL-terminated string, for unknown numbers too, and it is copied before any other call.
  unsafe String(cString: strerror(errorNumber))
}
