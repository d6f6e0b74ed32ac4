import BGPSession
import BGPWire
import Primitives
import Testing

@Suite("Malformed UPDATE messages (RFC 7606)")
struct MalformedUpdateTests {
  @Test("The table is there, without two rows of one name")
  func table() {
    #expect(MalformedUpdate.all.count >= 400)
    #expect(Set(MalformedUpdate.all.map(\.name)).count == MalformedUpdate.all.count)
  }

  @Test("Each has the reaction that its section asks for", arguments: MalformedUpdate.all)
  func reaction(row: MalformedUpdate) throws {
    var harness = try Self.established(row.peer)
    let actions = Self.receive(row.octets, &harness)
    #expect(Self.reaction(actions) == row.reactions.first, "\(row.authority)")
    if case .deliver(let update) = actions.first {
      // In any case the routes are named: they are what is announced, or withdrawn instead.
      for (digit, prefix) in MalformedUpdate.victims {
        #expect(update.announced.all.contains(prefix) == row.routes.contains("+\(digit)"))
        #expect(!row.routes.contains("-\(digit)") || update.withdrawn.all.contains(prefix))
      }
      for fault in update.faults where fault.verdict == .discard && fault.reason != .duplicate {
        #expect(!Self.holds(update.attributes, fault.attribute))
      }
      #expect(harness.session.isEstablished)
    } else {
      #expect(actions.contains(.disconnect))
      #expect(!harness.session.isConnected)
    }
  }

  /// In the words of the table.
  private static func reaction(_ actions: [Session.Action]) -> String {
    switch actions.first {
    case .send(.notification(let notification)): "reset \(notification.code)/\(notification.subcode)"
    case .deliver(let update) where update.isTreatedAsWithdraw: "withdraw"
    case .deliver(let update): words(update.faults)
    default: "\(actions)"
    }
  }

  private static func words(_ faults: [AttributeFault]) -> String {
    let discarded = Set(faults.filter { $0.reason != .duplicate }.map(\.attribute)).sorted()
    let repeated = Set(faults.filter { $0.reason == .duplicate }.map(\.attribute)).sorted()
    let words = discarded.map { "discard \($0)" } + repeated.map { "first \($0)" }
    return words.isEmpty ? "accept" : words.joined(separator: " ")
  }

  /// Whether anything is left of an attribute that may be discarded.
  private static func holds(_ attributes: PathAttributes, _ code: UInt8) -> Bool {
    switch code {
    case IANA.AttributeCode.localPreference: attributes.localPreference != nil
    case IANA.AttributeCode.atomicAggregate: attributes.atomicAggregate
    case IANA.AttributeCode.aggregator: attributes.aggregator != nil
    case IANA.AttributeCode.originatorID: attributes.originatorID != nil
    case IANA.AttributeCode.clusterList: !attributes.clusterList.isEmpty
    default: false
    }
  }

  @Test("What is remembered of the UPDATEs before changes nothing in what follows", arguments: 0..<10)
  func memo(seed: UInt64) throws {
    var random = RandomSource(seed: seed)
    var memo = AttributeMemo()
    for row in MalformedUpdate.all.shuffled(using: &random) {
      let context = try Self.established(row.peer).session.context
      for _ in 0..<2 {
        let frame = try? MessageFrame(in: row.octets.span, at: 0, maximum: context.maximumLength)
        guard let frame, case .update(let alone) = try? Message(frame, in: row.octets.span, context) else { break }
        #expect(try UpdateMessage(frame, in: row.octets.span, context, recalling: &memo) == alone, "\(row.name)")
      }
    }
  }

  private static func established(_ peer: MalformedUpdate.Peer) throws -> SessionHarness {
    let asn: UInt16 = peer == .internal ? 65500 : 65066
    var harness = SessionHarness {
      $0.peerAS = ASN(UInt32(asn))
      $0.bgpIdentifier = IPv4Address(0x7F00_0009)
    }
    var capabilities: [Capability] = [.unicast(.ipv4), .unicast(.ipv6), .extendedMessage]
    if peer != .twoOctet { capabilities.append(.fourOctetAS(ASN(UInt32(asn)))) }
    let open = SessionHarness.peerOpen(asn: asn, capabilities: capabilities)
    for event in [.start, .connected, .received(.open(open)), .received(.keepalive)] as [Session.Event] {
      _ = harness.handle(event)
    }
    try #require(harness.session.isEstablished)
    return harness
  }

  /// What the session does about octets as they arrive.
  private static func receive(_ octets: [UInt8], _ harness: inout SessionHarness) -> [Session.Action] {
    let context = harness.session.context
    do throws(NotificationMessage) {
      guard let frame = try MessageFrame(in: octets.span, at: 0, maximum: context.maximumLength) else { return [] }
      let message = try Message(frame, in: octets.span, context)
      // By the short way, as an engine takes an UPDATE, it comes to the same.
      var other = harness
      let actions = harness.handle(.received(message))
      if case .update(var update) = message {
        #expect(other.session.accept(&update, at: other.now))
        #expect(actions == [.deliver(update)])
        #expect(other.session == harness.session)
      }
      return actions
    } catch {
      return harness.handle(.malformed(error))
    }
  }
}
