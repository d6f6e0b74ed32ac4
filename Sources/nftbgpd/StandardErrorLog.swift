import Logging
import SystemPackage

/// Log lines on standard error, with the level prefixes of sd-daemon(3) where nobody looks at a terminal.
struct StandardErrorLog: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]
  /// `<6>` before each line: journald takes the level from it.
  let hasPrefixes: Bool

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let prefix = hasPrefixes ? "<\(Self.severity(event.level))>" : ""
    // A log that cannot be written has nobody to be told.
    _ = try? FileDescriptor.standardError.writeAll("\(prefix)\(event.message)\n".utf8)
  }

  /// The numbers of syslog(3).
  private static func severity(_ level: Logger.Level) -> Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
