import AtomicFile
import Foundation
import Primitives
import Testing

/// One after the other, because the umask is the process's.
@Suite("Replacing a file", .serialized)
struct FileReplacementTests {
  /// Runs `body` with the name of a new directory, which it removes afterwards.
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "nftbgp-test-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  private func names(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }

  private func contents(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test("A new file has the contents, mode 0644 whatever the umask, and nothing beside it")
  func creates() throws {
    try withDirectory { directory in
      let octets = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
      let previous = umask(0o077)
      defer { umask(previous) }
      try FileReplacement(path: "\(directory)/spamd.black").write(octets)
      #expect(try contents("\(directory)/spamd.black") == octets)
      #expect(try mode("\(directory)/spamd.black") == 0o644)
      #expect(try names(in: directory) == ["spamd.black"])
    }
  }

  @Test("A replaced file keeps its mode, and who has the old one open keeps the old contents")
  func replaces() throws {
    try withDirectory { directory in
      let path = "\(directory)/list"
      try FileReplacement(path: path).write(Array("old".utf8))
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
      let reader = try #require(FileHandle(forReadingAtPath: path))
      try FileReplacement(path: path).write(Array("newer".utf8))
      #expect(try reader.readToEnd() == Data("old".utf8))
      #expect(try contents(path) == Array("newer".utf8))
      #expect(try mode(path) == 0o640)
      #expect(try names(in: directory) == ["list"])
    }
  }

  @Test("What is not a regular file is never replaced")
  func refuses() throws {
    try withDirectory { directory in
      let target = "\(directory)/target"
      let link = "\(directory)/link"
      try FileReplacement(path: target).write([1])
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
      let error = #expect(throws: SystemError.self) { try FileReplacement(path: link).write([2]) }
      #expect(error?.description == "replace \(link): a symbolic link, name the file it leads to")
      for path in [directory, "/dev/null", "/dev/stdout", "\(directory)/.."] {
        #expect(throws: SystemError.self) { try FileReplacement(path: path).write([2]) }
      }
      #expect(try contents(target) == [1])
      #expect(try names(in: directory) == ["link", "target"])
    }
  }

  @Test("A failure names the call and the file", arguments: ["", "/", "a\u{0}b", "/nonexistent/list", "/proc/list"])
  func failures(path: String) {
    let error = #expect(throws: SystemError.self) { try FileReplacement(path: path).write([]) }
    let call = error?.call ?? ""
    #expect(
      call.hasPrefix("open \(path)") || call.hasPrefix("open /nonexistent/.nftbgp.")
        || call.hasPrefix("open /proc/.nftbgp."))
  }
}
