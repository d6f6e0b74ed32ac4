import Foundation
import Glibc
import TestSupport
import Testing

extension InteropTier {
  @Suite("The service") struct Service {
    private static let feed = Feed(black: Feed.hosts(0..<3000) + ["45.0.9.0/24"], bypass: ["45.1.9.0/24"])
    private static let configuration = NftbgpdUnderTest.configuration(neighbors: ["127.0.0.2"])

    /// env(1) with a service manager, whose watchdog would act after a number of seconds.
    private static func launcher(_ receiver: DatagramReceiver, watchdog: Int? = nil) -> [String] {
      ["env", "NOTIFY_SOCKET=\(receiver.name)"] + (watchdog.map { ["WATCHDOG_USEC=\($0 * 1_000_000)"] } ?? [])
    }

    /// Leaves the feed in the snapshot, and nothing in the kernel.
    private func leaveSnapshot(_ laboratory: Laboratory) throws {
      let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed)
      let before = try NftbgpdUnderTest(laboratory, Self.configuration)
      try before.waitForLog("table complete")
      try Kernel.wait(for: Feed.sets(Self.feed), laboratory)
      try before.terminate()
      try server.stop()
      try Kernel.removeTable(laboratory)
    }

    @Test("READY comes when the sets are as the last run left them, without any neighbor; then the state, and STOPPING")
    func notifications() throws {
      try Laboratory.run { laboratory in
        try leaveSnapshot(laboratory)
        let receiver = try DatagramReceiver(laboratory.path("notify"))
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, Self.configuration, log: "after.log", launcher: Self.launcher(receiver))
        let start = try #require(receiver.lines(until: { $0 == "READY=1" }, within: 30))
        #expect(try Kernel.sets(laboratory) == Feed.sets(Self.feed))
        #expect(try nftbgpd.control("show").status == 0)
        #expect(!start.contains { $0.hasPrefix("WATCHDOG") })
        let count = Self.feed.sorted.count { $0.listing == .black }.formatted(.number.locale(.init(identifier: "en")))
        let tables = "1 prefixes in bgp_spamd_bypass, \(count) in bgp_spamd"
        let state = "STATUS=0/1 neighbors up, \(tables)"
        #expect(start.contains(state) || receiver.lines(until: { $0 == state }, within: 20) != nil)
        let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed)
        #expect(receiver.lines(until: { $0 == "STATUS=1/1 neighbors up, \(tables)" }, within: 30) != nil)
        try nftbgpd.terminate()
        #expect(receiver.lines(until: { $0 == "STOPPING=1" }, within: 1) != nil)
        try server.stop()
      }
    }

    @Test("There is no READY where the configuration, or the control socket, is of no use")
    func failure() throws {
      try Laboratory.run { laboratory in
        let receiver = try DatagramReceiver(laboratory.path("notify"))
        let bad = try NftbgpdUnderTest(laboratory, "AS 0\n", launcher: Self.launcher(receiver))
        #expect(try bad.wait() == 78)
        let first = try NftbgpdUnderTest(laboratory, Self.configuration)
        try laboratory.wait("it answers") { try first.control("show").status == 0 }
        let second = try NftbgpdUnderTest(
          laboratory, Self.configuration, log: "second.log", launcher: Self.launcher(receiver))
        #expect(try second.wait() == 1)
        #expect(second.lines(with: "another nftbgpd is running there") == 1)
        #expect(receiver.lines(until: { $0 == "READY=1" }, within: 0.5) == nil)
        try first.terminate()
      }
    }

    @Test("The watchdog is fed until the table thread hangs, though the sessions' event loop does not")
    func watchdog() throws {
      try Laboratory.run { laboratory in
        let receiver = try DatagramReceiver(laboratory.path("notify"))
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, Self.configuration, launcher: Self.launcher(receiver, watchdog: 2))
        try #require(receiver.lines(until: { $0 == "READY=1" }, within: 30) != nil)
        for _ in 0..<3 { #expect(receiver.lines(until: { $0 == "WATCHDOG=1" }, within: 20) != nil) }
        // Only netlink is read by this call, so only that thread waits.
        let strace = try nftbgpd.injectFaults("recvmsg:delay_enter=60000000", into: "strace.out")
        // Longer than the service manager would wait.
        try laboratory.wait("the watchdog is not fed for twice its time", seconds: 40) {
          receiver.lines(until: { $0 == "WATCHDOG=1" }, within: 4) == nil
        }
        #expect(try nftbgpd.control("show").output.contains("127.0.0.2"), "the event loop goes on")
        strace.end()
        #expect(receiver.lines(until: { $0 == "WATCHDOG=1" }, within: 20) != nil)
        try nftbgpd.terminate()
      }
    }

    @Test("A first look at the sets that takes long asks for more time, for as long as it goes on")
    func longStart() throws {
      try Laboratory.run { laboratory in
        try leaveSnapshot(laboratory)
        #expect(try NftbgpdUnderTest.restore(laboratory).status == 0)
        let receiver = try DatagramReceiver(laboratory.path("notify"))
        // Each part of what the kernel tells is late; WATCHDOG_USEC sets how often it is asked for more time.
        let strace = [
          "strace", "-D", "-f", "-qq", "-o", laboratory.path("strace.out"), "-e", "trace=recvmsg", "-e",
          "inject=recvmsg:delay_enter=10000",
        ]
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, Self.configuration, log: "after.log",
          launcher: Self.launcher(receiver, watchdog: 1) + strace)
        let lines = try #require(receiver.lines(until: { $0 == "READY=1" }, within: 60))
        #expect(lines.contains("EXTEND_TIMEOUT_USEC=1500000"))
        #expect(!lines.contains("WATCHDOG=1"))
        #expect(try Kernel.sets(laboratory) == Feed.sets(Self.feed))
        try nftbgpd.terminate()
      }
    }

    @Test("Without any privilege but CAP_NET_ADMIN it fills and repairs the sets, signs its sessions and answers")
    func unprivileged() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed, ["--md5", "secret"])
        let receiver = try DatagramReceiver(laboratory.path("notify"))
        let program = laboratory.path("nftbgpd-copy")
        try FileManager.default.copyItem(atPath: Laboratory.product("nftbgpd"), toPath: program)
        let user = "65534"
        let launcher = [
          // The configuration is written before this.
          "sh", "-c", "chown -R \(user):\(user) \(laboratory.directory) && exec \"$@\"", "sh",
          "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs", "--inh-caps",
          "-all,+net_admin", "--ambient-caps", "-all,+net_admin", "--bounding-set", "-all,+net_admin",
        ]
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, Self.configuration.replacing("multihop 64", with: "multihop 64\n  tcp md5sig password secret"),
          launcher: launcher + Self.launcher(receiver), program: program)
        try #require(receiver.lines(until: { $0 == "READY=1" }, within: 30) != nil)
        try nftbgpd.waitForLog("table complete")
        try Kernel.wait(for: Feed.sets(Self.feed), laboratory)
        let status = Child.text("/proc/\(nftbgpd.pid)/status").split(separator: "\n")
        #expect(status.contains("CapEff:\t0000000000001000") && status.contains("CapBnd:\t0000000000001000"))
        #expect(status.contains("Uid:\t\(user)\t\(user)\t\(user)\t\(user)") && status.contains("NoNewPrivs:\t1"))
        try Kernel.removeTable(laboratory)
        try Kernel.wait(for: Feed.sets(Self.feed), laboratory)
        #expect(try nftbgpd.control("log", "verbose").output == "logging request sent.\n")
        #expect(nftbgpd.lines(with: "received OPEN") == 0)
        #expect(try nftbgpd.control("neighbor", "127.0.0.2", "clear").status == 0)
        try nftbgpd.waitForLog("received OPEN: AS 65066")
        try nftbgpd.terminate()
        try server.stop()
      }
    }
  }
}
