import ConfigFile
import Primitives
import Testing

@Suite("Files with mistakes")
struct BrokenFileTests {
  /// Tests/Fixtures/config/broken/expected: what a check of each file there prints, in the order of the names.
  static let expected = ((try? Fixtures.text("broken/expected")) ?? "").split(separator: "\n").map(String.init)

  static let names = Fixtures.configurations(in: "broken")

  @Test("give these messages, in these places, and no others", arguments: names)
  func messages(_ name: String) {
    let result = Fixtures.parse(name, in: "broken")
    #expect(result.configuration == nil)
    #expect(result.diagnostics.map(\.description) == Self.expected.filter { $0.hasPrefix(name + ":") })
    #expect(!result.errors.isEmpty)
  }

  @Test("The list of messages names no other file")
  func listIsWhole() {
    #expect(Self.names.count >= 50)
    #expect(Set(Self.expected.compactMap { $0.split(separator: ":").first.map(String.init) }) == Set(Self.names))
  }

  @Test("A file that cannot be read is one error")
  func unreadable() {
    let result = Fixtures.parse("no-such-file.conf")
    #expect(
      result.diagnostics.map(\.description) == [
        "no-such-file.conf:1:1: open no-such-file.conf: No such file or directory"
      ])
    #expect(result.unreadable?.errorNumber == 2)
  }
}
