import Foundation
import Testing

extension InteropTier {
  @Suite("Commands after an export") struct ExportHooks {
    private static let feed = Feed(black: ["45.0.2.9/32", "2a00:db8::25/128"], bypass: ["45.0.113.7/32"])

    @Test("A command is run once for the files that share it, with nothing of the daemon's; how others end is logged")
    func commands() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed)
        let shared =
          "cat \(laboratory.path("black")) \(laboratory.path("bypass")) > \(laboratory.path("seen"));"
          + " env > \(laboratory.path("environment")); ls -l /proc/self/fd > \(laboratory.path("files"));"
          + " echo run >> \(laboratory.path("runs"))"
        let failing = "echo more >&2; echo cannot do it >&2; exit 3"
        let hanging = "trap '' TERM; sleep 300 & echo $! > \(laboratory.path("pid")); echo on it >&2; wait"
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          NftbgpdUnderTest.configuration(neighbors: [server.address]) + """
            export table bgp_spamd to "\(laboratory.path("black"))" format postfix run "\(shared)"
            export table bgp_spamd_bypass to "\(laboratory.path("bypass"))" format postfix run "\(shared)"
            export table bgp_spamd to "\(laboratory.path("failing"))" format exim value "delay: it" run "\(failing)"
            export table bgp_spamd to "\(laboratory.path("hanging"))" run "\(hanging)" timeout 1

            """)
        try nftbgpd.waitForLog("ran \"cat ")
        #expect(
          try ExportedList(laboratory.path("seen")).entries == [
            "45.0.2.9 reject", "2a00:db8::25 reject", "45.0.113.7 permit",
          ])
        let variables = Child.text(laboratory.path("environment")).split(separator: "\n").map {
          $0.prefix { $0 != "=" }
        }
        #expect(Set(variables).isSubset(of: ["PATH", "PWD", "_", "OLDPWD", "SHLVL"]), "\(variables)")
        // Its three, and the directory that ls reads.
        #expect(Child.text(laboratory.path("files")).split(separator: "\n").count { $0.contains("->") } == 4)
        try nftbgpd.waitForLog("exit status 3: cannot do it")
        #expect(
          try ExportedList(laboratory.path("failing")).entries == [
            "45.0.2.9: delay: it", "\"2a00:db8::25\": delay: it",
          ])
        try nftbgpd.waitForLog("killed after 1 s: on it")
        let pid = Child.text(laboratory.path("pid")).trimmingCharacters(in: .whitespacesAndNewlines)
        try laboratory.wait("process \(pid) is gone") { Child.text("/proc/\(pid)/cmdline").isEmpty }
        #expect(Child.text(laboratory.path("runs")) == "run\n")
        let mode = try FileManager.default.attributesOfItem(atPath: laboratory.path("black"))[.posixPermissions] as? Int
        #expect(mode == 0o644)
      }
    }

    @Test("After a restart with the same table, the file is not touched and its command not run")
    func unchanged() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed)
        let runs = laboratory.path("runs")
        let configuration =
          NftbgpdUnderTest.configuration(neighbors: [server.address]) + """
            export table bgp_spamd to "\(laboratory.path("black"))" run "echo run >> \(runs)"

            """
        let first = try NftbgpdUnderTest(laboratory, configuration, log: "first.log")
        try first.waitForLog("ran \"echo run")
        let inode = try Self.inode(laboratory.path("black"))
        try first.terminate()

        let second = try NftbgpdUnderTest(laboratory, configuration, ["-v"], log: "second.log")
        try second.waitForLog("black has the 1 entries of bgp_spamd already")
        #expect(try Self.inode(laboratory.path("black")) == inode)
        try server.send("announce 45.0.2.10/32 65066:666")
        try second.waitForLog("ran \"echo run")
        #expect(Child.text(runs) == "run\nrun\n")
        #expect(try Self.inode(laboratory.path("black")) != inode)
      }
    }

    @Test("The end of the daemon is the end of a command that is running")
    func end() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed)
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          NftbgpdUnderTest.configuration(neighbors: [server.address]) + """
            export table bgp_spamd to "\(laboratory.path("black"))" run "echo $$ > \(laboratory.path("pid")); exec sleep 300"

            """)
        try laboratory.wait("the command is running") { Child.text(laboratory.path("pid")).hasSuffix("\n") }
        let pid = Child.text(laboratory.path("pid")).trimmingCharacters(in: .whitespacesAndNewlines)
        try nftbgpd.terminate()
        #expect(Child.text("/proc/\(pid)/cmdline").isEmpty)
      }
    }

    private static func inode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
    }
  }
}
