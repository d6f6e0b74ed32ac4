import Control
import Presentation
import Primitives
import Testing

@Suite("The words of why and of changes")
struct ChangeWordsTests {
  private func error(_ words: [String]) -> String? {
    do throws(CommandError) {
      _ = try CommandWords.parse(words)
      return nil
    } catch {
      return error.text
    }
  }

  private static let rs = NeighborSelector.description("rs")

  @Test(
    "What a neighbour is told, and the abbreviations",
    arguments: [
      (["neighbor", "rs", "up"], .neighbor(rs, .up)), (["nei", "rs", "u"], .neighbor(rs, .up)),
      (["neighbor", "rs", "refresh"], .neighbor(rs, .refresh)), (["neighbor", "rs", "r"], .neighbor(rs, .refresh)),
      (["neighbor", "rs", "clear"], .neighbor(rs, .clear(""))),
      (["neighbor", "rs", "c", "new filters"], .neighbor(rs, .clear("new filters"))),
      (["neighbor", "rs", "down"], .neighbor(rs, .down(flush: false, ""))),
      (["neighbor", "rs", "do", "back at nine"], .neighbor(rs, .down(flush: false, "back at nine"))),
      (["neighbor", "rs", "down", "flush"], .neighbor(rs, .down(flush: true, ""))),
      (["neighbor", "rs", "down", "flush", "flush"], .neighbor(rs, .down(flush: true, "flush"))),
      // Only the whole word is the option: a reason may be anything else.
      (["neighbor", "rs", "down", "flu"], .neighbor(rs, .down(flush: false, "flu"))),
      (["neighbor", "rs", "clear", "flush"], .neighbor(rs, .clear("flush"))),
      (["neighbor", "192.0.2.1", "up"], .neighbor(.address(.v4(IPv4Address(0xC000_0201))), .up)),
      (["neighbor", "group", "spamd-bgp", "clear"], .neighbor(.group("spamd-bgp"), .clear(""))),
      (["neighbor", "g", "spamd-bgp", "up"], .neighbor(.group("spamd-bgp"), .up)),
      (["neighbor", "up", "up"], .neighbor(.description("up"), .up)),
      (["table", "bgp_spamd", "accept"], .accept(table: "bgp_spamd")),
      (["t", "accept", "a"], .accept(table: "accept")),
      (["reload"], .reload), (["r"], .reload),
      (["log", "verbose"], .log(verbose: true)), (["l", "b"], .log(verbose: false)),
    ] as [([String], Command)])
  func changes(words: [String], command: Command) throws {
    #expect(try CommandWords.parse(words) == command)
    #expect(command.request.isChange)
  }

  @Test(
    "why takes an address or a prefix of either family",
    arguments: [
      ("192.0.2.9", "192.0.2.9/32"), ("192.0.2.9/24", "192.0.2.0/24"), ("2001:db8::25", "2001:db8::25/128"),
      ("2001:db8::/32", "2001:db8::/32"),
    ])
  func why(word: String, asked: String) throws {
    let prefix = try #require(Prefix(asked))
    #expect(try CommandWords.parse(["why", word]) == .why(prefix))
    #expect(try CommandWords.parse(["w", word]).request == .why(prefix))
    #expect(try !CommandWords.parse(["w", word]).request.isChange)
  }

  @Test("What is missing or unknown is answered with what is possible")
  func unknown() {
    let actions = ["up", "down", "clear", "refresh", "destroy"].map { "  \($0)\n" }.joined()
    #expect(error(["neighbor", "rs"]) == "missing argument:\nvalid commands/args:\n" + actions)
    #expect(error(["neighbor", "rs", "stop"]) == "unknown argument: stop\nvalid commands/args:\n" + actions)
    #expect(error(["neighbor", "rs", "d"]) == "ambiguous argument: d\nvalid commands/args:\n" + actions)
    #expect(
      error(["neighbor"])
        == "missing argument:\nvalid commands/args:\n  group\n  <address>\n  <neighbor description>\n")
    #expect(error(["table", "bgp_spamd"]) == "missing argument:\nvalid commands/args:\n  accept\n")
    #expect(error(["why"]) == "missing argument:\nvalid commands/args:\n  <address>[/<len>]\n")
    #expect(error(["why", "mx.example.org"])?.hasPrefix("unknown argument: mx.example.org\n") == true)
    #expect(error(["why", "192.0.2.1/33"])?.hasPrefix("unknown argument: ") == true)
    #expect(error(["neighbor", "rs", "down", "back", "\u{7}"]) == "superfluous argument: \\u{7}\n")
    #expect(error(["neighbor", "rs", "up", "now"]) == "superfluous argument: now\n")
    #expect(
      error(["neighbor", "rs", "destroy"])
        == "nftbgpctl: neighbor destroy: neighbors come from the configuration\n")
  }

  @Test("A reason has at most 255 octets, whatever it follows (RFC 9003)")
  func longReason() throws {
    let longest = String(repeating: "ü", count: 127) + "x"
    #expect(
      try CommandWords.parse(["neighbor", "rs", "down", "flush", longest])
        == .neighbor(Self.rs, .down(flush: true, longest)))
    for words in [["clear"], ["down"], ["down", "flush"]] {
      #expect(
        error(["neighbor", "rs"] + words + [longest + "x"])
          == "nftbgpctl: shutdown reason too long: 256 octets, and 255 are possible\n")
    }
  }
}
