import Engine
import Logging
import Synchronization
import SystemPackage

/// Where log lines go: one of them for the whole process, with a level that can be changed while it runs.
final class DaemonLog: Sendable {
  private enum Outlet {
    case standardError(hasPrefixes: Bool)
    case journal(JournalSocket)
  }

  private let outlet: Outlet
  private let isVerbose: Atomic<Bool>

  /// - Parameters:
  ///   - environment: `JOURNAL_STREAM` says which stream leads to the journal, where one does.
  ///   - hasPrefixes: whether lines on standard error begin with their level as in sd-daemon(3).
  ///   - journal: the socket of journald's native protocol.
  init(
    isVerbose: Bool, environment: [String: String], hasPrefixes: Bool, journal: String = JournalSocket.path
  ) {
    self.isVerbose = Atomic(isVerbose)
    // Standard error may have been redirected since: so not the variable alone (systemd.exec(5)).
    if let stream = environment["JOURNAL_STREAM"], stream == Self.identity(of: .standardError),
      let socket = try? JournalSocket(journal)
    {
      outlet = .journal(socket)
    } else {
      outlet = .standardError(hasPrefixes: hasPrefixes)
    }
  }

  /// `DEVICE:INODE`, as `JOURNAL_STREAM` has it.
  static func identity(of descriptor: FileDescriptor) -> String? {
    guard let stat = try? Stat(descriptor) else { return nil }
    return "\(stat.deviceID.rawValue):\(stat.inode.rawValue)"
  }

  var level: Logger.Level {
    get { isVerbose.load(ordering: .relaxed) ? .debug : .info }
    set { isVerbose.store(newValue < .info, ordering: .relaxed) }
  }

  func write(_ level: Logger.Level, _ message: String, _ fields: [(name: String, value: String)]) {
    switch outlet {
    case .standardError(let hasPrefixes): Self.writeToStandardError(level, message, hasPrefixes: hasPrefixes)
    case .journal(let socket):
      // Standard error leads there too, by another way.
      if !socket.write(level, message, fields) { Self.writeToStandardError(level, message, hasPrefixes: true) }
    }
  }

  private static func writeToStandardError(_ level: Logger.Level, _ message: String, hasPrefixes: Bool) {
    let prefix = hasPrefixes ? "<\(level.severity)>" : ""
    // A log that cannot be written has nobody to be told.
    _ = try? FileDescriptor.standardError.writeAll("\(prefix)\(message)\n".utf8)
  }
}

/// What swift-log is given.
struct DaemonLogHandler: LogHandler {
  let log: DaemonLog
  var metadata: Logger.Metadata = [:]

  var logLevel: Logger.Level {
    get { log.level }
    set { log.level = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }.sorted { $0.key < $1.key }
    log.write(event.level, "\(event.message)", fields.flatMap { name, value in value.texts.map { (name, $0) } })
  }
}

extension Logger {
  /// Writes a line of the engine, or one like it.
  func log(_ record: LogRecord) {
    var fields: Logger.Metadata = [:]
    if let kind = record.kind { fields["MESSAGE_ID"] = "\(kind.rawValue)" }
    if let peer = record.peer { fields["BGP_PEER"] = "\(peer)" }
    if !record.sets.isEmpty { fields["NFT_SET"] = .array(record.sets.map { .string($0) }) }
    log(level: Level(record.level), "\(record.message)", metadata: fields)
  }
}

extension Logger.MetadataValue {
  /// The values of a field: the journal allows for several.
  fileprivate var texts: [String] {
    guard case .array(let values) = self else { return ["\(self)"] }
    return values.map { "\($0)" }
  }
}

extension Logger.Level {
  init(_ level: LogRecord.Level) {
    switch level {
    case .debug: self = .debug
    case .info: self = .info
    case .notice: self = .notice
    case .warning: self = .warning
    case .error: self = .error
    }
  }

  /// The numbers of syslog(3).
  var severity: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
