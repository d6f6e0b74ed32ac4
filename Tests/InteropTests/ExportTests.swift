import Foundation
import Testing

extension InteropTier {
  @Suite("Exported files") struct Export {
    /// Its order as text is not that of its addresses.
    private static let feed = Feed(
      black: [
        "45.0.2.10/32", "45.0.2.9/32", "45.51.100.0/24", "11.1.2.3/32", "2a00:db8::25/128", "2a00:db8:bad::/48",
      ],
      bypass: ["45.0.113.7/32"])
    private static let entries = ["11.1.2.3", "45.0.2.9", "45.0.2.10", "45.51.100.0/24"]
    private static let old = "# the last good list\n45.0.2.77\n"

    @Test("The list of nftbgpctl and that of the daemon are ascending, with networks, and without IPv6")
    func contents() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed)
        let export = laboratory.path("black")
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address], export: export)
        try nftbgpd.waitForLog("table complete with 7 prefixes")
        try ExportedList.wait(for: Self.entries, in: export, laboratory)

        let file = try laboratory.write(Self.old, to: "list")
        let outcome = try nftbgpd.control("export", "bgp_spamd", "--output", file)
        #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
        for (path, generator) in [(file, "nftbgpctl"), (export, "nftbgpd")] {
          let list = try ExportedList(path)
          #expect(list.entries == Self.entries)
          #expect(
            list.comments.prefix(3) == ["# table bgp_spamd", "# entries 4", "# IPv6 entries left out 2"], "\(path)")
          #expect(list.comments.contains { $0.hasPrefix("# generator \(generator) ") })
        }
        let shown = try nftbgpd.control("export", "bgp_spamd_bypass")
        #expect(shown.status == 0 && ExportedList(text: shown.output).entries == ["45.0.113.7"])
      }
    }

    @Test("Without a daemon the old file stays and the exit status is 69")
    func withoutDaemon() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Self.feed)
        let export = laboratory.path("black")
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address], export: export)
        try ExportedList.wait(for: Self.entries, in: export, laboratory)
        let written = Child.text(export)
        try nftbgpd.terminate()
        let file = try laboratory.write(Self.old, to: "list")
        let outcome = try nftbgpd.control("export", "bgp_spamd", "--output", file)
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("connect: \(nftbgpd.socket)"))
        #expect(Child.text(file) == Self.old)
        #expect(Child.text(export) == written)
      }
    }

    @Test("While no session has come up, no file is written")
    func withoutSession() throws {
      try Laboratory.run { laboratory in
        let export = try laboratory.write(Self.old, to: "black")
        let file = try laboratory.write(Self.old, to: "list")
        // What an earlier run left in the kernel is no reason to write one.
        try Kernel.command(
          "add table \(Kernel.table); add set \(Kernel.table) bgp_spamd { type ipv4_addr; }; "
            + "add element \(Kernel.table) bgp_spamd { 45.0.2.1 }", laboratory)
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"], export: export)
        try nftbgpd.waitForLog("Connection refused", times: 2)
        let outcome = try nftbgpd.control("export", "bgp_spamd", "--output", file)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("table bgp_spamd is not known yet"))
        #expect(Child.text(file) == Self.old)
        try nftbgpd.terminate()
        #expect(Child.text(export) == Self.old)
      }
    }

    @Test("When the disk is full, the old files stay")
    func fullDisk() throws {
      try Laboratory.run { laboratory in
        let disk = try laboratory.smallDisk("disk", kibibytes: 64)
        let export = try laboratory.write(Self.old, to: "disk/black")
        let file = try laboratory.write(Self.old, to: "disk/list")
        let server = try FeedServer(laboratory, address: "127.0.0.2", Feed(black: Feed.hosts(0..<8_000)))
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: [server.address], export: export)
        try nftbgpd.waitForLog("\(export) stays as it was")
        #expect(nftbgpd.lines(with: "No space left on device") == 1)
        #expect(Child.text(export) == Self.old)

        let outcome = try nftbgpd.control("export", "bgp_spamd", "--output", file)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("No space left on device"))
        #expect(Child.text(file) == Self.old)
        // No half list is left behind to fill the disk for others.
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk).sorted() == ["black", "list"])
        #expect(!nftbgpd.hasEnded)
      }
    }
  }
}
