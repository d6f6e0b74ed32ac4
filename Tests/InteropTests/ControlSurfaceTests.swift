import Foundation
import Testing

extension InteropTier {
  @Suite("The control socket as a surface") struct ControlSurface {
    private static let configuration =
      NftbgpdUnderTest.configuration(neighbors: ["127.0.0.2"]) + NftbgpdUnderTest.shrinking

    /// A daemon with a session, whose KEEPALIVEs must come in time whatever clients do.
    private static func withSession(
      routes: Int = 1000, _ body: (Laboratory, NftbgpdUnderTest, ScriptedPeer) throws -> Void
    ) throws {
      try Laboratory.run { laboratory in
        let peer = try ScriptedPeer(laboratory, load: routes, holdTime: 9)
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, configuration + "socket \"\(laboratory.path("restricted.sock"))\" restricted\n")
        try nftbgpd.waitForLog("table complete with \(routes) prefixes", seconds: 60)
        try laboratory.wait("the tables are in the kernel", seconds: 60) { try nftbgpd.elementsInKernel() == routes }
        try body(laboratory, nftbgpd, peer)
        let hearing = try peer.report()
        #expect(hearing.state == "up" && hearing.gap < 9)
        #expect(nftbgpd.lines(with: "-> Established") == 1)
      }
    }

    private static func clients(
      _ laboratory: Laboratory, _ socket: String, _ arguments: String..., log: String = "clients.log"
    ) throws -> ScriptedPeer {
      try ScriptedPeer(laboratory, "clients", [socket] + arguments, log: log)
    }

    @Test("Of 200 clients at once 64 are answered and the others told why not; a socket has its own 64")
    func crowd() throws {
      try Self.withSession { laboratory, nftbgpd, _ in
        let crowd = try Self.clients(laboratory, laboratory.path("restricted.sock"), "crowd", "200")
        try crowd.waitFor("done", seconds: 60)
        let refusal = "64 clients are connected to this socket already; try again later"
        #expect(crowd.lines == ["136 \(refusal)", "64 answered", "done"])
        // Whoever may open the restricted socket does not shut out the operator.
        #expect(try nftbgpd.control("show").status == 0)
        let other = try Self.clients(laboratory, nftbgpd.socket, "crowd", "64", log: "other.log")
        try other.waitFor("done")
        #expect(other.lines == ["64 answered", "done"])
        let refused = try nftbgpd.control("show")
        #expect(refused.status != 0 && refused.errors.contains(refusal), "\(refused.errors)")
        crowd.end()
        other.end()
        try laboratory.wait("there is service again") { try nftbgpd.control("show").status == 0 }
      }
    }

    @Test(
      "Clients that ask for all routes and never read: four of a socket, in bounded memory, and nobody waits for them")
    func deaf() throws {
      let routes = loadedRoutes
      try Self.withSession(routes: routes) { laboratory, nftbgpd, peer in
        let before = try nftbgpd.memory("VmRSS")
        let deaf = try Self.clients(laboratory, nftbgpd.socket, "deaf", "20")
        try deaf.waitFor("answers begin", seconds: 60)
        let refused = try nftbgpd.control("show", "rib")
        #expect(refused.status != 0)
        #expect(refused.errors.contains("4 clients of this socket are reading routes or a table already"))
        // One prefix is no long answer, and the routes go on to change.
        #expect(try nftbgpd.routes("11.0.0.0/32") == ["11.0.0.0"])
        try peer.send("withdraw")
        let slowest = try nftbgpd.waitAsking(laboratory, "everything has left", seconds: 120) {
          try nftbgpd.elementsInKernel() == 0
        }
        let peak = try nftbgpd.memory("VmHWM")
        print(
          "measured: 20 clients that ask for \(routes) routes and do not read: \(before) MiB before, \(peak) MiB at most,",
          "slowest answer to another one \(slowest)")
        #expect(slowest < .seconds(5))
        // 48 octets of each route in each answer, its attributes, and what a sort and the others need.
        #expect(peak - before < 100 + 4 * routes * 128 / (1 << 20))
        deaf.end()
        try laboratory.wait("there is service again") { try nftbgpd.control("show", "rib").status == 0 }
      }
    }

    @Test("A listing of all routes does not hold up the session, nor other clients")
    func listing() throws {
      let routes = loadedRoutes
      try Self.withSession(routes: routes) { laboratory, nftbgpd, peer in
        let clock = ContinuousClock()
        let start = clock.now
        let list = nftbgpd.command("show", "rib")
        let listing = try laboratory.start(list[0], Array(list.dropFirst()), log: "listing")
        let slowest = try nftbgpd.waitAsking(laboratory, "the listing is complete", seconds: 60) { listing.hasEnded }
        let duration = clock.now - start
        #expect(listing.printed.split(separator: "\n").count == routes + 3)
        print("measured: \(routes) routes listed in \(duration), slowest answer to another one \(slowest)")
        #expect(slowest < .seconds(5))
        _ = try peer.report()
      }
    }

    @Test("What is no request is answered with why not; half a request with nothing")
    func garbage() throws {
      try Self.withSession { laboratory, nftbgpd, _ in
        let cases = [
          ("0100000001ff", "malformed control message: request kind 255"),
          ("0200000001", "control protocol version 2 is not supported"),
          ("474554202f20485454502f312e310d0a", "control protocol version 71 is not supported"),
          ("01ffffffff03", "a control message of 4294967295 octets is too long"),
          ("0100000000", "malformed control message: a frame without a kind"),
          ("010000000503ffffffff", "malformed control message"),
          ("0100000001010100000001ff", "answered"),
          ("00*1000000", "control protocol version 0 is not supported"),
          ("01", "closed"), ("010000", "closed"), ("010000000b030000", "closed"), ("", "closed"),
        ]
        let clients = try ScriptedPeer(laboratory, "clients", [nftbgpd.socket, "octets"] + cases.map(\.0))
        try clients.waitFor("done", seconds: 60)
        try #require(clients.lines.count == cases.count + 1)
        for (line, expected) in zip(clients.lines, cases) {
          #expect(line.hasPrefix(expected.1), "\(expected.0): \(line)")
        }
        #expect(try nftbgpd.control("show").status == 0)
      }
    }

    @Test("Clients that are gone at once, and ten thousand requests one after the other, leave nothing behind")
    func hurry() throws {
      try Self.withSession { laboratory, nftbgpd, _ in
        let descriptors = try nftbgpd.descriptors()
        let memory = try nftbgpd.memory("VmRSS")
        let vanishing = try Self.clients(laboratory, nftbgpd.socket, "vanish", "1000", log: "vanish.log")
        try vanishing.waitFor("done", seconds: 60)
        let rapid = try Self.clients(laboratory, nftbgpd.socket, "rapid", "5000", log: "rapid.log")
        let words = try rapid.waitFor("rapid", seconds: 120)
        #expect(words.contains("rapid 5000 wrong 0"))
        print("measured: \(words), then \(try nftbgpd.memory("VmRSS")) MiB after \(memory) MiB")
        try laboratory.wait("no descriptor is left of them") { try nftbgpd.descriptors() <= descriptors }
        #expect(try nftbgpd.memory("VmRSS") - memory < 24)
      }
    }

    @Test("A restricted socket shows, and refuses what changes anything")
    func restricted() throws {
      try Self.withSession { laboratory, nftbgpd, _ in
        let control = { (words: [String]) in
          try laboratory.run(
            Laboratory.product("nftbgpctl"), ["-s", laboratory.path("restricted.sock")] + words)
        }
        #expect(try control(["show", "rib"]).output.split(separator: "\n").count == 1003)
        let changes = [
          ["neighbor", "127.0.0.2", "down"], ["neighbor", "127.0.0.2", "up"], ["neighbor", "127.0.0.2", "clear"],
          ["neighbor", "127.0.0.2", "refresh"], ["neighbor", "127.0.0.2", "down", "flush"],
          ["table", "bgp_spamd", "accept"],
        ]
        for words in changes {
          let outcome = try control(words)
          #expect(outcome.status != 0, "\(words)")
          #expect(outcome.errors.contains("this socket is restricted"), "\(words): \(outcome.errors)")
        }
        #expect(try nftbgpd.elementsInKernel() == 1000)
      }
    }
  }
}
