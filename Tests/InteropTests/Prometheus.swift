import Foundation
import Testing

/// Debian's Prometheus, which scrapes nftbgpd once in half a second and evaluates the shipped rules as often.
final class Prometheus {
  static let address = "127.0.0.1:9090"
  private let laboratory: Laboratory
  private let daemon: Child

  /// Conf of the repository.
  static let conf = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Conf").path

  /// - Parameter target: where nftbgpd listens.
  init(_ laboratory: Laboratory, target: String) throws {
    self.laboratory = laboratory
    // Only how long a condition must hold is other than in the field.
    let rules = try String(contentsOfFile: Self.conf + "/prometheus/nftbgpd.rules.yml", encoding: .utf8)
      .replacing(/(?m)^( +for:) .*$/) { "\($0.output.1) 0s" }
    let rulesFile = try laboratory.write(rules, to: "rules.yml")
    let file = try laboratory.write(
      """
      global:
        scrape_interval: 500ms
        scrape_timeout: 500ms
        evaluation_interval: 500ms
      rule_files: ["\(rulesFile)"]
      scrape_configs:
        - job_name: nftbgpd
          static_configs:
            - targets: ["\(target)"]

      """, to: "prometheus.yml")
    daemon = try laboratory.start(
      "prometheus",
      [
        "--config.file=\(file)", "--storage.tsdb.path=\(laboratory.path("prometheus"))",
        "--web.listen-address=\(Self.address)", "--log.level=warn",
      ], log: "prometheus.log")
  }

  /// The result of a query at this moment, as promtool prints it: a line for each series.
  func query(_ expression: String) throws -> [String] {
    let outcome = try laboratory.run("promtool", ["query", "instant", "http://\(Self.address)", expression])
    guard outcome.status == 0 else { return [] }
    return outcome.output.split(separator: "\n").map(String.init)
  }

  /// Waits until a query has a result.
  func wait(for expression: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try laboratory.wait("Prometheus has \(expression)", seconds: 30, sourceLocation: sourceLocation) {
      if daemon.hasEnded { throw Unexpected("Prometheus has ended: \(daemon.printed)") }
      return try !query(expression).isEmpty
    }
  }

  /// Waits until an alert fires.
  func waitForAlert(_ name: String, _ labels: String = "", sourceLocation: SourceLocation = #_sourceLocation) throws {
    try wait(
      for: "ALERTS{alertname=\"\(name)\",alertstate=\"firing\"\(labels)}", sourceLocation: sourceLocation)
  }

  /// Waits until these alerts fire and no others: some do for a moment, while what has changed is under way.
  func wait(forAlerts expected: Set<String>, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try laboratory.wait("no alerts but \(expected.sorted())", sourceLocation: sourceLocation) {
      try alerts() == expected
    }
  }

  /// The names of the alerts that fire.
  func alerts() throws -> Set<String> {
    let lines = try query("count by (alertname) (ALERTS{alertstate=\"firing\"})")
    return Set(lines.compactMap { $0.firstMatch(of: /alertname="([A-Za-z]+)"/).map { String($0.output.1) } })
  }
}
