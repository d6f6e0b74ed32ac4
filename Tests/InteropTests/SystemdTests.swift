import Foundation
import Glibc
import Testing

extension InteropTier {
  @Suite("systemd") struct Systemd {
    /// A machine of its own, as far as systemd knows, that has been installed as README.md says: see Tests/Fixtures/systemd/boot.
    private final class Machine {
      private let laboratory: Laboratory
      private let daemon: Child
      /// Its first process.
      private var first = ""
      /// Conf of the repository.
      let conf: String

      /// Boots it with the configuration and the snapshot of the last run.
      init(_ laboratory: Laboratory) throws {
        self.laboratory = laboratory
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        conf = root.deletingLastPathComponent().appendingPathComponent("Conf").path
        daemon = try laboratory.start(
          root.appendingPathComponent("Fixtures/systemd/boot").path, [laboratory.directory, conf, Laboratory.products],
          log: "boot.log")
        try laboratory.wait("systemd has booted") {
          if daemon.hasEnded { throw Unexpected("boot has ended: \(daemon.printed)") }
          let children = Child.text("/proc/\(daemon.pid)/task/\(daemon.pid)/children")
          first = children.split(separator: " ").first.map(String.init) ?? ""
          return try !first.isEmpty && run("systemctl", "is-active", "lab.target").status == 0
        }
      }

      /// Runs a program on it.
      @discardableResult
      func run(_ words: String...) throws -> Laboratory.Outcome {
        try laboratory.run("nsenter", ["--all", "--target", first] + words)
      }

      func property(_ name: String, of unit: String = "nftbgpd") throws -> String {
        try run("systemctl", "show", "--property=\(name)", "--value", unit).output
          .trimmingCharacters(in: .whitespacesAndNewlines)
      }

      func number(_ name: String, of unit: String) throws -> Int { try #require(Int(try property(name, of: unit))) }

      func wait(_ what: String, _ name: String, is value: String) throws {
        try laboratory.wait(what) { try property(name) == value }
      }

      /// What the kernel holds there.
      func elements() throws -> String { try run("nft", "list", "table", "inet", "nftbgpd").output }

      /// Pulls the plug.
      func end() {
        for process in [first, "\(daemon.pid)"].compactMap({ pid_t($0) }) { kill(process, SIGKILL) }
        _ = try? daemon.wait(seconds: 10)
        // Its groups of processes are empty a moment later.
        let remove = """
          mount -t cgroup2 cgroup2 "$0" && for attempt in $(seq 50); do
            find "$0/nftbgpd-test" -depth -type d -exec rmdir {} + 2>/dev/null
            test -d "$0/nftbgpd-test" || exit 0
            sleep 0.1
          done
          exit 1
          """
        let outcome = try? laboratory.run("unshare", ["--mount", "sh", "-c", remove, laboratory.path("cgroup")])
        #expect(outcome?.status == 0, "its group of processes is removed")
      }
    }

    private static let configuration = """
      AS 65500
      connect-retry 1
      neighbor 127.0.0.2 {
        remote-as 65066
        multihop 64
      }
      allow from any
      match from any community 65066:666 set pftable "bgp_spamd"
      export table "bgp_spamd" to "/var/lib/nftbgpd/bgp_spamd.black"

      """

    @Test("The units start it at boot with the sets already filled, under its own user, watch it, and stop it")
    func units() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Feed(black: ["45.0.9.1/32", "45.0.8.0/24"]))
        let before = try NftbgpdUnderTest(
          laboratory, Self.configuration.replacing("/var/lib/nftbgpd", with: laboratory.directory))
        try before.waitForLog("table complete with 2 prefixes")
        try before.terminate()
        try server.stop()
        try laboratory.write(Self.configuration, to: "nftbgpd.conf")

        let machine = try Machine(laboratory)
        defer { machine.end() }
        #expect(try machine.property("ActiveState") == "active")
        #expect(try machine.run("systemctl", "--failed", "--no-legend").output == "")
        // The firewall has flushed everything before.
        let flushed = try machine.number("ExecMainExitTimestampMonotonic", of: "nftables")
        let restored = try machine.number("ExecMainExitTimestampMonotonic", of: "nftbgpd-restore")
        let network = try machine.number("ActiveEnterTimestampMonotonic", of: "network-pre.target")
        #expect(flushed <= restored && restored <= network)
        #expect(try machine.property("Result", of: "nftbgpd-restore") == "success")
        #expect(try machine.elements().contains("45.0.8.0/24") && machine.elements().contains("45.0.9.1"))
        try machine.wait("the state is told", "StatusText", is: "0/1 neighbors up, 2 prefixes in bgp_spamd")

        let pid = try machine.property("MainPID")
        let status = try machine.run("cat", "/proc/\(pid)/status").output.split(separator: "\n")
        for line in ["CapEff:\t0000000000001000", "CapBnd:\t0000000000001000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
          #expect(status.contains { $0 == line }, "\(line)")
        }
        #expect(try machine.run("stat", "--format=%U", "/proc/\(pid)").output == "_nftbgpd\n")
        let list = "/root/feed.list"
        try machine.run("sh", "-c", "echo '45.0.9.2/32 65066:666' >\(list)")
        try machine.run("systemd-run", "feedserver", "--listen", "127.0.0.2", list)
        try machine.wait("the feed is in", "StatusText", is: "1/1 neighbors up, 1 prefixes in bgp_spamd")
        #expect(try machine.elements().contains("45.0.9.2") && !machine.elements().contains("45.0.9.1"))
        try laboratory.wait("mail software can read the export") {
          try machine.run("setpriv", "--reuid", "65534", "--clear-groups", "cat", "/var/lib/nftbgpd/bgp_spamd.black")
            .output.contains("45.0.9.2")
        }
        let lines = try machine.run("journalctl", "--unit=nftbgpd", "--output=cat", "_TRANSPORT=stdout").output
        #expect(lines == "", "everything goes to the journal itself")

        try machine.run("sh", "-c", "echo 'table bgp_spamd { inet prefixlen 32 - 32 }' >>/etc/nftbgpd.conf")
        #expect(try machine.run("systemctl", "reload", "nftbgpd").status == 0)
        #expect(try machine.property("MainPID") == pid)
        try laboratory.wait("it has read its configuration again") {
          try machine.run("journalctl", "--unit=nftbgpd", "--output=cat").output.contains("configuration reloaded")
        }

        let dropIns = "/etc/systemd/system/nftbgpd.service.d"
        let example = try String(
          contentsOfFile: "\(machine.conf)/systemd/nftbgpd.service.d/listen-179.conf.example", encoding: .utf8)
        try machine.run("mkdir", dropIns)
        try machine.run("sh", "-c", "printf %s \"$0\" >\(dropIns)/listen-179.conf", example)
        try machine.run("sh", "-c", "printf '[Service]\\nWatchdogSec=2s\\n' >\(dropIns)/watchdog.conf")
        try machine.run("sh", "-c", "echo 'listen on 127.0.0.1' >>/etc/nftbgpd.conf")
        try machine.run("systemctl", "daemon-reload")
        try #require(try machine.run("systemctl", "restart", "nftbgpd").status == 0, "it may listen on port 179")
        let stopped = try machine.property("MainPID")
        try #require(stopped != "0")
        try machine.run("kill", "-STOP", stopped)
        try machine.wait("the watchdog has started it anew", "NRestarts", is: "1")
        try machine.wait("it is there again", "ActiveState", is: "active")
        #expect(try machine.property("MainPID") != stopped)

        #expect(try machine.run("systemctl", "stop", "nftbgpd").status == 0)
        #expect(try machine.property("Result") == "success")
        #expect(try machine.elements().contains("45.0.9.2"))
      }
    }
  }
}
