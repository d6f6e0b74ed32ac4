import Foundation
import Testing

extension InteropTier {
  /// Each cell of the table is a check of its own; a cell that fails ends the column and the test.
  @Suite("Five implementations as servers") struct Servers {
    private static let key = "mekmitasdigoat"

    @Test(
      "Every row of the interop table holds, or what the server cannot do is said", arguments: Implementation.allCases)
    func column(_ implementation: Implementation) throws {
      defer { if implementation == Implementation.allCases.last { print("interop table:\n\(InteropTable.text)") } }
      try Laboratory.run { try Self.protection(of: implementation, $0) }
      try Laboratory.run { try ServerLife(implementation, $0).live() }
      #expect(InteropTable.missing(implementation).isEmpty)
    }

    /// The rows that need a session with a key, or one without graceful restart.
    private static func protection(of implementation: Implementation, _ laboratory: Laboratory) throws {
      let feed = Feed(black: ["45.0.2.1/32", "2a00:db8::25/128"], bypass: ["45.0.2.2/32"])
      let server = try implementation.start(laboratory, feed, key: key)
      let address = implementation.address
      let neighbor = { (key: String) in "\(address) {\n    tcp md5sig password \"\(key)\"\n  }" }
      var found: NftbgpdUnderTest?
      try InteropTable.fill(.key, implementation) {
        let stranger = try NftbgpdUnderTest(laboratory, neighbors: [neighbor("wrong")], log: "nftbgpd-stranger.log")
        try stranger.waitForLog("no SYN-ACK", times: 2)
        let shown = try stranger.control("show", "neighbor", address).output
        let words = "connection timed out: no SYN-ACK; check the MD5 key on both sides, the address and the firewall"
        try #require(shown.contains("Last attempt to connect: \(words)"), "\(shown)")
        try #require(stranger.lines(with: "OpenSent") == 0)
        try #require(try !server.isEstablished())
        try stranger.terminate()
        let friend = try NftbgpdUnderTest(laboratory, neighbors: [neighbor(key)], log: "nftbgpd-friend.log")
        try Kernel.wait(for: Feed.sets(feed), laboratory)
        try #require(friend.lines(with: "no SYN-ACK") == 0)
        found = friend
        return .works()
      }
      let nftbgpd = try #require(found)
      try InteropTable.fill(.cease, implementation) {
        try cease(implementation, server, nftbgpd, laboratory, feed)
      }
      if implementation == .exaBGP { try enhancedRefresh(nftbgpd, laboratory, feed) }
    }

    /// Why ExaBGP is not offered enhanced route refresh in the other life: it ends the session. Nothing is lost by that.
    private static func enhancedRefresh(
      _ nftbgpd: NftbgpdUnderTest, _ laboratory: Laboratory, _ feed: Feed
    ) throws {
      let sessions = nftbgpd.lines(with: "-> Established")
      let tables = nftbgpd.lines(with: "table complete")
      try #require(try nftbgpd.control("neighbor", ExaBGP.address, "refresh").status == 0)
      try nftbgpd.waitForLog("-> Established", times: sessions + 1)
      try nftbgpd.waitForLog("table complete", times: tables + 1)
      try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
    }

    private static func cease(
      _ implementation: Implementation, _ server: any RouteServer, _ nftbgpd: NftbgpdUnderTest,
      _ laboratory: Laboratory, _ feed: Feed
    ) throws -> InteropTable.Cell {
      // What comes from it.
      let text = "rebooting for the kernel"
      let sent = implementation == .exaBGP ? "Administrative Shutdown" : text
      try server.shutDown(text)
      try nftbgpd.waitForLog("received notification: Cease, administratively down, \"\(sent)\"")
      var notes: [String] = []
      if implementation == .exaBGP {
        try #require(!nftbgpd.log.contains(text))
        notes.append("it always sends \"\(sent)\" as the text")
      } else {
        let shown = try nftbgpd.control("show", "neighbor", implementation.address).output
        try #require(shown.contains("Last received shutdown reason: \"\(text)\""), "\(shown)")
        try #require(shown.contains("Last error received: Cease, administratively down"))
      }
      try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
      try server.resume()
      try nftbgpd.waitForLog("-> Established", times: 2, seconds: 60)
      try nftbgpd.waitForLog("table complete", times: 2, seconds: 60)

      // What goes to it.
      let ours = "maintenance until nine"
      try #require(try nftbgpd.control("neighbor", implementation.address, "down", ours).status == 0)
      try laboratory.wait("it has heard that") { try !server.isEstablished() }
      let told = implementation == .exaBGP ? "can not decode update message of type \"3\"" : ours
      try laboratory.wait("it tells '\(told)'") { try server.report().contains(told) }
      if implementation == .exaBGP {
        notes.append("it cannot decode a Cease with a text, and ends the session all the same")
      }
      try #require(try nftbgpd.control("neighbor", implementation.address, "up").status == 0)
      try nftbgpd.waitForLog("table complete", times: 3, seconds: 60)
      try #require(try Kernel.sets(laboratory) == Feed.sets(feed))
      return .works(notes.joined(separator: "; "))
    }
  }
}
