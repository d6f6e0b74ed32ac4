import ConfigFile
import Primitives
import Testing

@Suite("Absurd input")
struct RobustnessTests {
  /// Every fixture's text.
  static let texts: [[UInt8]] =
    Fixtures.configurations().compactMap { try? Fixtures.text($0) }.map { Array($0.utf8) }
    + Fixtures.configurations(in: "broken").compactMap { try? Fixtures.text("broken/" + $0) }.map { Array($0.utf8) }

  /// Parses octets; an include gives the same text again. A diagnostic must have a place in a file.
  private func expectVerdict(_ octets: some Collection<UInt8>) {
    let text = String(decoding: octets, as: UTF8.self)
    let result = ConfigParser.parse(file: "t.conf") { _ throws(SystemError) in text }
    #expect((result.configuration == nil) == !result.errors.isEmpty)
    #expect(result.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 && !$0.message.isEmpty })
    if let configuration = result.configuration {
      #expect(
        parse(configuration.print(showingSecrets: true)).configuration?.withoutLines == configuration.withoutLines)
    }
  }

  @Test("Random octets", arguments: 0..<60)
  func noise(_ seed: Int) {
    var random = RandomSource(seed: UInt64(seed))
    let alphabets: [[UInt8]] = [
      Array(0...255), Array("{}\"'\\\n$=#,/<>!- a0:".utf8),
      Array("AS group neighbor allow from any set pftable\n {}\"$".utf8),
    ]
    for alphabet in alphabets {
      expectVerdict(
        (0..<Int.random(in: 0...400, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 })
    }
  }

  @Test("Every fixture cut off anywhere", arguments: texts.indices)
  func truncations(_ index: Int) {
    let text = Self.texts[index]
    for length in stride(from: 0, to: text.count, by: max(1, text.count / 80)) {
      expectVerdict(text.prefix(length))
    }
  }

  @Test("Every fixture with octets changed, words swapped and lines left out", arguments: texts.indices)
  func mutations(_ index: Int) {
    var random = RandomSource(seed: UInt64(index))
    for _ in 0..<40 {
      var text = Self.texts[index]
      for _ in 0..<Int.random(in: 1...4, using: &random) where text.count > 4 {
        let place = Int.random(in: 0..<text.count - 4, using: &random)
        switch Int.random(in: 0...4, using: &random) {
        case 0: text[place] = UInt8.random(in: 0...255, using: &random)
        case 1: text.remove(at: place)
        case 2: text.insert(Array("{}\"$=\\\n#/".utf8).randomElement(using: &random) ?? 0, at: place)
        case 3: text.swapAt(place, place + 3)
        default: text.removeSubrange(place..<min(text.count, place + 20))
        }
      }
      expectVerdict(text)
    }
  }

  @Test("A line of a megabyte", arguments: ["a", "{ "])
  func longLine(_ piece: String) {
    expectVerdict(String(repeating: piece, count: 1_000_000 / piece.utf8.count).utf8)
  }

  @Test(
    "Endless repetition of one thing",
    arguments: [
      "1", "} ", "\"x\" ", "$a ", "\\\n", "# ", "{", "\u{0}", "é", "- ", "a=", "AS { ", "group {\n", "\"x {\n",
    ])
  func repetition(_ piece: String) {
    let many = String(repeating: piece, count: 20_000)
    expectVerdict(many.utf8)
    expectVerdict(("AS 1\nallow from any prefix { " + many).utf8)
    expectVerdict(("AS 1\nneighbor 192.0.2.1 {\ndescr \"" + many + "\"\n" + many + "\n}\n").utf8)
  }

  @Test("A macro that would expand to gigabytes is one error")
  func expansion() {
    let macro = "a=\"\(String(repeating: "x", count: 8000))\"\n"
    let result = parse(macro + "AS 1\n" + String(repeating: "$a ", count: 3000) + "\nfoo\n")
    #expect(
      result.errors.map { $0.prefix(10) } == ["t.conf:3:1", "t.conf:4:1"])
  }

  @Test("A file of nothing but mistakes gives at most a thousand messages")
  func manyMistakes() {
    #expect(parse(String(repeating: "foo\n", count: 50_000)).diagnostics.count == 1000)
  }
}
