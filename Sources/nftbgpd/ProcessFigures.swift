import AtomicFile
import FoundationEssentials
import Glibc
import Metrics
import Primitives

/// What the kernel says of this process.
enum ProcessFigures {
  /// Reads them; nil where /proc is not what proc_pid_stat(5) says.
  ///
  /// - Parameter started: nanoseconds since the beginning of 1970 (UTC). The kernel's own figure counts from a moment that a service
  ///   without the right to see all of /proc cannot ask for.
  static func read(started: Int64) -> MetricsReport.Process? {
    guard let text = try? FileContents.text("/proc/self/stat"), let end = text.lastIndex(of: ")"),
      let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    else { return nil }
    // Behind the name, which may hold anything, the third field is the first one.
    let fields = text[end...].dropFirst().split(whereSeparator: \.isWhitespace)
    let field = { (number: Int) in fields.indices.contains(number - 3) ? Int64(decimal: fields[number - 3]) : nil }
    guard let user = field(14), let system = field(15), let virtual = field(23), let pages = field(24) else {
      return nil
    }
    let tick = 1_000_000_000 / max(1, Int64(sysconf(Int32(_SC_CLK_TCK))))
    let page = UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
    return MetricsReport.Process(
      cpuTime: Interval(nanoseconds: (user &+ system) &* tick), residentMemory: UInt64(clamping: pages) &* page,
      virtualMemory: UInt64(clamping: virtual), openFiles: files.count, started: started)
  }

  /// Nanoseconds since the beginning of 1970 (UTC).
  static var unixTime: Int64 { Int64(Date.now.timeIntervalSince1970 * 1_000_000_000) }
}
