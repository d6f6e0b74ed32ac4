import BGPWire
import ConfigFile
import Primitives
import Testing

@Suite("Macros, includes and the letters of the file")
struct LexicalTests {
  static let tail = "neighbor 192.0.2.1 { remote-as 2 }\nallow from any set pftable t\n"

  @Test(
    "Macros and other lexical rules that bgpd.conf(5) has",
    arguments: [
      "a=\"65001\"\nAS $a\n", "a = b65001\na=\"65001\"\nAS $a\n", "a=65001\nAS $a\n", "1a='65001'\nAS $1a\n",
      "a=\"65001 # comment\"\nAS $a\n", "a=\"AS 65001\"\n$a\n", "a=\"AS\" 65001\n$a\n", "a=\"\"\nAS $a 65001 $a\n",
      "# comment \\\nAS foo\nAS 65001\n", "AS 65001# comment\n", "AS\t65001  \t # c\n",
      "\\\n\nAS 65001\n", "\u{FEFF}AS 65001\n",
      "a='\"x y\"'\nAS 65001\ngroup $a {\n\tremote-as 1\n\tneighbor 192.0.2.9\n}\n",
    ])
  func macros(_ text: String) {
    let result = parse(text + Self.tail)
    #expect(result.diagnostics == [])
    #expect(result.configuration?.localAS.value == 65001)
  }

  @Test("A definition of the command line overrides those of the file")
  func commandLine() {
    let text = "a=\"65001\"\nAS $a\na=\"65002\"\n" + Self.tail
    #expect(parse(text, macros: ["a": "65009"]).configuration?.localAS.value == 65009)
    #expect(parse("AS $b\n" + Self.tail, macros: ["b": "65009"]).configuration?.localAS.value == 65009)
  }

  @Test("Strings keep what stands in the quotes, but for an escaped quote and joined lines")
  func strings() {
    let text =
      "AS 1\nneighbor 192.0.2.1 {\nremote-as 2\n"
      + "descr \"a \\\"b\\\" $c # d 'e' \\x f\\\ng\"\n}\nallow from any set pftable t\n"
    #expect(parse(text).configuration?.neighbors.first?.description == "a \"b\" $c # d 'e' \\x fg")
  }

  @Test("CR LF is accepted with one warning, at the first place")
  func carriageReturns() {
    let result = parse("AS 1\r\nneighbor 192.0.2.1 { remote-as 2 }\r\nallow from any set pftable t\r\n")
    #expect(result.configuration != nil)
    #expect(
      result.diagnostics.map(\.description) == ["t.conf:1:5: warning: lines end in CR LF, expected LF alone; accepted"])
  }

  @Test("A macro's text is at fault where the macro stands")
  func position() {
    let result = parse("a=\"one two\"\nAS 1\n\tmultihop=\"2\"\n \t é\nneighbor   $a { remote-as 2 }\n")
    #expect(
      result.errors == [
        "t.conf:3:2: 'multihop' is a keyword, expected another name for the macro",
        "t.conf:4:4: unexpected character U+00E9, expected quotes around text with such characters",
        "t.conf:5:12: 'one' is not an IP address, expected one for neighbor: names are not resolved",
      ])
  }

  @Test("Columns count characters, not octets")
  func characters() {
    let result = parse("AS 1\nneighbor 192.0.2.1 {\nremote-as 2\ndescr \"é日本\" {\n}\n}\n")
    #expect(result.errors == ["t.conf:4:13: unexpected '{', expected end of line"])
  }

  @Test("Included files are read where the statement stands, and see its macros")
  func include() {
    let files = ["peers": "include \"more\"\nb=\"2\"", "more": "c=\"192.0.2.1\""]
    let text =
      "a=\"1\"\nAS $a\ninclude \"peers\" # comment\nneighbor $c { remote-as $b }\nallow from any set pftable t\n"
    let result = parse(text, files: files)
    #expect(result.diagnostics == [])
    #expect(result.files == ["t.conf", "peers", "more"])
  }

  @Test("Mistakes in an included file bear its name, and come where it is read")
  func includedMistakes() {
    let result = parse(
      "AS 1\nfoo\ninclude \"peers\"\nbar\n" + Self.tail, files: ["peers": "AS 2\n  baz\nrouter-id 192.0.2.1"])
    #expect(
      result.errors == [
        "t.conf:2:1: unknown word 'foo', expected a statement", "peers:2:3: unknown word 'baz', expected a statement",
        "t.conf:4:1: unknown word 'bar', expected a statement",
      ])
  }

  @Test("A file that cannot be included is one error, whatever it would have defined")
  func missingInclude() {
    let result = parse("AS 1\n include \"peers\"\nallow from group g set pftable t\nallow from 192.0.2.1\n")
    #expect(result.errors == ["t.conf:2:2: include: open peers: No such file or directory"])
  }

  @Test("An include loop is one error, with the way around it")
  func loop() {
    let result = parse("AS 1\ninclude \"a\"\n" + Self.tail, files: ["a": "include \"b\"", "b": "include \"t.conf\"\n"])
    #expect(
      result.errors == ["b:1:1: include loop: t.conf includes a includes b includes t.conf, expected an end to it"])
  }

  @Test("Includes that double at each step come to an end")
  func manyIncludes() {
    var files: [String: String] = [:]
    for depth in 0..<20 {
      files["f\(depth)"] = "include \"f\(depth + 1)\"\ninclude \"f\(depth + 1)\"\n"
    }
    files["f20"] = ""
    let result = parse("AS 1\ninclude \"f0\"\n" + Self.tail, files: files)
    #expect(result.files.count <= 258)
    #expect(result.errors.first?.contains("too many includes") == true)
  }
}
