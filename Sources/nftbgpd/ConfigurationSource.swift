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

  /// Reads and checks the file; says every finding.
  func load() throws -> Configuration {
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
    for diagnostic in result.diagnostics { say(diagnostic.description) }
    guard let configuration = result.configuration else { throw Self.badConfiguration }
    let open = try result.filesWithSecrets.filter { try !FileContents.isPrivate($0) }
    for file in open {
      say("\(file):1:1: the file holds a key and is open to others than its owner, expected chmod 600 \(file)")
    }
    guard open.isEmpty else { throw Self.badConfiguration }
    return configuration
  }
}

/// A line on standard error, for who started the program.
func say(_ text: String) {
  _ = try? FileDescriptor.standardError.writeAll("\(text)\n".utf8)
}
