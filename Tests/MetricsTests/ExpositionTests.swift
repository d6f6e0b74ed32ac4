import Control
import Metrics
import Primitives
import Testing

@Suite("The text that Prometheus reads")
struct ExpositionTests {
  /// A daemon with a neighbor, a table and a file, 100 s after its clock began at 1700000000.
  private static func report() throws -> MetricsReport {
    var report = MetricsReport(release: "1.2")
    report.clockOrigin = 1_700_000_000_000_000_000
    var statistics = NeighborReport.Statistics()
    statistics.received.update = 7
    statistics.sent.open = 2
    statistics.treatedAsWithdraw = 3
    var peer = PeerCounters()
    peer.refusedForLength = 4
    peer.lastUpdate = .zero + .milliseconds(99_500)
    report.neighbors = [
      MetricsReport.Neighbor(
        address: try #require(IPAddress("2001:db8::1")), description: "a \"route\\server\"\n", group: "feed",
        remoteAS: 65066, state: .openConfirm, established: nil, isSynchronized: false, ipv4Prefixes: 10,
        ipv6Prefixes: 2, stalePrefixes: 5, statistics: statistics, counters: peer)
    ]
    report.tables = [
      MetricsReport.Table(
        name: "bgp_spamd", family: .ipv4, prefixes: 11, wanted: 10, inKernel: 9, refused: 0,
        lastChange: .zero + .seconds(50))
    ]
    report.guards = [MetricsReport.Guard(table: "bgp_spamd", held: 1)]
    var export = ExportCounters()
    export.failures = 6
    report.exports = [MetricsReport.Export(path: "/a", table: "bgp_spamd", isOutdated: true, counters: export)]
    report.counters.commits.add(.milliseconds(1))
    report.counters.commits.add(.milliseconds(40))
    report.counters.commits.add(.seconds(11))
    report.syncLag = .milliseconds(1_250)
    report.process = MetricsReport.Process(
      cpuTime: .milliseconds(1_230), residentMemory: 4096, virtualMemory: 8192, openFiles: 12,
      started: 1_699_999_999_000_000_000)
    return report
  }

  @Test("A neighbor's labels are escaped, its state is the one of six that is 1, and what is not known is left out")
  func neighbor() throws {
    let lines = Exposition.lines(try Self.report(), .text)
    #expect(
      lines.contains(
        #"nftbgpd_peer_info{peer="2001:db8::1",description="a \"route\\server\"\n",group="feed",remote_as="65066"} 1"#))
    #expect(
      lines.filter { $0.hasPrefix("nftbgpd_peer_state{") }
        == ["idle", "connect", "active", "opensent", "openconfirm", "established"].map {
          "nftbgpd_peer_state{peer=\"2001:db8::1\",state=\"\($0)\"} \($0 == "openconfirm" ? 1 : 0)"
        })
    #expect(!lines.contains { $0.contains("established_timestamp") || $0.contains("snapshot_timestamp") })
    for line in [
      #"nftbgpd_peer_prefixes{peer="2001:db8::1",afi="ipv6"} 2"#,
      #"nftbgpd_peer_stale_prefixes{peer="2001:db8::1"} 5"#,
      #"nftbgpd_peer_messages_total{peer="2001:db8::1",type="update",direction="received"} 7"#,
      #"nftbgpd_peer_messages_total{peer="2001:db8::1",type="open",direction="sent"} 2"#,
      #"nftbgpd_peer_rejected_total{peer="2001:db8::1",reason="length"} 4"#,
      #"nftbgpd_update_errors_total{peer="2001:db8::1",action="withdraw"} 3"#,
      #"nftbgpd_peer_last_update_timestamp_seconds{peer="2001:db8::1"} 1700000099.500000"#,
    ] {
      #expect(lines.contains(line), "\(line)")
    }
  }

  @Test("Tables, guards, commits, files and the process")
  func others() throws {
    let lines = Exposition.lines(try Self.report(), .text)
    for line in [
      "nftbgpd_up 1", #"nftbgpd_build_info{version="1.2"} 1"#,
      #"nftbgpd_set_elements{table="bgp_spamd",afi="ipv4"} 10"#,
      #"nftbgpd_set_kernel_elements{table="bgp_spamd",afi="ipv4"} 9"#,
      #"nftbgpd_table_held_prefixes{table="bgp_spamd"} 1"#,
      #"nftbgpd_guard_active{table="bgp_spamd",guard="shrink"} 1"#,
      #"nftbgpd_guard_active{table="bgp_spamd",afi="ipv4",guard="refused"} 0"#,
      #"nftbgpd_guard_active{peer="2001:db8::1",guard="max-prefix"} 0"#,
      #"nftbgpd_sync_duration_seconds_bucket{le="0.001"} 1"#, #"nftbgpd_sync_duration_seconds_bucket{le="0.01"} 1"#,
      #"nftbgpd_sync_duration_seconds_bucket{le="0.05"} 2"#, #"nftbgpd_sync_duration_seconds_bucket{le="10.0"} 2"#,
      #"nftbgpd_sync_duration_seconds_bucket{le="+Inf"} 3"#, "nftbgpd_sync_duration_seconds_sum 11.041000",
      "nftbgpd_sync_duration_seconds_count 3", "nftbgpd_sync_lag_seconds 1.250000",
      #"nftbgpd_sync_failures_total{kind="commit"} 0"#,
      #"nftbgpd_export_outdated{file="/a",table="bgp_spamd"} 1"#,
      #"nftbgpd_export_failures_total{file="/a",table="bgp_spamd"} 6"#,
      "process_cpu_seconds_total 1.230000", "process_resident_memory_bytes 4096", "process_open_fds 12",
      "process_start_time_seconds 1699999999.000000",
    ] {
      #expect(lines.contains(line), "\(line)")
    }
  }

  @Test("Each metric is described once, before its samples", arguments: Exposition.Dialect.allCases)
  func descriptions(dialect: Exposition.Dialect) throws {
    let lines = Exposition.lines(try Self.report(), dialect)
    var described: Set<Substring> = []
    var current: Substring = ""
    for line in lines where line != "# EOF" {
      let words = line.split(separator: " ")
      if line.hasPrefix("# HELP ") {
        #expect(described.insert(words[2]).inserted, "\(line)")
        current = words[2]
      } else if line.hasPrefix("# ") {
        #expect(words[2] == current, "\(line)")
      } else {
        #expect(line.hasPrefix(current), "\(line)")
      }
    }
  }

  @Test("The dialects differ in what counters and infos are called, in units and in the end")
  func dialects() throws {
    let text = Exposition.lines(try Self.report(), .text)
    let open = Exposition.lines(try Self.report(), .openMetrics)
    #expect(text.contains("# TYPE nftbgpd_external_changes_total counter"))
    #expect(open.contains("# TYPE nftbgpd_external_changes counter"))
    #expect(text.contains("# TYPE nftbgpd_build_info gauge") && open.contains("# TYPE nftbgpd_build info"))
    #expect(open.contains("# UNIT nftbgpd_sync_duration_seconds seconds"))
    #expect(open.contains("# UNIT process_resident_memory_bytes bytes"))
    #expect(!text.contains { $0.hasPrefix("# UNIT") || $0 == "# EOF" })
    #expect(open.last == "# EOF")
    let samples = { (lines: [String]) in lines.filter { !$0.hasPrefix("#") } }
    #expect(samples(text) == samples(open))
  }

  @Test("A daemon that stops leaves a file that says so")
  func last() {
    #expect(Exposition.lastLines(.text).last == "nftbgpd_up 0")
    #expect(Exposition.octets(["a", "b"]) == Array("a\nb\n".utf8))
  }
}
