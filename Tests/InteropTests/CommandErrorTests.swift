import Testing

extension InteropTier {
  @Suite("nftbgpctl's errors") struct CommandErrors {
    @Test("What cannot be answered is said on standard error, with a status that is not zero")
    func refused() throws {
      try Laboratory.run { laboratory in
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"])
        try laboratory.wait("the daemon answers") { try nftbgpd.control("show").status == 0 }
        let cases: [(words: [String], status: Int, message: String)] = [
          (["show", "neighbor", "45.0.2.99"], 1, "nftbgpctl: no such neighbor: 45.0.2.99\n"),
          (["show", "rib", "neighbor", "nobody"], 1, "nftbgpctl: no such neighbor: nobody\n"),
          (["show", "rib", "community", "65066"], 1, "nftbgpctl: Bad community syntax\n"),
          (["show", "rib", "community", "70000:1"], 1, "nftbgpctl: Community 70000 is too large (max: 65535)\n"),
          (["export", "nothing"], 1, "nftbgpctl: no such table: nothing (tables: bgp_spamd_bypass, bgp_spamd)\n"),
          (["show", "nonsense"], 1, "unknown argument: nonsense\n"),
          (["show", "r"], 1, "ambiguous argument: r\n"),
          (["--format", "nonsense", "show", "rib"], 64, "Error: --format nonsense: one of classic, 7.7, list.\n"),
        ]
        for (words, status, message) in cases {
          let outcome = try laboratory.run(Laboratory.product("nftbgpctl"), ["-s", nftbgpd.socket] + words)
          #expect(outcome.status == status, "\(words)")
          #expect(outcome.errors.hasPrefix(message), "\(words)")
          #expect(outcome.output.isEmpty, "\(words)")
        }
      }
    }

    @Test("Without a daemon every command says so and exits with 69")
    func withoutDaemon() throws {
      try Laboratory.run { laboratory in
        let socket = laboratory.path("nobody.sock")
        for words in [["show"], ["show", "rib"], ["show", "tables"], ["show", "neighbor"], ["export", "bgp_spamd"]] {
          let outcome = try laboratory.run(Laboratory.product("nftbgpctl"), ["-s", socket] + words)
          #expect(outcome.status == 69)
          #expect(outcome.errors == "nftbgpctl: connect: \(socket): No such file or directory\n")
          #expect(outcome.output.isEmpty)
        }
      }
    }
  }
}
