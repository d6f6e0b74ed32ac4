import Foundation
import Testing

extension InteropTier {
  @Suite("Exported files as mail servers read them") struct MailServers {
    private typealias Listed = ListedAddresses

    @Test("postmap(1) finds the action for each address in Postfix's tables")
    func postmap() throws {
      try Listed.run { laboratory in
        let library = try MailServer.file("/usr/lib/postfix")
        try Self.writePostfix(laboratory, main: "", master: "")
        let keys = try laboratory.write(Listed.probes.map { $0.address + "\n" }.joined(), to: "keys")
        for (table, action, isListed) in [
          ("black", "reject", \Listed.Probe.isBlack), ("bypass", "permit", \Listed.Probe.isBypass),
        ] {
          let query =
            "\(try MailServer.file("/usr/sbin/postmap")) -c \(laboratory.path("postfix")) -q - cidr:$0 < \(keys)"
          let outcome = try laboratory.run(
            "env", ["LD_LIBRARY_PATH=\(library)", "sh", "-c", query, laboratory.path("\(table).postfix")])
          #expect(outcome.errors.isEmpty, "\(outcome.errors)")
          let expected = Listed.probes.filter { $0[keyPath: isListed] }.map { "\($0.address)\t\(action)" }
          #expect(outcome.output.split(separator: "\n").map(String.init) == expected)
        }
      }
    }

    @Test("postscreen(8) and smtpd(8) let pass who is in the bypass table, and turn away who is in the black one alone")
    func postfix() throws {
      try Listed.run { laboratory in
        let (bypass, black) = (laboratory.path("bypass.postfix"), laboratory.path("black.postfix"))
        try Self.writePostfix(
          laboratory,
          main: """
            inet_interfaces = loopback-only
            postscreen_access_list = cidr:\(bypass), cidr:\(black)
            postscreen_denylist_action = drop
            postscreen_cache_map =
            smtpd_client_restrictions = check_client_access cidr:\(bypass), check_client_access cidr:\(black)
            smtpd_delay_reject = no
            smtpd_peername_lookup = no
            local_recipient_maps =

            """,
          master: """
            2525 inet n - n - 1 postscreen
            smtpd pass - - n - - smtpd -o smtpd_client_restrictions=
            2526 inet n - n - - smtpd
            rewrite unix - - n - - trivial-rewrite
            proxymap unix - - n - - proxymap
            anvil unix - - n - 1 anvil
            postlog unix-dgram n - n - 1 postlogd

            """)
        let probes = Listed.fewProbes
        try MailServer.withAddresses(probes.map(\.address), laboratory) {
          let library = try MailServer.file("/usr/lib/postfix")
          let postfix = try laboratory.start(
            "env",
            [
              "LD_LIBRARY_PATH=\(library)", try MailServer.file("/usr/lib/postfix/sbin/master"), "-s", "-c",
              laboratory.path("postfix"),
            ], log: "postfix.log")
          try laboratory.wait("Postfix is there") { postfix.printed.contains("daemon started") }
          // Others would have to wait, as postscreen wants it.
          let listed = probes.filter { $0.isBlack || $0.isBypass }
          for (port, clients, refusal) in [("2525", listed, 521), ("2526", probes, 554)] {
            let answers = try laboratory.run(
              "python3", [MailServer.fixture("speak_smtp.py"), port] + clients.map(\.address))
            #expect(
              answers.output.split(separator: "\n").map(String.init)
                == clients.map { "\($0.address) \($0.isBlack && !$0.isBypass ? refusal : 220)" },
              "\(answers.errors)")
          }
          for probe in listed {
            let verdict = probe.isBypass ? "ALLOWLISTED" : "DENYLISTED"
            try laboratory.wait("\(verdict) \(probe.address)") {
              postfix.printed.contains("\(verdict) [\(probe.address)]")
            }
          }
        }
      }
    }

    /// A configuration directory, and a queue that the server's users may write to; any users will do.
    private static func writePostfix(_ laboratory: Laboratory, main: String, master: String) throws {
      let directories =
        ["postfix", "postfix/queue", "postfix/data"] + ["pid", "public", "private"].map { "postfix/queue/\($0)" }
      for directory in directories {
        try FileManager.default.createDirectory(atPath: laboratory.path(directory), withIntermediateDirectories: true)
      }
      let owner = try laboratory.run(
        "chown", ["mail:man"] + ["data", "queue/public", "queue/private"].map { laboratory.path("postfix/\($0)") })
      try #require(owner.status == 0, "\(owner.errors)")
      let library = try MailServer.file("/usr/lib/postfix")
      let settings = """
        compatibility_level = 3.6
        queue_directory = \(laboratory.path("postfix/queue"))
        data_directory = \(laboratory.path("postfix/data"))
        daemon_directory = \(library)/sbin
        shlib_directory = \(library)
        import_environment = MAIL_CONFIG=\(laboratory.path("postfix")) LD_LIBRARY_PATH=\(library)
        mail_owner = mail
        setgid_group = man
        default_privs = nobody
        myhostname = mx.example.org
        maillog_file = /dev/stdout

        """
      for (name, text) in [("main.cf", settings + main), ("master.cf", master)] {
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o644], ofItemAtPath: try laboratory.write(text, to: "postfix/\(name)"))
      }
    }

    @Test(
      "Exim's iplsearch finds the table of each address, and its access lists turn away who is in the black one alone")
    func exim() throws {
      try Listed.run { laboratory in
        func exim(_ arguments: [String]) throws -> Laboratory.Outcome {
          let command = try MailServer.command(laboratory, "/usr/sbin/exim4", arguments)
          // What it takes for a session, it reads from its standard input.
          return try laboratory.run("sh", ["-c", "echo QUIT | \"$@\"", "sh"] + command)
        }
        for (table, isListed) in [("black", \Listed.Probe.isBlack), ("bypass", \Listed.Probe.isBypass)] {
          let file = laboratory.path("\(table).exim")
          let expansions = Listed.probes.map { "${lookup {\($0.address)} iplsearch {\(file)} {$value} {none}}" }
          let outcome = try exim(["-C", "/dev/null", "-be"] + expansions)
          #expect(outcome.status == 0, "\(outcome.errors)")
          #expect(
            outcome.output.split(separator: "\n").map(String.init)
              == Listed.probes.map { $0[keyPath: isListed] ? table : "none" })
        }
        let configuration = try laboratory.write(
          """
          acl_smtp_connect = connection
          begin acl
          connection:
            accept hosts = net-iplsearch;\(laboratory.path("bypass.exim"))
            deny hosts = net-iplsearch;\(laboratory.path("black.exim"))
                 message = listed
            accept

          """, to: "exim.conf")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: configuration)
        for (address, answer) in [
          ("45.60.9.8", "550 listed"), ("45.60.9.9", "220 "), ("45.61.0.1", "220 "), ("2a01:111::9", "550 listed"),
          ("2a00:db8:bad::7", "220 "),
        ] {
          let outcome = try exim(["-C", configuration, "-bh", address])
          #expect(outcome.output.contains("\n\(answer)"), "\(address): \(outcome.output)")
        }
      }
    }

    @Test("OpenSMTPD knows its clients by plain lists")
    func openSMTPD() throws {
      try Listed.run { laboratory in
        let configuration = try laboratory.write(
          """
          table bgp_spamd file:\(laboratory.path("black.plain"))
          table bgp_spamd_bypass file:\(laboratory.path("bypass.plain"))
          listen on lo port 2525 hostname mx.example.org
          action "relay" relay
          match from src <bgp_spamd> for domain "black.example" action "relay"
          match from src <bgp_spamd_bypass> for domain "bypass.example" action "relay"

          """, to: "smtpd.conf")
        let check = try MailServer.command(laboratory, "/usr/sbin/smtpd", ["-n", "-f", configuration])
        #expect(try laboratory.run(check[0], Array(check.dropFirst())).errors.contains("configuration OK"))
        let probes = Listed.fewProbes
        try MailServer.withAddresses(probes.map(\.address), laboratory) {
          let command = try MailServer.command(laboratory, "/usr/sbin/smtpd", ["-d", "-f", configuration])
          _ = try laboratory.start(command[0], Array(command.dropFirst()), log: "smtpd.log")
          let script = MailServer.fixture("speak_smtp.py")
          try laboratory.wait("OpenSMTPD answers") {
            try laboratory.run("python3", [script, "2525", "127.0.0.1"]).status == 0
          }
          let outcome = try laboratory.run(
            "python3",
            [script, "2525"] + probes.map(\.address) + ["--"]
              + [
                "HELO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@black.example>",
                "RCPT TO:<b@bypass.example>",
              ])
          let expected = probes.map {
            "\($0.address) 220 250 250 \($0.isBlack ? 250 : 550) \($0.isBypass ? 250 : 550)"
          }
          #expect(outcome.output.split(separator: "\n").map(String.init) == expected, "\(outcome.errors)")
        }
      }
    }
  }
}
