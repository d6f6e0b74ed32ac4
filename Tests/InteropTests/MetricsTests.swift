import Foundation
import Testing

extension InteropTier {
  @Suite("Metrics") struct Metrics {
    private static let target = "127.0.0.1:9179"

    /// What a server says to these octets until it closes the connection.
    private static func exchange(
      _ request: String, with server: String = target, _ laboratory: Laboratory
    ) throws -> String {
      let script = "exec 3<>/dev/tcp/\(server.replacing(":", with: "/")); printf \"$1\" >&3; exec cat <&3"
      return try laboratory.run("timeout", ["15", "bash", "-c", script, "bash", request]).output
    }

    private static func get(_ laboratory: Laboratory, _ path: String, _ headers: String = "") throws -> String {
      try exchange("GET \(path) HTTP/1.1\\r\\nHost: localhost\\r\\n\(headers)\\r\\n", laboratory)
    }

    private static func promtool(_ words: [String], input: String? = nil, _ laboratory: Laboratory) throws {
      let command = ["promtool"] + words
      let outcome =
        if let input {
          try laboratory.run("sh", ["-c", "exec \"$@\" < \(input)", "sh"] + command)
        } else {
          try laboratory.run(command[0], Array(command.dropFirst()))
        }
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.output)\(outcome.errors)")
    }

    private static func start(
      _ laboratory: Laboratory, _ server: FeedServer, file: String? = nil, export: String? = nil
    ) throws -> NftbgpdUnderTest {
      var configuration = NftbgpdUnderTest.configuration(neighbors: [server.address]) + "metrics listen on 127.0.0.1\n"
      if let file { configuration += "metrics file \"\(file)\"\n" }
      return try NftbgpdUnderTest(laboratory, configuration, export: export)
    }

    @Test("promtool finds nothing wrong with what the CLI, the file and HTTP give, nor with the rules")
    func formats() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(
          laboratory, address: "127.0.0.2", Feed(black: Feed.hosts(0..<50) + ["10.0.0.1/32"], bypass: ["45.0.2.2/32"]))
        let directory = laboratory.path("node-exporter")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let file = directory + "/nftbgpd.prom"
        let nftbgpd = try Self.start(laboratory, server, file: file, export: laboratory.path("black"))
        try nftbgpd.waitForLog("wrote 50 entries of bgp_spamd")
        try laboratory.wait("the file is written") { FileManager.default.fileExists(atPath: file) }
        try Self.promtool(["check", "metrics"], input: file, laboratory)

        let shown = try nftbgpd.control("show", "metrics").output
        try Self.promtool(["check", "metrics"], input: try laboratory.write(shown, to: "shown"), laboratory)
        #expect(try nftbgpd.control("show", "metrics", "--format", "openmetrics").output.hasSuffix("\n# EOF\n"))
        for line in [
          "nftbgpd_peer_state{peer=\"127.0.0.2\",state=\"established\"} 1",
          "nftbgpd_peer_prefixes{peer=\"127.0.0.2\",afi=\"ipv4\"} 52",
          "nftbgpd_peer_rejected_total{peer=\"127.0.0.2\",reason=\"reserved\"} 1",
          "nftbgpd_set_elements{table=\"bgp_spamd\",afi=\"ipv4\"} 50",
          "nftbgpd_set_kernel_elements{table=\"bgp_spamd\",afi=\"ipv4\"} 50",
          "nftbgpd_export_entries{file=\"\(laboratory.path("black"))\",table=\"bgp_spamd\"} 50",
        ] {
          #expect(shown.contains("\n\(line)\n"), "\(line)")
        }

        let answer = try Self.get(laboratory, "/metrics")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4"))
        let body = try #require(answer.range(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) })
        try Self.promtool(["check", "metrics"], input: try laboratory.write(body, to: "body"), laboratory)
        let names = { (text: String) in
          text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }.map(String.init)
        }
        #expect(names(body).filter { !$0.contains(" process_") } == names(shown))

        let rules = Prometheus.conf + "/prometheus/nftbgpd.rules"
        try Self.promtool(["check", "rules", rules + ".yml"], laboratory)
        try Self.promtool(["test", "rules", rules + ".test.yml"], laboratory)

        // Dashboard and rules name nothing that is not there.
        let dashboard = try String(contentsOfFile: Prometheus.conf + "/grafana/nftbgpd.json", encoding: .utf8)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(dashboard.utf8)) }
        let text = dashboard + (try String(contentsOfFile: rules + ".yml", encoding: .utf8))
        let used = Set(text.matches(of: /\b(?:nftbgpd|process)_[a-z_]+/).map { String($0.output) })
        #expect(used.count > 20)
        for name in used {
          #expect(body.contains("\n\(name) ") || body.contains("\n\(name){"), "\(name)")
        }

        let nodeExporter = try laboratory.start(
          "prometheus-node-exporter",
          [
            "--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory=\(directory)",
            "--web.listen-address=127.0.0.1:9100", "--log.level=error",
          ], log: "node-exporter.log")
        let readings = {
          try Self.exchange("GET /metrics HTTP/1.0\\r\\n\\r\\n", with: "127.0.0.1:9100", laboratory)
        }
        try laboratory.wait("node_exporter reads the file") { try readings().contains("\nnftbgpd_up 1\n") }
        try nftbgpd.terminate()
        let last = try readings()
        #expect(last.contains("\nnftbgpd_up 0\n") && !last.contains("\nnftbgpd_peer"))
        #expect(last.contains("\nnode_textfile_scrape_error 0\n") && last.contains("\nprocess_open_fds "))
        #expect(nodeExporter.printed.isEmpty, "\(nodeExporter.printed)")
      }
    }

    @Test(
      "Whoever asks for something else over HTTP is told so, and many who ask nothing disturb nobody but each other")
    func clients() throws {
      try Laboratory.run { laboratory in
        let server = try FeedServer(laboratory, address: "127.0.0.2", Feed(black: Feed.hosts(0..<50)), holdTime: 3)
        let nftbgpd = try Self.start(laboratory, server, file: "/proc/nftbgpd.prom")
        try nftbgpd.waitForLog("table complete with 50 prefixes")
        try nftbgpd.waitForLog("the metrics in /proc/nftbgpd.prom stay as they were")
        let open = try Self.get(
          laboratory, "/metrics?x", "Accept: application/openmetrics-text;version=1.0.0,*/*\\r\\n")
        #expect(open.contains("content-type: application/openmetrics-text; version=1.0.0") && open.hasSuffix("# EOF\n"))
        #expect(try Self.get(laboratory, "/").hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        #expect(try Self.get(laboratory, "/metrics/").hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        let post = "POST /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 1\\r\\n\\r\\nx"
        let refused = try Self.exchange(post, laboratory)
        #expect(
          refused.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n") && refused.contains("\r\nallow: GET, HEAD\r\n"))
        let get = "GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
        let once = try Self.exchange(get + get + get, laboratory)
        #expect(once.ranges(of: "HTTP/1.1 200 OK").count == 1)
        let head = try Self.exchange("HEAD /metrics HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n", laboratory)
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.hasSuffix("\r\n\r\n"))
        for noise in [
          "hello\\r\\n\\r\\n", "\\x16\\x03\\x01\\x02\\x00", "GET /metrics HTTP/1.1\\r\\nno colon\\r\\n\\r\\n",
        ] {
          #expect(try Self.exchange(noise, laboratory).hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(noise)")
        }

        // A hundred who never finish their question: sixteen are waited for.
        let idle = try laboratory.start(
          "bash",
          [
            "-c",
            "for fd in {10..109}; do eval \"exec $fd<>/dev/tcp/127.0.0.1/9179\"; printf 'GET /m' >&$fd; done; "
              + "echo open; exec cat <&10",
          ], log: "idle.log")
        try laboratory.wait("they are connected") { idle.printed.contains("open") }
        #expect(try Self.get(laboratory, "/metrics").isEmpty)
        #expect(try nftbgpd.control("show", "metrics").output.contains("nftbgpd_up 1\n"))
        try server.send("announce 45.0.2.1/32 65066:666")
        try Kernel.wait(for: Feed.sets(Feed(black: Feed.hosts(0..<50) + ["45.0.2.1/32"])), laboratory)
        idle.end()
        try laboratory.wait("they are forgotten") {
          try Self.get(laboratory, "/metrics").hasPrefix("HTTP/1.1 200 OK\r\n")
        }
        #expect(nftbgpd.lines(with: "-> Established") == 1)
      }
    }

    @Test("Prometheus scrapes nftbgpd, and each alert fires when what it is about happens, and no earlier")
    func alerts() throws {
      try Laboratory.run { laboratory in
        let disk = try laboratory.smallDisk("exports", kibibytes: 1024)
        try Kernel.command(
          "add table \(Kernel.table); add set \(Kernel.table) bgp_spamd { type ipv4_addr; size 400; }", laboratory)
        let server = try FeedServer(laboratory, address: "127.0.0.2", Feed(black: Feed.hosts(0..<350)))
        let nftbgpd = try Self.start(laboratory, server, export: disk + "/black")
        try nftbgpd.waitForLog("wrote 350 entries of bgp_spamd")
        let silent = try laboratory.start(
          "bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/9179; cat <&3"], log: "silent.log")
        let prometheus = try Prometheus(laboratory, target: Self.target)
        try prometheus.wait(
          for: "up == 1 and on () nftbgpd_set_kernel_elements{table=\"bgp_spamd\",afi=\"ipv4\"} == 350")
        // The rules have been looked at since.
        try prometheus.wait(for: "count_over_time(up[30s]) > 4")
        #expect(try prometheus.alerts().isEmpty)

        // The feed withdraws most of its table at once.
        for host in Feed.hosts(0..<200) { try server.send("withdraw \(host)") }
        try prometheus.waitForAlert("NftbgpdGuardActive", ",guard=\"shrink\",table=\"bgp_spamd\"")
        try prometheus.wait(forAlerts: ["NftbgpdGuardActive"])

        // The directory of the export cannot be written any more.
        #expect(try laboratory.run("mount", ["-o", "remount,ro", disk]).status == 0)
        for host in Feed.hosts(350..<360) { try server.send("announce \(host) 65066:666") }
        try prometheus.waitForAlert("NftbgpdExportOld", ",table=\"bgp_spamd\"")
        try prometheus.wait(forAlerts: ["NftbgpdGuardActive", "NftbgpdExportOld"])

        // The set is full.
        for host in Feed.hosts(360..<450) { try server.send("announce \(host) 65066:666") }
        try prometheus.waitForAlert("NftbgpdKernelDiffers")
        try prometheus.wait(forAlerts: ["NftbgpdGuardActive", "NftbgpdExportOld", "NftbgpdKernelDiffers"])

        // The route server is gone.
        try server.stop()
        try prometheus.waitForAlert("NftbgpdFeedStale")
        try prometheus.waitForAlert("NftbgpdPeerDown", ",peer=\"127.0.0.2\"")
        #expect(try !prometheus.alerts().contains("NftbgpdDown"))

        // Who never asked has been let go meanwhile.
        try laboratory.wait("the silent client is let go") { silent.hasEnded }

        // nftbgpd is gone, too.
        try nftbgpd.terminate()
        try prometheus.waitForAlert("NftbgpdDown", ",job=\"nftbgpd\"")
      }
    }
  }
}
