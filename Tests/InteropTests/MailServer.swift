import Foundation
import Testing

/// Mail servers of which Debian lets only one be installed at a time. `Tools/setup` unpacks them; they find their files and users here.
enum MailServer {
  private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  private static let root = tests.deletingLastPathComponent().appendingPathComponent(".build/mail-servers").path

  /// A script in Tests/Fixtures/consumers.
  static func fixture(_ name: String) -> String { tests.appendingPathComponent("Fixtures/consumers/\(name)").path }

  /// A file of a package by its path.
  static func file(_ path: String) throws -> String {
    let file = root + path
    try #require(FileManager.default.fileExists(atPath: file), "\(file) is missing: run Tools/setup")
    return file
  }

  /// The words that run a program of a package where its users and directories exist: in a mount namespace of its own.
  static func command(_ laboratory: Laboratory, _ path: String, _ arguments: [String]) throws -> [String] {
    let users = ["Debian-exim", "opensmtpd", "opensmtpq"].enumerated()
    let passwd = users.map { "\($0.element):x:\(901 + $0.offset):\(901 + $0.offset)::/nonexistent:/bin/false\n" }
      .joined()
    let group = users.map { "\($0.element):x:\(901 + $0.offset):\n" }.joined()
    for (name, additions) in [("passwd", passwd), ("group", group)] {
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o644],
        ofItemAtPath: try laboratory.write(Child.text("/etc/\(name)") + additions, to: name))
    }
    let script = """
      mount --bind \(laboratory.path("passwd")) /etc/passwd && mount --bind \(laboratory.path("group")) /etc/group &&
      for directory in /var/lib /var/spool /run; do mount -t tmpfs tmpfs $directory || exit; done &&
      mkdir -p -m 711 /var/lib/opensmtpd/empty /var/spool/smtpd && exec "$@"
      """
    return ["unshare", "-m", "sh", "-c", script, "sh", try file(path)] + arguments
  }

  /// Addresses of this host for as long as something lasts, for connections from them.
  static func withAddresses(_ addresses: [String], _ laboratory: Laboratory, _ body: () throws -> Void) throws {
    func change(_ verb: String) throws {
      let commands = addresses.map { "address \(verb) \($0)/\($0.contains(":") ? 128 : 32) dev lo\n" }.joined()
      let outcome = try laboratory.run("ip", ["-batch", try laboratory.write(commands, to: "addresses")])
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
    try change("add")
    defer { try? change("delete") }
    try body()
  }
}
