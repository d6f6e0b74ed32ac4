import CNetfilter
import Glibc
import Primitives

/// What is known of a table: whether it can be one that only nftbgpd changes, and whose it is now.
package struct TableDeclaration: Hashable, Sendable {
  /// Whether a socket that is open owns it. The kernel then refuses what any other socket wants to change in it.
  package var isOwned: Bool
  /// Whether it outlives its owner. Such a table without one is an orphan: anybody may change it, or adopt it.
  package var isPersistent: Bool
  /// The netlink port of the owner, as `NetfilterConnection.portID` has it. The first socket of a process has the
  /// number of the process there, and any socket is found by it in /proc/net/netlink.
  package var owner: UInt32?

  package init(isOwned: Bool, isPersistent: Bool, owner: UInt32? = nil) {
    self.isOwned = isOwned
    self.isPersistent = isPersistent
    self.owner = owner
  }
}

/// The kernel's NFT_TABLE_F_ flags of an owned table.
private enum TableFlag {
  static let owner = NFT_TABLE_F_OWNER.rawValue
  /// NFT_TABLE_F_PERSIST of Linux 6.9, for which the installed headers may be too old.
  static let persist: UInt32 = 4
}

extension Transaction {
  /// Creates the table, or adopts one that an earlier process left; owned by this connection from then on.
  ///
  /// It goes first in a transaction that creates sets and installs the `ClassifyChain`. What an orphan holds stays in
  /// it. To own a table that this connection owns already changes nothing, but nothing else does so again: a connection
  /// that takes the place of another one, in the same process too, may change the orphan and does not own it until it
  /// says this.
  ///
  /// What the kernel does (measured with Linux 6.18 and nft(8) 1.0.6; the flags are NFT_TABLE_F_OWNER of Linux 5.12 and
  /// NFT_TABLE_F_PERSIST of 6.9):
  ///
  /// - No such table: it is made. An orphan: it is adopted with its sets, elements and chains, and other listeners are
  ///   told as of a declaration. When the transaction fails the orphan stays one.
  /// - A table that is not of this kind stays as it is: the commit fails with EOPNOTSUPP, as it does where the kernel
  ///   knows no such tables. To delete the table and make it anew in one transaction works, and takes the operator's
  ///   rules in it along.
  /// - A table whose owner is alive: the commit fails with EPERM, whatever it asks of the table.
  /// - While the table is owned, anybody can list it. `nft flush ruleset` of others succeeds and passes it over; `add`,
  ///   `delete` and `flush` of the table, its sets and its elements fail with EPERM. A file that nft(8) reloads as a
  ///   whole may therefore not name the table.
  /// - When the socket of the owner closes, however the process ended, the table is an orphan with all that is in it.
  ///   Packets still meet its chains. Nobody is told and no generation is made.
  /// - An orphan is anybody's: `flush ruleset` and `delete table` remove it, `add element` adds to it. But `add table`
  ///   fails with EOPNOTSUPP, and so do any file with `table` and braces of that name, and `createTable()`.
  /// - nft(8) 1.0.6 has no word for the second flag. It lists an owned table with `flags owner`, of which it makes a
  ///   table that ends with itself, and an orphan with an empty `flags`, which it cannot read: what `nft list ruleset`
  ///   prints is no longer a file to be loaded at boot.
  ///
  /// - Throws: `.outOfMemory`. The errors of the commit come with an explanation.
  package mutating func createOwnedTable() throws(NetfilterError) {
    let flags = TableFlag.owner | TableFlag.persist
    try append(DeclarationEncoding.newTable(table, flags: flags), .createOwnedTable(table))
  }
}

extension NetfilterConnection {
  /// Whether there is a table, and whose it is.
  ///
  /// - Returns: `nil` when there is no such table.
  package mutating func declaration(of table: NFTable) throws(NetfilterError) -> TableDeclaration? {
    var declaration: TableDeclaration?
    do throws(NetfilterError) {
      try channel.query(
        NFT_MSG_GETTABLE, of: table.family.rawValue, .readTable(table),
        attributes: { $0.put(NFTA_TABLE_NAME.rawValue, name: table.name) }
      ) { (message, octets) throws(MalformedReply) in
        declaration = try TableDeclaration(in: message.payload, octets)
      }
    } catch {
      guard error.cause == .notFound else { throw error }
    }
    return declaration
  }

  /// The error of a commit, with words for what the kernel says of tables and their owners by number only.
  mutating func explained(_ error: NetfilterError, in table: NFTable) -> NetfilterError {
    guard error.explanation.isEmpty, [EPERM, EOPNOTSUPP, EINVAL].contains(error.errorNumber) else { return error }
    let declaration: TableDeclaration?
    do throws(NetfilterError) {
      declaration = try self.declaration(of: table)
    } catch _ {
      return error
    }
    guard let explanation = error.explanation(of: table, declaration, to: portID) else { return error }
    return NetfilterError(
      error.operation, errorNumber: error.errorNumber, element: error.element, explanation: explanation)
  }
}

extension TableDeclaration {
  /// The declaration in the payload of a NEWTABLE message.
  init(in payload: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) {
    var reader = payload
    try reader.skipFamilyHeader()
    var flags: UInt32 = 0
    var owner: UInt32?
    while let attribute = try reader.nextAttribute(octets) {
      switch attribute.type {
      case NFTA_TABLE_FLAGS.rawValue: flags = try attribute.number(octets)
      case NFTA_TABLE_OWNER.rawValue: owner = try attribute.number(octets)
      default: continue
      }
    }
    self.init(isOwned: flags & TableFlag.owner != 0, isPersistent: flags & TableFlag.persist != 0, owner: owner)
  }
}

extension NetfilterError {
  /// Why the kernel refused the commit of the socket `portID`, given what is known of the table since; `nil` when that
  /// is not why.
  func explanation(of table: NFTable, _ declaration: TableDeclaration?, to portID: UInt32) -> String? {
    if errorNumber == EPERM {
      guard let owner = declaration?.owner, owner != portID else { return nil }
      return "another process owns the table: netlink port \(owner)"
    }
    switch operation {
    case .createOwnedTable:
      guard let declaration else { return "this kernel has no owned tables that persist: Linux 6.9 is the first" }
      guard !declaration.isPersistent else { return nil }
      return "there is a table of that name that is not of the owned and persistent kind (Linux 6.9): "
        + "remove it with 'nft delete table \(table)'"
    case .createTable:
      guard declaration?.isPersistent == true else { return nil }
      return "the table is of the owned kind: remove it with 'nft delete table \(table)'"
    case .open, .watch, .watchAddresses, .listAddresses, .findGateways, .readGeneration, .listSets, .read, .lookUp,
      .readTable, .install, .classify, .createSet, .flush, .add, .remove, .commit:
      return nil
    }
  }
}
