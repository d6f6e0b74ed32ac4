import CNetfilter
import Glibc
package import Primitives

/// The daemon's line to nf_tables: one netlink socket, used from one thread.
///
/// It reads tables, sets and elements, and commits transactions. It refuses to know what the prefixes are for: no BGP, no cover, no
/// overlaps. It encodes what it is told, tells what the kernel answered, and keeps no picture of the sets.
///
/// Data flows through it twice. Down: a `Transaction` takes prefixes and encodes each at once as words of netlink, `finish()` makes it
/// a `Batch`, which can only be committed, and `commit(_:)` numbers its messages and hands all of it to the kernel in one datagram,
/// which is what makes it atomic. Up: replies are parsed in the receive buffer by a bounds-checked cursor; a sequence number leads from
/// an error to the message that failed, and an offset from there to the element.
///
/// The kernel works a request through before `send` returns, so the replies are waiting when it does. That makes the waiting simple:
/// a reply that is not there after ten seconds never comes. Every request has sequence numbers of its own and starts on an empty
/// receive queue, so a late reply cannot be taken for another one.
///
/// The wart: to read a set back is not atomic. Each reply that is fetched starts the kernel's walk again at a count of elements, so a
/// change in between can drop some and repeat others, and on interval sets the walk is quadratic (200,000 elements take 8 s). A dump
/// therefore counts only when the ruleset has the same generation before and after and no element came twice.
package struct NetfilterConnection: ~Copyable {
  /// How often a dump is tried that the ruleset changes under.
  private static let attempts = 8

  var channel: NetlinkChannel

  /// Opens a socket in the network namespace of the calling thread.
  ///
  /// - Parameter exchanges: counts each datagram that the kernel answers with.
  package init(counting exchanges: ExchangeCount = ExchangeCount()) throws(NetfilterError) {
    do throws(SocketFault) {
      channel = try NetlinkChannel(protocol: NETLINK_NETFILTER, exchanges: exchanges)
    } catch {
      throw NetfilterError(.open, errorNumber: error.errorNumber)
    }
  }

  /// What tells the commits of this connection from those of others in a `RulesetChange`. While the connection is open no
  /// other socket of the network namespace has the same.
  package var portID: UInt32 { channel.portID }

  // MARK: Reading

  /// The generation of the ruleset of the whole namespace, which every commit of every program changes.
  package mutating func generation() throws(NetfilterError) -> UInt32 {
    var generation: UInt32?
    try channel.query(NFT_MSG_GETGEN, of: UInt8(AF_UNSPEC), .readGeneration, attributes: { _ in }) {
      (message, octets) throws(MalformedReply) in
      var reader = message.payload
      try reader.skipFamilyHeader()
      while let attribute = try reader.nextAttribute(octets) {
        guard attribute.type == NFTA_GEN_ID.rawValue else { continue }
        generation = try attribute.number(octets)
      }
    }
    guard let generation else { throw NetfilterError(.readGeneration, errorNumber: EBADMSG) }
    return generation
  }

  /// A generation of which everything has been carried out, and told to whoever listens.
  ///
  /// The kernel shows the number of a commit from its beginning on and tells of it at its end; a flush of many elements lies between
  /// the two for milliseconds. A transaction has to wait for that, even one that changes nothing.
  ///
  /// - Parameter table: any; one that does not exist is created.
  /// - Throws: `.stale` when other programs kept committing.
  package mutating func settledGeneration(naming table: NFTable) throws(NetfilterError) -> UInt32 {
    for _ in 1...Self.attempts {
      let generation = try generation()
      var transaction = Transaction(table: table, expectedGeneration: generation)
      try transaction.touchTable()
      do throws(NetfilterError) {
        try commit(transaction.finish())
        return generation
      } catch {
        guard error.cause == .stale else { throw error }
      }
    }
    throw NetfilterError(.readGeneration, errorNumber: ERESTART)
  }

  /// How the sets and maps of a table are declared, those of types that nftbgpd has no use for included.
  ///
  /// - Returns: `nil` when the table does not exist.
  /// - Throws: `.stale` when the sets kept changing meanwhile.
  package mutating func declarations(in table: NFTable) throws(NetfilterError) -> [SetDeclaration]? {
    let operation = NetfilterError.Operation.listSets(table)
    for _ in 1...Self.attempts {
      do throws(NetfilterError) {
        var declarations: [SetDeclaration] = []
        // A dump of the sets of a table that does not exist need not be an error.
        try channel.query(
          NFT_MSG_GETTABLE, of: table.family.rawValue, operation,
          attributes: { $0.put(NFTA_TABLE_NAME.rawValue, name: table.name) })
        try channel.query(
          NFT_MSG_GETSET, of: table.family.rawValue, isDump: true, operation,
          attributes: { $0.put(NFTA_SET_TABLE.rawValue, name: table.name) }
        ) { (message, octets) throws(MalformedReply) in
          declarations.append(try DeclarationEncoding.declaration(in: message.payload, octets))
        }
        return declarations
      } catch {
        if error.cause == .notFound { return nil }
        guard error.cause == .stale else { throw error }
      }
    }
    throw NetfilterError(operation, errorNumber: ERESTART)
  }

  /// All elements of a set.
  ///
  /// - Throws: `.stale` when the ruleset changed during every try, `.notFound`, `.unsuitable` when its elements are no addresses.
  package mutating func contents(
    of set: SetDeclaration, in table: NFTable
  ) throws(NetfilterError) -> SetContents {
    let operation = NetfilterError.Operation.read(set: set.name, table)
    switch set.family {
    case .ipv4: return try contents(of: set, in: table, operation, SetContents.init(ipv4:))
    case .ipv6: return try contents(of: set, in: table, operation, SetContents.init(ipv6:))
    case .none: throw NetfilterError(operation, errorNumber: EDOM, explanation: "its elements are of type \(set.key)")
    }
  }

  private mutating func contents<Address: ElementAddress>(
    of set: SetDeclaration, in table: NFTable, _ operation: NetfilterError.Operation,
    _ assemble: ([Extent<Address>]) -> SetContents
  ) throws(NetfilterError) -> SetContents {
    for _ in 1...Self.attempts {
      let before = try generation()
      var collection = ElementCollection<Address>()
      do throws(NetfilterError) {
        try channel.query(
          NFT_MSG_GETSETELEM, of: table.family.rawValue, isDump: true, operation,
          attributes: {
            $0.put(NFTA_SET_ELEM_LIST_TABLE.rawValue, name: table.name)
            $0.put(NFTA_SET_ELEM_LIST_SET.rawValue, name: set.name)
          }
        ) { (message, octets) throws(MalformedReply) in
          try collection.append(message.payload, octets)
        }
      } catch {
        guard error.cause == .stale else { throw error }
        continue
      }
      let hasCatchAll = collection.hasCatchAll
      guard try generation() == before, let extents = collection.extents(isInterval: set.isInterval) else { continue }
      var contents = assemble(extents)
      contents.hasCatchAll = hasCatchAll
      return contents
    }
    throw NetfilterError(operation, errorNumber: ERESTART)
  }

  /// Whether each of `prefixes` is an element of a set, exactly as it stands here.
  ///
  /// Each is looked up by its key, in an interval set by three, so the cost is that of the prefixes and not of the set. Prefixes of
  /// another family, and networks in a set of single addresses, are not elements. Each answer is true at its own moment: compare
  /// `generation()` before and after where they must be of the same.
  ///
  /// - Throws: `.notFound` when the set does not exist.
  package mutating func contains(
    _ prefixes: [Prefix], in set: SetDeclaration, of table: NFTable
  ) throws(NetfilterError) -> [Bool] {
    try requireSet(set, in: table)
    var answers: [Bool] = []
    answers.reserveCapacity(prefixes.count)
    let step = set.isInterval ? NetlinkChannel.lookUpsAtOnce / 3 : NetlinkChannel.lookUpsAtOnce
    for lower in stride(from: 0, to: prefixes.count, by: step) {
      let some = prefixes[lower..<min(lower + step, prefixes.count)]
      let questions = some.map { ElementLookUp.questions(about: $0, in: set) }
      var found = try keysFound(by: questions.flatMap { $0 }, in: set, of: table)[...]
      for questions in questions {
        answers.append(!questions.isEmpty && zip(questions, found).allSatisfy { $0.isMet(by: $1) })
        found = found.dropFirst(questions.count)
      }
    }
    return answers
  }

  /// Whether a packet with each of `addresses` would match a set.
  ///
  /// - Throws: `.notFound` when the set does not exist.
  package mutating func matches(
    _ addresses: [IPAddress], in set: SetDeclaration, of table: NFTable
  ) throws(NetfilterError) -> [Bool] {
    try requireSet(set, in: table)
    var answers: [Bool] = []
    answers.reserveCapacity(addresses.count)
    for lower in stride(from: 0, to: addresses.count, by: NetlinkChannel.lookUpsAtOnce) {
      let some = addresses[lower..<min(lower + NetlinkChannel.lookUpsAtOnce, addresses.count)]
      let lookUps = some.filter { $0.family == set.family }.map { ElementLookUp(address: $0) }
      var found = try keysFound(by: lookUps, in: set, of: table)[...]
      for address in some {
        let key = address.family == set.family ? found.popFirst() : nil
        answers.append(key != nil && key != .some(nil))
      }
    }
    return answers
  }

  /// Makes sure that a set exists: of an element the kernel says with the same error that it does not.
  private mutating func requireSet(_ set: SetDeclaration, in table: NFTable) throws(NetfilterError) {
    try channel.query(
      NFT_MSG_GETSET, of: table.family.rawValue, .lookUp(set: set.name, table),
      attributes: {
        $0.put(NFTA_SET_TABLE.rawValue, name: table.name)
        $0.put(NFTA_SET_NAME.rawValue, name: set.name)
      })
  }

  /// The key of the element that each look-up finds.
  private mutating func keysFound(
    by lookUps: [ElementLookUp], in set: SetDeclaration, of table: NFTable
  ) throws(NetfilterError) -> [IPAddress?] {
    guard !lookUps.isEmpty else { return [] }
    let operation = NetfilterError.Operation.lookUp(set: set.name, table)
    let count = UInt32(clamping: lookUps.count)
    let first = channel.takeSequence(count)
    var writer = NetlinkWriter()
    for (place, lookUp) in lookUps.enumerated() {
      lookUp.append(to: &writer, sequence: first &+ UInt32(clamping: place), set, table)
    }
    var found = [IPAddress?](repeating: nil, count: lookUps.count)
    try channel.lookUp(writer.words, first: first, count: count, operation, isAbsence: { $0 == ENOENT }) {
      (place, message, octets) throws(MalformedReply) in
      found[place] = try ElementLookUp.key(in: message.payload, octets)
    }
    return found
  }

  // MARK: Writing

  /// Commits a transaction: all of it or nothing, and the kernel has confirmed it when this returns.
  ///
  /// An empty one does nothing and is not sent. One that changes something raises the generation by one, past zero; one
  /// that changes nothing (adds elements that are there, creates a table that exists) leaves it as it is, but to create a
  /// set that exists counts as a change.
  ///
  /// - Throws: the first error that the kernel reported. After `.lost` nobody knows whether it was applied: read the sets back.
  package mutating func commit(_ batch: consuming Batch) throws(NetfilterError) {
    guard !batch.isEmpty else { return }
    let first = channel.takeSequence(batch.sequenceCount)
    batch.number(from: first)
    var failure: (index: UInt32, Acknowledgement)?
    let last = batch.lastIndex
    let table = batch.table
    try channel.exchange(batch.words, first: first, count: batch.sequenceCount, .commit(batch.table)) {
      (index, reply, _) throws(MalformedReply) in
      guard case .acknowledgement(let acknowledgement) = reply else { return false }
      if acknowledgement.errorNumber != 0, failure == nil {
        failure = (index, acknowledgement)
      }
      // A batch that is refused as a whole gets that one reply.
      return index == last || index == 0 && acknowledgement.errorNumber != 0
    }
    if let (index, acknowledgement) = failure {
      throw explained(batch.error(at: index, acknowledgement), in: table)
    }
  }
}
