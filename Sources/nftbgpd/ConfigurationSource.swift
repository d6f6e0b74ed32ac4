import ArgumentParser
import AtomicFile
import ConfigFile
import Primitives
import SystemPackage

/// Where the configuration comes from: the options that the daemon and its one-shot commands share.
struct ConfigurationSource: ParsableArguments {
  @Option(name: .customShort("f"), help: "Configuration file.", completion: .file()) var file = "/etc/nftbgpd.conf"
  @Option(
    name: .customShort("D"), help: ArgumentHelp("Define a macro, overriding the file's.", valueName: "macro=value"))
  var macros: [String] = []

  /// sysexits(3) EX_CONFIG.
  private static let badConfiguration = ExitCode(78)

  /// What the file says.
  struct Reading: Sendable {
    /// nil with any mistake.
    var configuration: Configuration?
    /// Mistakes and warnings, a line each: `FILE:LINE:COLUMN: TEXT`.
    var findings: [String]
  }

  /// Reads and checks the file; says every finding.
  func load() throws -> Configuration {
    let reading = try read()
    for finding in reading.findings { say(finding) }
    guard let configuration = reading.configuration else { throw Self.badConfiguration }
    return configuration
  }

  /// Reads and checks the file; it blocks.
  ///
  /// - Throws: what is wrong with the options.
  func read() throws -> Reading {
    var definitions: [String: String] = [:]
    for macro in macros {
      let parts = macro.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw ValidationError("-D: macro=value was expected, not \(macro)")
      }
      definitions[String(parts[0])] = String(parts[1])
    }
    let result = ConfigParser.parse(file: file, macros: definitions) { path throws(SystemError) in
      try FileContents.text(path)
    }
    var reading = Reading(
      configuration: result.configuration, findings: result.diagnostics.map(\.description))
    guard result.configuration != nil else { return reading }
    for file in try result.filesWithSecrets.filter({ try !FileContents.isPrivate($0) }) {
      let finding = "the file holds a key and is open to others than its owner and group"
      reading.findings.append("\(file):1:1: \(finding), expected chmod 640 \(file)")
      reading.configuration = nil
    }
    return reading
  }
}

/// A line on standard error, for who started the program.
func say(_ text: String) {
  _ = try? FileDescriptor.standardError.writeAll("\(text)\n".utf8)
}
