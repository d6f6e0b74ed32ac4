import BGPSession
import BGPWire
import NIOCore
import NIOPosix
import Primitives
import Transport

/// A route server that plays a list: the other side of nftbgpd, for the demo, for the tests and for an administrator's fire drill.
///
/// It speaks the same `BGPWire` and `BGPSession` from the other end, to any client of any AS: it waits for the client's OPEN and
/// answers to the AS number in it. Everything happens on one event loop, which is the actor's executor.
actor FeedServer: LoopActor {
  struct Options: Sendable {
    var asn: ASN
    var routerID: IPv4Address
    var listen: IPAddress
    var port: UInt16
    var sendsEndOfRIB: Bool
    var holdTime: UInt16
    /// What clients must sign with (RFC 2385); nil for clients that do not sign.
    var md5Key: [UInt8]?
  }

  /// A connected client.
  private struct Client {
    let channel: any Channel
    let name: String
    var session: Session?
    var timer: Scheduled<Void>?
  }

  let loop: any EventLoop
  private let options: Options
  private var table: FeedTable
  private var clients: [Int: Client] = [:]
  private var nextClient = 0
  private let report: @Sendable (String) -> Void

  init(on loop: any EventLoop, _ options: Options, _ table: FeedTable, report: @escaping @Sendable (String) -> Void) {
    self.loop = loop
    self.options = options
    self.table = table
    self.report = report
  }

  /// Opens the listening socket.
  func listen() async throws -> any Channel {
    let address = try SocketAddress(options.listen, port: options.port)
    let channel = try await ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { [options] channel in
        options.md5Key.map { TCPSignature(ofEveryPeer: options.listen.family, key: $0).set(on: channel) }
          ?? channel.eventLoop.makeSucceededVoidFuture()
      }
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try self.assumeIsolated { try $0.accept(channel) } }
      }
      .bind(to: address).get()
    report("listening on \(options.listen) port \(options.port) as AS \(options.asn) with \(table.count) prefixes")
    return channel
  }

  private func accept(_ channel: any Channel) throws {
    let number = nextClient
    nextClient += 1
    let name = channel.remoteAddress?.endpoint.map { "\($0.address)" } ?? "?"
    clients[number] = Client(channel: channel, name: name)
    try channel.pipeline.syncOperations.addHandler(
      OctetStreamHandler(
        receive: { octets in self.received(number, octets) },
        closed: { _ in
          // Not from inside the step that closes.
          self.loop.execute { self.assumeIsolated { $0.step(number, .connectionClosed) } }
        }))
  }

  // MARK: Sessions

  private nonisolated func received(_ number: Int, _ octets: Span<UInt8>) -> Int {
    var offset = 0
    while offset < octets.count {
      let context = assumeIsolated { $0.clients[number]?.session?.context } ?? .initial
      let event: Session.Event
      do throws(NotificationMessage) {
        guard let frame = try MessageFrame(in: octets, at: offset, maximum: context.maximumLength) else {
          return offset
        }
        offset = frame.end
        event = .received(try Message(frame, in: octets, context))
      } catch {
        event = .malformed(error)
        offset = octets.count
      }
      assumeIsolated { $0.dispatch(number, event) }
    }
    return offset
  }

  /// The first message must be an OPEN: only then is it known whom to be.
  private func dispatch(_ number: Int, _ event: Session.Event) {
    if clients[number]?.session == nil, case .received(.open(let open)) = event {
      var configuration = SessionConfiguration(
        localAS: options.asn,
        twoOctetAS: UInt16(exactly: options.asn.value) ?? UInt16(truncatingIfNeeded: ASN.transition.value),
        bgpIdentifier: options.routerID, peerAS: open.asn)
      configuration.isPassive = true
      configuration.announcesNothing = false
      configuration.holdTime = options.holdTime
      clients[number]?.session = Session(configuration, random: RandomSource(seed: 0))
      step(number, .start)
      step(number, .connected)
    }
    step(number, event)
  }

  private func step(_ number: Int, _ event: Session.Event) {
    guard var session = clients[number]?.session else {
      if event == .connectionClosed { clients[number] = nil }
      return
    }
    var actions: [Session.Action] = []
    session.handle(event, at: now, into: &actions)
    clients[number]?.session = session
    for action in actions {
      perform(action, number, session.context)
    }
    if event == .connectionClosed {
      clients[number]?.timer?.cancel()
      clients[number] = nil
    } else {
      schedule(number)
    }
  }

  private func perform(_ action: Session.Action, _ number: Int, _ context: DecodeContext) {
    guard let client = clients[number] else { return }
    switch action {
    case .connect: break
    case .disconnect: client.channel.close(promise: nil)
    case .send(let message): client.channel.writeAndFlush(ByteBuffer(bytes: message.encode(context)), promise: nil)
    case .sessionUp(let negotiated):
      report("client \(client.name): up")
      for group in table.groups {
        announce(group.prefixes, group.communities, to: client, negotiated)
      }
      if options.sendsEndOfRIB { endOfRIB(client, negotiated) }
    case .sessionDown(let reason): report("client \(client.name): down, \(reason)")
    case .deliver(let update):
      // What a client announces is refused; only End-of-RIB is expected.
      if update.endOfRIB == nil { report("client \(client.name): ignored an UPDATE") }
    case .deliverRefresh(let family, .request): resend(family, number)
    case .deliverRefresh, .ignored: break
    }
  }

  private var now: Instant { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }

  private func schedule(_ number: Int) {
    clients[number]?.timer?.cancel()
    guard let deadline = clients[number]?.session?.nextDeadline else { return }
    let due = NIODeadline.uptimeNanoseconds(UInt64(clamping: deadline.nanoseconds))
    clients[number]?.timer = loop.assumeIsolated().scheduleTask(deadline: due) {
      self.assumeIsolated { $0.step(number, .deadlineReached) }
    }
  }

  // MARK: Routes

  private func announce(
    _ prefixes: PrefixList, _ communities: [Community], to client: Client, _ negotiated: NegotiatedSession
  ) {
    var attributes = PathAttributes()
    attributes.asPath = ASPath(sequence: negotiated.context.isInternal ? [] : [options.asn])
    if negotiated.context.isInternal { attributes.localPreference = 100 }
    attributes.communities = communities
    attributes.nextHop = .v4(options.routerID)
    if negotiated.families.contains(.ipv4) {
      let size = UpdateMessage.capacity(of: .ipv4, attributes: attributes, maximum: IANA.maximumMessageLength)
      for start in stride(from: 0, to: prefixes.ipv4.count, by: size) {
        let part = Array(prefixes.ipv4[start..<min(start + size, prefixes.ipv4.count)])
        write(UpdateMessage(announced: PrefixList(ipv4: part), attributes: attributes), to: client, negotiated)
      }
    }
    if negotiated.families.contains(.ipv6) {
      var attributes = attributes
      // Of 2001:db8::/32, because a router between us and the client refuses the loopback address.
      attributes.nextHop = .v6(IPv6Address(high: 0x2001_0DB8_0000_0000, low: UInt64(options.routerID.value)))
      let size = UpdateMessage.capacity(of: .ipv6, attributes: attributes, maximum: IANA.maximumMessageLength)
      for start in stride(from: 0, to: prefixes.ipv6.count, by: size) {
        let part = Array(prefixes.ipv6[start..<min(start + size, prefixes.ipv6.count)])
        write(UpdateMessage(announced: PrefixList(ipv6: part), attributes: attributes), to: client, negotiated)
      }
    }
    client.channel.flush()
  }

  private func withdraw(_ prefixes: [Prefix], from client: Client, _ negotiated: NegotiatedSession) {
    let list = PrefixList(prefixes)
    for start in stride(from: 0, to: list.ipv4.count, by: 700) {
      let part = Array(list.ipv4[start..<min(start + 700, list.ipv4.count)])
      write(UpdateMessage(withdrawn: PrefixList(ipv4: part)), to: client, negotiated)
    }
    for start in stride(from: 0, to: list.ipv6.count, by: 200) where negotiated.families.contains(.ipv6) {
      let part = Array(list.ipv6[start..<min(start + 200, list.ipv6.count)])
      write(UpdateMessage(withdrawn: PrefixList(ipv6: part)), to: client, negotiated)
    }
    client.channel.flush()
  }

  /// Sends a family again because the client has asked (RFC 2918 §4), between the marks of RFC 7313 where it knows them.
  private func resend(_ family: AddressFamily, _ number: Int) {
    guard let client = clients[number], let negotiated = client.session?.negotiated else { return }
    report("client \(client.name): asked for \(family) again")
    let mark = { (subtype: RouteRefreshMessage.Subtype) in
      guard negotiated.enhancedRouteRefresh else { return }
      let message = Message.routeRefresh(RouteRefreshMessage(family: family, subtype: subtype))
      client.channel.writeAndFlush(ByteBuffer(bytes: message.encode(negotiated.context)), promise: nil)
    }
    mark(.begin)
    for group in table.groups {
      let prefixes = family == .ipv4 ? PrefixList(ipv4: group.prefixes.ipv4) : PrefixList(ipv6: group.prefixes.ipv6)
      announce(prefixes, group.communities, to: client, negotiated)
    }
    mark(.end)
  }

  private func endOfRIB(_ client: Client, _ negotiated: NegotiatedSession) {
    for family in negotiated.families {
      write(UpdateMessage(endOfRIB: family), to: client, negotiated)
    }
    client.channel.flush()
  }

  private func write(_ update: UpdateMessage, to client: Client, _ negotiated: NegotiatedSession) {
    client.channel.write(ByteBuffer(bytes: Message.update(update).encode(negotiated.context)), promise: nil)
  }

  /// The clients whose session is Established.
  private var established: [(client: Client, negotiated: NegotiatedSession)] {
    clients.sorted { $0.key < $1.key }.compactMap { _, client in
      guard let session = client.session, session.isEstablished, let negotiated = session.negotiated else { return nil }
      return (client, negotiated)
    }
  }

  // MARK: Commands

  /// Carries out a command.
  ///
  /// - Returns: false when the program is to end.
  func execute(_ command: FeedCommand) async throws -> Bool {
    switch command {
    case .announce(let prefix, let communities):
      table.announce(prefix, communities)
      for (client, negotiated) in established { announce(PrefixList([prefix]), communities, to: client, negotiated) }
    case .withdraw(let prefix):
      if table.withdraw(prefix) {
        for (client, negotiated) in established { withdraw([prefix], from: client, negotiated) }
      } else {
        report("\(prefix) is not announced")
      }
    case .withdrawAll:
      let prefixes = table.withdrawAll()
      for (client, negotiated) in established { withdraw(prefixes, from: client, negotiated) }
    case .endOfRIB:
      for (client, negotiated) in established { endOfRIB(client, negotiated) }
    case .flap:
      for client in clients.values { client.channel.close(promise: nil) }
    case .stop(let text):
      for number in clients.keys.sorted() { step(number, .stop(.init(.administrativeShutdown, text: text))) }
      return false
    case .sleep(let milliseconds):
      try await Task.sleep(for: .milliseconds(milliseconds))
    case .show:
      report("\(table.count) prefixes, \(established.count) clients up")
    }
    return true
  }
}
