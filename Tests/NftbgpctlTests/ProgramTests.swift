import Control
import Foundation
import Primitives
import Testing

@Suite("nftbgpctl against a daemon that is none")
struct ProgramTests {
  private func withDaemon(
    _ replies: [ControlReply], cutBy octets: Int = 0, _ body: (FakeDaemon) throws -> Void
  ) throws {
    let daemon = try FakeDaemon(answer: replies.flatMap { $0.encode() }.dropLast(octets))
    defer { daemon.stop() }
    try body(daemon)
  }

  private func withFile(_ body: (String) throws -> Void) throws {
    let directory = NSTemporaryDirectory() + "nftbgp-test-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try "old\n".write(toFile: directory + "/list", atomically: false, encoding: .utf8)
    try body(directory + "/list")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["list"])
  }

  private func prefixes(_ texts: String...) -> ControlReply {
    .prefixes(PrefixList(texts.compactMap { Prefix($0) }))
  }

  private let path = PathReport(
    number: 1, neighborAddress: .v4(IPv4Address(1)), neighborDescription: "", bgpID: nil, asPath: "65066", origin: .igp,
    nextHop: nil, multiExitDiscriminator: 0, localPreference: 100, isInternal: false, communities: [],
    largeCommunities: [], extendedCommunities: [])

  private func routes(_ count: Int) -> [ControlReply] {
    let routes = (0..<count).map {
      RouteReport(
        prefix: .v4(IPv4Prefix(host: IPv4Address(UInt32($0)))), path: 1, isValid: true, isBest: true, isStale: false,
        age: 1)
    }
    return [.path(path)]
      + stride(from: 0, to: count, by: 1_000).map { .routes(Array(routes[$0..<min(count, $0 + 1_000)])) }
  }

  @Test("Nobody listening is status 69, in bgpctl's words")
  func down() throws {
    let outcome = try nftbgpctl("-s", "/nonexistent/sock", "show")
    #expect(outcome.status == 69)
    #expect(outcome.errors == "nftbgpctl: connect: /nonexistent/sock: No such file or directory\n")
    let refused = try nftbgpctl("-s", "/etc/passwd", "show")
    #expect(refused.errors == "nftbgpctl: connect: /etc/passwd: Connection refused\n")
    #expect(refused.status == 69)
  }

  @Test("A whole answer is shown, status 0")
  func show() throws {
    try withDaemon(routes(3_000) + [.end]) { daemon in
      let outcome = try nftbgpctl("-s", daemon.socket, "s", "rib", "comm", "65066:666")
      #expect(outcome.status == 0)
      #expect(outcome.errors == "")
      #expect(outcome.output.split(separator: "\n", omittingEmptySubsequences: false).count == 4 + 3_000 + 1)
    }
  }

  @Test("A change that was carried out is answered as bgpctl answers it, and one that was not is not")
  func change() throws {
    let words = ["neighbor", "rs", "down", "flush", "back at nine"]
    try withDaemon([.end]) { daemon in
      let outcome = try run(["-s", daemon.socket] + words)
      #expect(outcome.status == 0)
      #expect(outcome.output == "request processed\n")
    }
    try withDaemon([.end], cutBy: 1) { daemon in
      let outcome = try run(["-s", daemon.socket] + words)
      #expect(outcome.status == 1)
      #expect(outcome.output == "")
    }
  }

  @Test("A refusal is its reason on standard error, status 1, and no output", arguments: [["-j"], []])
  func refusal(options: [String]) throws {
    try withDaemon([.failure("no such neighbor: x\u{1B}")]) { daemon in
      let outcome = try nftbgpctl("-s", daemon.socket, options.first ?? "--format=list", "show", "rib", "neighbor", "x")
      #expect(outcome.status == 1)
      #expect(outcome.output == "")
      #expect(outcome.errors == "nftbgpctl: no such neighbor: x\\u{1b}\n")
    }
  }

  @Test("An answer that breaks off is status 1", arguments: [1, 5, 6, 100])
  func brokenAnswer(missing: Int) throws {
    try withDaemon(routes(100) + [.end], cutBy: missing) { daemon in
      let outcome = try nftbgpctl("-s", daemon.socket, "show", "rib")
      #expect(outcome.status == 1)
      #expect(outcome.errors.hasPrefix("nftbgpctl: "))
    }
  }

  @Test("An answer that makes no sense is status 1")
  func malformed() throws {
    let daemon = try FakeDaemon(answer: [0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])
    defer { daemon.stop() }
    #expect(try nftbgpctl("-s", daemon.socket, "show").status == 1)
    try withDaemon([prefixes("192.0.2.1"), .end]) { daemon in
      let outcome = try nftbgpctl("-s", daemon.socket, "show", "rib")
      #expect(outcome.status == 1)
    }
  }

  @Test("A table is exported to standard output and to a file")
  func export() throws {
    try withDaemon([.role(.black), prefixes("198.51.100.0/24"), prefixes("192.0.2.1", "2001:db8::25"), .end]) {
      daemon in
      let lines = ["192.0.2.1", "198.51.100.0/24"]
      let outcome = try nftbgpctl("-s", daemon.socket, "export", "bgp_spamd")
      #expect(outcome.status == 0)
      #expect(outcome.output.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init) == lines)
      try withFile { file in
        let outcome = try nftbgpctl("-s", daemon.socket, "export", "bgp_spamd", "-o", file)
        #expect(outcome.status == 0)
        #expect(outcome.output == "")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init) == lines)
      }
    }
  }

  @Test("What an export says of an entry follows from the table's role, or is given")
  func exportRole() throws {
    for (role, entry) in [(TableReport.Role.black, "192.0.2.1 reject"), (.bypass, "192.0.2.1 permit")] {
      try withDaemon([.role(role), prefixes("192.0.2.1"), .end]) { daemon in
        let arguments = ["-s", daemon.socket, "export", "x", "--format", "postfix"]
        let outcome = try run(arguments)
        #expect(outcome.output.hasSuffix("\n\(entry)\n"))
        let given = try run(arguments + ["--value", "450 Later"])
        #expect(given.output.hasSuffix("\n192.0.2.1 450 Later\n"))
      }
    }
  }

  @Test("Whatever goes wrong with an export, the old file stays and nothing is printed")
  func exportFailures() throws {
    let wrong: [([ControlReply], Int)] = [
      ([.failure("no such table: x")], 0), ([prefixes("192.0.2.1"), .failure("overtaken")], 0),
      ([.role(.black), prefixes("192.0.2.1")], 0), ([.role(.black), prefixes("192.0.2.1"), .end], 1),
      ([.role(.black), .end], 0), ([.role(.black), prefixes("2001:db8::1"), .end], 0),
      ([prefixes("192.0.2.1"), .end], 0),
    ]
    for (replies, missing) in wrong {
      try withDaemon(replies, cutBy: missing) { daemon in
        try withFile { file in
          let outcome = try nftbgpctl("-s", daemon.socket, "export", "x", "--output", file)
          #expect(outcome.status == 1)
          #expect(try String(contentsOfFile: file, encoding: .utf8) == "old\n")
        }
        let outcome = try nftbgpctl("-s", daemon.socket, "export", "x")
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
      }
    }
  }

  @Test("An empty table replaces the file only when that is asked for")
  func allowEmpty() throws {
    try withDaemon([.role(.black), .end]) { daemon in
      try withFile { file in
        let outcome = try nftbgpctl("-s", daemon.socket, "export", "x", "-o", file, "--allow-empty")
        #expect(outcome.status == 0)
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("# entries 0\n"))
      }
    }
  }

  @Test("A file that cannot be written is status 1, with the call and the name")
  func unwritable() throws {
    try withDaemon([.role(.black), prefixes("192.0.2.1"), .end]) { daemon in
      let outcome = try nftbgpctl("-s", daemon.socket, "export", "x", "-o", "/nonexistent/list")
      #expect(outcome.status == 1)
      #expect(outcome.errors.hasPrefix("nftbgpctl: open /nonexistent/.nftbgp."))
      #expect(outcome.errors.hasSuffix(": No such file or directory\n"))
    }
  }

  @Test("A reader that has had enough is no error, a full disk is")
  func outputFailures() throws {
    try withDaemon(routes(50_000) + [.end]) { daemon in
      let pipe = Pipe()
      try pipe.fileHandleForReading.close()
      let gone = try nftbgpctl("-s", daemon.socket, "show", "rib", output: pipe.fileHandleForWriting)
      #expect(gone.status == 0)
      #expect(gone.errors == "")
      let full = try nftbgpctl("-s", daemon.socket, "show", "rib", output: FileHandle(forWritingAtPath: "/dev/full"))
      #expect(full.status == 1)
      #expect(full.errors == "nftbgpctl: write: standard output: No space left on device\n")
    }
  }

  @Test(
    "Words are checked before the daemon is asked, options are status 64",
    arguments: [
      (["show", "foo"], 1), (["s", "r"], 1), ([], 1), (["show", "rib", "community", "1"], 1), (["show", "fib"], 1),
      (["neighbor", "rs", "destroy"], 1), (["why", "mx"], 1), (["table", "x"], 1),
      (["why", "192.0.2.1", "--format", "list"], 64), (["neighbor", "rs", "up", "--allow-empty"], 64),
      (["--nonsense"], 64), (["show", "rib", "--format", "spamd"], 64), (["export", "x", "--format", "7.7"], 64),
      (["export", "x", "--value", "y"], 64), (["export", "x", "--format", "nginx", "--value", "y;"], 64),
      (["export", "a23456789012345678901234567", "--format", "ipset"], 64), (["show", "--value", "x"], 64),
      (["show", "-o", "x"], 64), (["export", "x", "-j"], 64), (["show", "metrics", "-j"], 64),
      (["show", "metrics", "--format", "7.7"], 64), (["-V"], 0), (["--version", "show"], 0),
    ] as [([String], Int32)])
  func usage(arguments: [String], status: Int32) throws {
    let arguments = ["-s", "/nonexistent/sock"] + arguments
    let outcome = try run(arguments)
    #expect(outcome.status == status)
    #expect(!outcome.errors.contains("connect"))
  }
}
