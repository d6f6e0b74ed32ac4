import Foundation
import TestSupport
import Testing

extension InteropTier {
  @Suite("The journal") struct Journal {
    /// A systemd-journald with a /run of its own, in a mount namespace.
    private struct Journald {
      let laboratory: Laboratory
      private let daemon: Child

      init(_ laboratory: Laboratory) throws {
        self.laboratory = laboratory
        let script = """
          mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal &&
          printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\n' >/run/systemd/journald.conf.d/test.conf &&
          exec /lib/systemd/systemd-journald
          """
        daemon = try laboratory.start(
          "unshare", ["--mount", "--propagation", "private", "sh", "-c", script], log: "journald.log")
        let isThere = enter + ["test", "-S", "/run/systemd/journal/socket"]
        try laboratory.wait("systemd-journald listens") {
          try laboratory.run(isThere[0], Array(isThere.dropFirst())).status == 0
        }
      }

      /// A command that becomes another one, where the journal is.
      var enter: [String] { ["nsenter", "--mount", "--target", "\(daemon.pid)"] }

      /// The same with standard error leading to the journal, as systemd starts services.
      var launcher: [String] {
        enter + [
          "systemd-cat", "sh", "-c",
          "JOURNAL_STREAM=$(stat --dereference --format=%d:%i /proc/self/fd/2) exec \"$@\"", "sh",
        ]
      }

      /// The fields of the entries of nftbgpd that match.
      func entries(_ matches: String...) throws -> [[String: Any]] {
        let command = enter + ["journalctl", "--quiet", "--output=json", "SYSLOG_IDENTIFIER=nftbgpd"] + matches
        let outcome = try laboratory.run(command[0], Array(command.dropFirst()))
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try outcome.output.split(separator: "\n").map { line in
          try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
      }
    }

    // The numbers are those of nftbgpd(8).
    @Test("systemd-journald takes each line with its level and fields, and journalctl finds it by them")
    func fields() throws {
      try Laboratory.run { laboratory in
        let journal = try Journald(laboratory)
        let server = try FeedServer(laboratory, address: "127.0.0.2", Feed(black: ["45.0.9.1/32", "0.0.0.0/0"]))
        let nftbgpd = try NftbgpdUnderTest(
          laboratory, NftbgpdUnderTest.configuration(neighbors: ["127.0.0.2"]), launcher: journal.launcher)
        let complete = "MESSAGE_ID=8a95d5ee9c6e46778e63507392404c29"
        try laboratory.wait("the journal has it that the table is complete") {
          try !journal.entries(complete, "BGP_PEER=127.0.0.2").isEmpty
        }
        let entry = try #require(try journal.entries(complete).first)
        #expect((entry["MESSAGE"] as? String)?.contains("table complete with 2 prefixes") == true)
        #expect(entry["PRIORITY"] as? String == "6" && entry["_TRANSPORT"] as? String == "journal")
        #expect(entry["_PID"] as? String == "\(nftbgpd.pid)")
        let refused = try #require(
          try journal.entries("MESSAGE_ID=6f48251000904fe28d4950f87a456ee3", "NFT_SET=bgp_spamd").first)
        #expect(refused["PRIORITY"] as? String == "4")
        #expect((refused["MESSAGE"] as? String)?.contains("0.0.0.0/0 is kept out of bgp_spamd") == true)
        #expect(try !journal.entries("MESSAGE_ID=746dd0bd4bcb447b9bf778e3a1919c58").isEmpty)
        #expect(try journal.entries("_TRANSPORT=stdout").isEmpty, "nothing goes by standard error")
        try nftbgpd.terminate()
        #expect(try journal.entries("MESSAGE_ID=baec062a9c94449284642377efadef95").count == 1)
        try server.stop()
      }
    }
  }
}
