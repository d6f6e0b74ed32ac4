import Primitives

/// The essay on this room: what the daemon measures, and the text of it that Prometheus reads.
///
/// `MetricsReport` is the value, `Exposition` writes it; who asks over the control socket, who reads the file and who asks over HTTP get
/// the same lines. There are two dialects of the text. `text` is Prometheus' text format 0.0.4, which node_exporter's textfile collector
/// and `promtool check metrics` know, and no other. `openMetrics` is OpenMetrics 1.0, which Prometheus prefers over HTTP. They differ in
/// what a counter is called in its own description, in `# UNIT`, and in the end.
///
/// Nothing here knows sockets, files or the time. The wart: the names are promised to dashboards and alerts, so one that was chosen badly
/// stays.
package struct Exposition {
  package enum Dialect: String, Hashable, Sendable, CaseIterable {
    case text
    case openMetrics = "openmetrics"

    /// The media type of a HTTP response.
    package var contentType: String {
      switch self {
      case .text: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  enum Kind: String {
    case gauge, counter, histogram
    /// A constant 1 that its labels are about; for the dialect that does not know it, a gauge.
    case info
  }

  struct Sample {
    var suffix = ""
    var labels: [(name: String, value: String)]
    var value: String
  }

  private let dialect: Dialect
  /// Without the ends of the lines.
  private var lines: [String] = []

  private init(_ dialect: Dialect) {
    self.dialect = dialect
  }

  /// The lines of the report.
  package static func lines(_ report: MetricsReport, _ dialect: Dialect) -> [String] {
    var exposition = Exposition(dialect)
    exposition.write(report)
    return exposition.end()
  }

  /// The lines that a daemon leaves behind when it stops.
  package static func lastLines(_ dialect: Dialect) -> [String] {
    var exposition = Exposition(dialect)
    exposition.write(isUp: false)
    return exposition.end()
  }

  /// The octets of a file, or of the body of a response.
  package static func octets(_ lines: [String]) -> [UInt8] {
    var octets: [UInt8] = []
    octets.reserveCapacity(lines.reduce(0) { $0 + $1.utf8.count + 1 })
    for line in lines {
      octets += line.utf8
      octets.append(UInt8(ascii: "\n"))
    }
    return octets
  }

  private consuming func end() -> [String] {
    if dialect == .openMetrics { lines.append("# EOF") }
    return lines
  }

  /// - Parameter name: without the `_total` of a counter and the `_info` of an info.
  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
    guard !samples.isEmpty else { return }
    let suffix =
      switch kind {
      case .counter: "_total"
      case .info: "_info"
      case .gauge, .histogram: ""
      }
    let isOpen = dialect == .openMetrics
    let described = isOpen ? name : name + suffix
    lines.append("# HELP \(described) \(help)")
    lines.append("# TYPE \(described) \(kind == .info && !isOpen ? Kind.gauge.rawValue : kind.rawValue)")
    if isOpen, let unit = ["seconds", "bytes"].first(where: { name.hasSuffix("_\($0)") }) {
      lines.append("# UNIT \(described) \(unit)")
    }
    for sample in samples {
      lines.append("\(name)\(suffix)\(sample.suffix)\(Self.text(sample.labels)) \(sample.value)")
    }
  }

  /// One sample without labels.
  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: String?) {
    family(name, kind, help, value.map { [Sample(labels: [], value: $0)] } ?? [])
  }

  mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
    var samples: [Sample] = []
    var count: UInt64 = 0
    for (limit, number) in zip(Histogram.bounds.map(\.text) + ["+Inf"], histogram.counts) {
      count &+= number
      samples.append(Sample(suffix: "_bucket", labels: [("le", limit)], value: "\(count)"))
    }
    samples.append(Sample(suffix: "_sum", labels: [], value: Self.seconds(histogram.sum.nanoseconds)))
    samples.append(Sample(suffix: "_count", labels: [], value: "\(count)"))
    family(name, .histogram, help, samples)
  }

  private static func text(_ labels: [(name: String, value: String)]) -> String {
    guard !labels.isEmpty else { return "" }
    return "{" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
  }

  private static func escaped(_ value: String) -> String {
    var result = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Nanoseconds as seconds with microseconds, which is as exact as anything is measured.
  static func seconds(_ nanoseconds: Int64) -> String {
    let microseconds = nanoseconds.magnitude / 1_000
    let fraction = String(microseconds % 1_000_000)
    let padding = String(repeating: "0", count: 6 - fraction.utf8.count)
    return "\(nanoseconds < 0 ? "-" : "")\(microseconds / 1_000_000).\(padding)\(fraction)"
  }
}
