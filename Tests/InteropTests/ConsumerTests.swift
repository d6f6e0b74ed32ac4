import Foundation
import Testing

extension InteropTier {
  /// Every address of the tables and those around them are asked for, or all is read back where a program can print it.
  @Suite("Exported files as the programs read them that they are for") struct Consumers {
    private typealias Listed = ListedAddresses

    @Test("nftbgpctl writes what the daemon writes", arguments: ListedAddresses.formats)
    func sameOfBoth(format: String) throws {
      try Listed.run { laboratory in
        func lines(_ name: String) -> [String] {
          Child.text(laboratory.path("\(name).\(format)")).split(separator: "\n").map(String.init)
            .filter { !$0.contains("generator") && !$0.hasPrefix("# time") }
        }
        #expect(lines("control") == lines("black"))
        #expect(lines("black").count > Listed.prefixes(.black).count { !$0.isIPv6 })
      }
    }

    @Test("nft(8) fills its sets with it, anew each time")
    func nft() throws {
      try Listed.run { laboratory in
        func load(_ name: String) throws {
          let outcome = try laboratory.run("nft", ["-f", laboratory.path(name)])
          #expect(outcome.status == 0, "\(outcome.errors)")
        }
        func expect(_ tables: [(String, [AddressBlock])]) throws {
          var expected: [String: Set<String>] = [:]
          for (table, blocks) in tables {
            for (suffix, isIPv6) in [("", false), ("6", true)] {
              let cover = AddressBlock.outermost(blocks.filter { $0.isIPv6 == isIPv6 })
              expected[table + suffix] = Set(cover.map { Feed.element($0.text) })
            }
          }
          #expect(Kernel.difference(try Kernel.sets(laboratory), expected) == "")
        }
        let black = Listed.prefixes(.black)
        try load("black.nft")
        try load("bypass.nft")
        try load("black.nft")
        try expect([("bgp_spamd", black), ("bgp_spamd_bypass", Listed.prefixes(.bypass))])
        // The larger of two networks leaves, and a host.
        let text = Child.text(laboratory.path("black.nft")).replacing("\t45.60.0.0/16,\n", with: "")
          .replacing("\t45.60.7.1,\n", with: "")
        try laboratory.write(text, to: "less.nft")
        try load("less.nft")
        let less = black.filter { !["45.60.0.0/16", "45.60.7.1/32"].contains($0.text) }
        #expect(less.count == black.count - 2)
        try expect([("bgp_spamd", less), ("bgp_spamd_bypass", Listed.prefixes(.bypass))])
      }
    }

    @Test("ipset(8) puts it in the place of what was there")
    func ipset() throws {
      try Listed.run { laboratory in
        let sets = ["bgp_spamd", "bgp_spamd6", "bgp_spamd_bypass", "bgp_spamd_bypass6"]
        defer { for set in sets { _ = try? laboratory.run("ipset", ["destroy", set]) } }
        let before = "create bgp_spamd hash:net family inet maxelem 16777216\nadd bgp_spamd 45.1.1.1\n"
        for file in [
          try laboratory.write(before, to: "before"), laboratory.path("black.ipset"), laboratory.path("bypass.ipset"),
        ] {
          let outcome = try laboratory.run("ipset", ["restore", "-file", file])
          #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let saved = try laboratory.run("ipset", ["save"]).output.split(separator: "\n").map {
          $0.split(separator: " ").map(String.init)
        }
        #expect(Set(saved.filter { $0.first == "create" }.map { $0[1] }) == Set(sets))
        for (table, listing) in [("bgp_spamd", Feed.Listing.black), ("bgp_spamd_bypass", .bypass)] {
          let elements = saved.filter { $0.count == 3 && [table, table + "6"].contains($0[1]) }.map { $0[2] }
          #expect(elements.sorted() == Listed.prefixes(listing).map { Feed.element($0.text) }.sorted())
        }
        for probe in Listed.fewProbes {
          let outcome = try laboratory.run(
            "ipset", ["-quiet", "test", probe.isIPv6 ? sets[1] : sets[0], probe.address])
          #expect((outcome.status == 0) == probe.isBlack, "\(probe.address)")
        }
      }
    }

    @Test("rbldnsd(8) answers for both tables in one zone")
    func rbldnsd() throws {
      try Listed.run { laboratory in
        let rbldnsd = try laboratory.start(
          "rbldnsd", ["-n", "-b", "127.0.0.1/5353", "bl.invalid:combined:black.rbldnsd,bypass.rbldnsd"],
          log: "rbldnsd.log", directory: laboratory.directory)
        try laboratory.wait("rbldnsd is there") { rbldnsd.printed.contains("started") }
        #expect(!rbldnsd.printed.lowercased().contains("error") && !rbldnsd.printed.contains("warning"))
        let names = Dictionary(uniqueKeysWithValues: Listed.probes.map { (Self.reversed($0.address), $0) })
        let queries = try laboratory.write(names.keys.map { "\($0).bl.invalid A\n" }.joined(), to: "queries")
        let answers = try laboratory.run(
          "dig", ["@127.0.0.1", "-p", "5353", "+noall", "+answer", "+tries=1", "-f", queries])
        var found: [String: Set<String>] = [:]
        for line in answers.output.split(separator: "\n") {
          let words = line.split(whereSeparator: { $0 == "\t" || $0 == " " }).map(String.init)
          guard words.count == 5, words[3] == "A" else { continue }
          found[String(words[0].dropLast(".bl.invalid.".count)), default: []].insert(words[4])
        }
        for (name, probe) in names {
          let expected = Set([probe.isBlack ? "127.0.0.2" : nil, probe.isBypass ? "127.0.0.3" : nil].compactMap { $0 })
          #expect(found[name, default: []] == expected, "\(probe.address)")
        }
        let text = try laboratory.run("dig", ["@127.0.0.1", "-p", "5353", "+short", "7.113.0.45.bl.invalid", "TXT"])
        #expect(text.output == "\"45.0.113.7 is known good in bgp_spamd_bypass\"\n")
      }
    }

    /// The name for a DNS list, without that of the list.
    private static func reversed(_ address: String) -> String {
      guard address.contains(":"), let block = AddressBlock(address + "/128") else {
        return address.split(separator: ".").reversed().joined(separator: ".")
      }
      return (0..<32).map { String(UInt8(truncatingIfNeeded: block.first >> UInt128(4 * $0)) & 15, radix: 16) }
        .joined(separator: ".")
    }

    @Test("rspamd's multimap knows who is in which plain list")
    func rspamd() throws {
      try Listed.run { laboratory in
        try laboratory.write("org\n", to: "suffixes")
        let configuration = try laboratory.write(
          """
          options {
            filters = ""; url_tld = "\(laboratory.path("suffixes"))"; pidfile = "\(laboratory.path("pid"))";
            tempdir = "\(laboratory.directory)"; hs_cache_dir = "\(laboratory.directory)"; disable_hyperscan = true;
            local_addrs = []; dns { nameserver = ["127.0.0.1"]; }
          }
          logging { type = "console"; level = "warning"; }
          lua = "/usr/share/rspamd/rules/rspamd.lua";
          modules { path = "/usr/share/rspamd/plugins/multimap.lua"; }
          worker "normal" { bind_socket = "127.0.0.1:11333"; count = 1; }
          multimap {
            black { type = "ip"; map = "\(laboratory.path("black.plain"))"; symbol = "BLACK"; score = 5; }
            bypass { type = "ip"; map = "\(laboratory.path("bypass.plain"))"; symbol = "BYPASS"; score = -5; }
          }

          """, to: "rspamd.conf")
        _ = try laboratory.start("rspamd", ["-f", "-i", "-c", configuration], log: "rspamd.log")
        try Self.expectVerdicts("rspamd", port: 11333, laboratory, \.verdict)
      }
    }

    @Test("HAProxy's access lists know who is in which plain list")
    func haproxy() throws {
      try Listed.run { laboratory in
        let configuration = try laboratory.write(
          """
          defaults
            mode http
            timeout connect 5s
            timeout client 5s
            timeout server 5s
          frontend probes
            bind 127.0.0.1:8080
            http-request set-src req.hdr(address)
            acl black src -f \(laboratory.path("black.plain"))
            acl bypass src -f \(laboratory.path("bypass.plain"))
            http-request return status 200 content-type text/plain string "black+bypass" if black bypass
            http-request return status 200 content-type text/plain string "black" if black
            http-request return status 200 content-type text/plain string "bypass" if bypass
            http-request return status 200 content-type text/plain string "none"

          """, to: "haproxy.cfg")
        let check = try laboratory.run("haproxy", ["-c", "-f", configuration])
        #expect(check.status == 0, "\(check.output)\(check.errors)")
        _ = try laboratory.start("haproxy", ["-db", "-f", configuration], log: "haproxy.log")
        try Self.expectVerdicts("haproxy", port: 8080, laboratory, \.verdict)
      }
    }

    @Test("nginx's geo has a value for each")
    func nginx() throws {
      try Listed.run { laboratory in
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        let configuration = try laboratory.write(
          """
          daemon off;
          master_process off;
          pid \(laboratory.path("pid"));
          error_log stderr;
          events {}
          http {
            access_log off;
            \(kinds.map { "\($0)_temp_path \(laboratory.path($0));" }.joined(separator: "\n  "))
            geo $arg_address $list {
              default none;
              include \(laboratory.path("black.nginx"));
              include \(laboratory.path("bypass.nginx"));
            }
            server {
              listen 127.0.0.1:8080;
              location / { return 200 $list; }
            }
          }

          """, to: "nginx.conf")
        let arguments = ["-p", laboratory.directory, "-e", "stderr", "-c", configuration]
        let check = try laboratory.run("nginx", ["-t"] + arguments)
        #expect(check.status == 0 && !check.errors.contains("warn"), "\(check.errors)")
        _ = try laboratory.start("nginx", arguments, log: "nginx.log")
        // The more specific network has the word.
        try Self.expectVerdicts("nginx", port: 8080, laboratory) { $0.isBypass ? "bypass" : $0.verdict }
      }
    }

    /// Asks a server about all addresses.
    private static func expectVerdicts(
      _ server: String, port: Int, _ laboratory: Laboratory, _ verdict: (Listed.Probe) -> String
    ) throws {
      let script = MailServer.fixture("ask_http.py")
      try laboratory.wait("\(server) answers") {
        try laboratory.run("python3", [script, "\(port)", server, "45.0.0.1"]).status == 0
      }
      let outcome = try laboratory.run("python3", [script, "\(port)", server] + Listed.probes.map(\.address))
      #expect(
        outcome.output.split(separator: "\n").map(String.init) == Listed.probes.map { "\($0.address) \(verdict($0))" },
        "\(outcome.errors)")
    }

    @Test("jq(1) reads the JSON, and Python the CSV")
    func data() throws {
      try Listed.run { laboratory in
        for (name, table, listing) in [
          ("black", "bgp_spamd", Feed.Listing.black), ("bypass", "bgp_spamd_bypass", .bypass),
        ] {
          let expected = Listed.prefixes(listing).sorted { $0.isIPv6 != $1.isIPv6 ? $1.isIPv6 : $0 < $1 }.map(\.text)
          let json = try laboratory.run(
            "jq", ["-r", ".table, .role, .entries, .ipv4[], .ipv6[]", laboratory.path("\(name).json")])
          #expect(json.output.split(separator: "\n").map(String.init) == [table, name, "\(expected.count)"] + expected)
          let csv = try laboratory.run(
            "python3",
            [
              "-c",
              "import csv,sys\nfor row in csv.DictReader(open(sys.argv[1])): print(row['table'], row['role'], row['prefix'])",
              laboratory.path("\(name).csv"),
            ])
          #expect(csv.output.split(separator: "\n").map(String.init) == expected.map { "\(table) \(name) \($0)" })
        }
      }
    }
  }
}
