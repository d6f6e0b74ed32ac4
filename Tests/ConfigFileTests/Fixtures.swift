import ConfigFile
import Foundation
import Primitives
import Tables

/// The files below Tests/Fixtures/config.
enum Fixtures {
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures").appendingPathComponent("config")

  static func text(_ name: String) throws(SystemError) -> String {
    let url = directory.appendingPathComponent(name)
    guard let data = FileManager.default.contents(atPath: url.path) else {
      throw SystemError(call: "open \(url.lastPathComponent)", errorNumber: 2, explanation: "No such file or directory")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// The names in a directory that end in `.conf`, in order.
  static func configurations(in subdirectory: String = "") -> [String] {
    let path = directory.appendingPathComponent(subdirectory).path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".conf") }.sorted()
  }

  /// Parses a fixture; its includes are relative to its directory.
  static func parse(_ name: String, in subdirectory: String = "") -> ConfigResult {
    ConfigParser.parse(file: name) { path throws(SystemError) in
      try text(subdirectory.isEmpty ? path : subdirectory + "/" + path)
    }
  }
}

/// Parses text as the file `t.conf`, with other files beside it.
func parse(_ text: String, macros: [String: String] = [:], files: [String: String] = [:]) -> ConfigResult {
  ConfigParser.parse(file: "t.conf", macros: macros) { path throws(SystemError) in
    if path == "t.conf" { return text }
    guard let text = files[path] else {
      throw SystemError(call: "open \(path)", errorNumber: 2, explanation: "No such file or directory")
    }
    return text
  }
}

extension ConfigResult {
  var errors: [String] { diagnostics.filter { $0.severity == .error }.map(\.description) }
  var warnings: [String] { diagnostics.filter { $0.severity == .warning }.map(\.description) }
}

extension Configuration {
  /// Without the lines of the file, which printing moves.
  var withoutLines: Configuration {
    var copy = self
    for index in copy.neighbors.indices { copy.neighbors[index].line = 0 }
    for index in copy.rules.indices { copy.rules[index].line = 0 }
    return copy
  }
}
