import ArgumentParser
import AtomicFile
import BGPWire
import NIOCore
import NIOPosix
import Primitives
import SystemPackage
import Transport

/// The program: options, files, and the commands of a script and of standard input.
@main
struct FeedServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feedserver",
    abstract: "A route server that plays a list of prefixes with communities.",
    discussion: """
      Each line of LIST is a prefix and its communities: "192.0.2.1 65066:666". Commands come from --script and then from standard \
      input, one on each line: announce PREFIX COMMUNITY..., withdraw PREFIX, withdraw all, end-of-rib, flap, stop [TEXT], \
      sleep MILLISECONDS, show. At the end of standard input it goes on serving until it is killed, or ends with --exit-at-end.
      """)

  @Option(name: .customLong("as"), help: "Its AS number.") var asNumber = "65066"
  @Option(help: "Its BGP identifier; the listening address where that is IPv4.") var routerID: String?
  @Option(help: "The address to listen on.") var listen = "127.0.0.1"
  @Option(help: "The port to listen on.") var port: UInt16 = 179
  @Option(help: "The hold time to offer, in seconds.") var holdTime: UInt16 = 90
  @Option(help: ArgumentHelp("The TCP MD5 key that every client must have.", valueName: "key")) var md5: String?
  @Flag(help: "Do not send End-of-RIB.") var noEndOfRib = false
  @Flag(help: "End with Cease when standard input ends.") var exitAtEnd = false
  @Option(help: "Commands to carry out first.", completion: .file()) var script: String?
  @Argument(help: "The list of prefixes.", completion: .file()) var list: String?

  func run() async throws {
    guard let asn = ASN(asNumber) else { throw ValidationError("--as: not an AS number: \(asNumber)") }
    guard let address = IPAddress(listen) else { throw ValidationError("--listen: not an address: \(listen)") }
    var identifier = IPv4Address(0x7F00_0001)
    if case .v4(let own) = address { identifier = own }
    if let routerID {
      guard let given = IPv4Address(routerID) else {
        throw ValidationError("--router-id: not an IPv4 address: \(routerID)")
      }
      identifier = given
    }
    var table = FeedTable()
    if let list { try table.load(try FileContents.text(list)) }
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let server = FeedServer(
      on: loop,
      .init(
        asn: asn, routerID: identifier, listen: address, port: port, sendsEndOfRIB: !noEndOfRib, holdTime: holdTime,
        md5Key: md5.map { Array($0.utf8) }),
      table, report: { Self.say($0) })
    let listener = try await server.listen()
    let scripted = try script.map { try FileContents.text($0).split(separator: "\n").map(String.init) } ?? []
    for line in scripted {
      guard try await Self.execute(line, server) else { return try await finish(listener) }
    }
    for try await line in Self.standardInput {
      guard try await Self.execute(line, server) else { return try await finish(listener) }
    }
    if exitAtEnd {
      _ = try await server.execute(.stop(""))
      return try await finish(listener)
    }
    try await listener.closeFuture.get()
  }

  /// Leaves the last octets time to go out.
  private func finish(_ listener: any Channel) async throws {
    try await listener.close()
    try await Task.sleep(for: .milliseconds(100))
  }

  /// A line that cannot be understood is said and passed over.
  private static func execute(_ line: String, _ server: FeedServer) async throws -> Bool {
    do {
      guard let command = try FeedCommand(line) else { return true }
      return try await server.execute(command)
    } catch let error as FeedCommand.SyntaxError {
      say("\(error)")
    } catch let error as FeedTable.LineError {
      say(error.message)
    }
    return true
  }

  private static func say(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll("feedserver: \(text)\n".utf8)
  }

  /// The lines of standard input as they come; a thread of its own waits for them.
  private static var standardInput: AsyncThrowingStream<String, any Error> {
    AsyncThrowingStream { continuation in
      NIOThreadPool.singleton.submit { state in
        guard case .active = state else { return continuation.finish() }
        while let line = readLine() { continuation.yield(line) }
        continuation.finish()
      }
    }
  }
}
