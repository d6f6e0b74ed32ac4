import ConfigFile
import Testing

@Suite("Verdicts beside those of OpenBGPD 7.7")
struct OracleTests {
  enum Verdict: String { case ok, warning, error }

  struct Probe: CustomStringConvertible, Sendable {
    var section: String
    var ours: Verdict
    var theirs: Verdict
    var statement: String
    var description: String { statement }

    var text: String {
      switch section {
      case "neighbor":
        "AS 65001\nneighbor 192.0.2.1 {\nremote-as 65066\nmultihop 64\n\(statement)\n}\n"
          + "allow from any set pftable \"t\"\n"
      case "global":
        (statement.hasPrefix("AS ") ? "" : "AS 65001")
          + "\n\(statement)\nneighbor 192.0.2.1 {\nremote-as 65066\n}\nallow from any set pftable \"t\"\n"
      default:
        """
        a="65066"
        c="65066:42"
        AS 65001
        prefix-set ps { 10.0.0.0/8 or-longer }
        as-set as1 { 64512 64513 }
        group "spamd-bgp" {
        remote-as 65066
        multihop 64
        neighbor 192.0.2.1
        neighbor 2001:db8::1
        }
        allow from any set pftable "t"
        \(statement)

        """
      }
    }

    /// The line of the statement in `text`.
    var line: Int {
      switch section {
      case "neighbor": 5
      case "global": 2
      default: 13
      }
    }
  }

  static let probes: [Probe] = {
    var section = ""
    var probes: [Probe] = []
    for line in ((try? Fixtures.text("oracle.txt")) ?? "").split(separator: "\n") where !line.hasPrefix("#") {
      if line.hasPrefix("== ") {
        section = String(line.dropFirst(3))
        continue
      }
      let fields = line.split(separator: "\t").map(String.init)
      guard fields.count == 3, let ours = Verdict(rawValue: fields[0]), let theirs = Verdict(rawValue: fields[1]) else {
        continue
      }
      probes.append(Probe(section: section, ours: ours, theirs: theirs, statement: fields[2]))
    }
    return probes
  }()

  @Test("The list holds all 223 statements")
  func listIsWhole() {
    #expect(Self.probes.count == 223)
  }

  @Test("Each statement gets our verdict, and its one message is on its line", arguments: probes)
  func verdict(_ probe: Probe) {
    let result = parse(probe.text)
    let verdict: Verdict = result.configuration == nil ? .error : result.diagnostics.isEmpty ? .ok : .warning
    #expect(verdict == probe.ours, "\(result.diagnostics)")
    #expect(result.diagnostics.count <= 1)
    #expect(result.diagnostics.allSatisfy { $0.line == probe.line })
  }

  /// Files of several lines: ours, theirs, the file.
  static let structures: [(name: String, ours: Verdict, text: String)] = [
    ("no AS", .error, "neighbor 192.0.2.1 {\nremote-as 65066\n}\n"),
    ("an empty file", .error, ""),
    ("one option on the line of the block", .ok, "AS 65001\nneighbor 192.0.2.1 { remote-as 65066 }\n"),
    (
      "an option after the brace, then more lines", .error,
      "AS 65001\nneighbor 192.0.2.1 { remote-as 65066\nport 1\n}\n"
    ),
    ("a neighbor without block or remote-as", .error, "AS 65001\nneighbor 192.0.2.1\n"),
    ("a block without remote-as", .error, "AS 65001\nneighbor 192.0.2.1 {\nport 1\n}\n"),
    ("AS after a neighbor", .error, "neighbor 192.0.2.1 {\nremote-as 65066\n}\nAS 65001\n"),
    ("a neighbor twice", .error, "AS 65001\nneighbor 192.0.2.1 { remote-as 1 }\nneighbor 192.0.2.1 { remote-as 1 }\n"),
    ("a template, where OpenBGPD listens for strangers", .error, "AS 65001\nneighbor 192.0.2.0/24 { remote-as 1 }\n"),
    ("a host name", .error, "AS 65001\nneighbor rs.bgp-spamd.net { remote-as 65066 }\n"),
    ("an undefined macro", .error, "AS 65001\nneighbor $foo { remote-as 65066 }\n"),
    ("a group option after the neighbor", .error, "AS 65001\ngroup g {\nneighbor 192.0.2.1\nremote-as 65066\n}\n"),
    (
      "a group of both families", .ok, "AS 65001\ngroup g {\nremote-as 1\nneighbor 192.0.2.1\nneighbor 2001:db8::1\n}\n"
    ),
    (
      "a group with no neighbor that a rule names", .warning,
      "AS 65001\ngroup g {\n#neighbor 192.0.2.1\n}\nallow from group g\n"
    ),
    ("a group with no neighbor", .warning, "AS 65001\ngroup g {\nremote-as 1\n}\n"),
    ("a macro redefined", .ok, "a=\"192.0.2.1\"\na=\"192.0.2.2\"\nAS 65001\nneighbor $a { remote-as 1 }\n"),
    ("a macro named as a keyword", .error, "AS=\"65001\"\nAS 65001\nneighbor 192.0.2.1 { remote-as 1 }\n"),
    ("a line continued", .ok, "AS \\\n65001\nneighbor 192.0.2.1 \\\n { remote-as 1 }\n"),
    ("CR LF, which OpenBGPD refuses", .warning, "AS 65001\r\nneighbor 192.0.2.1 { remote-as 1 }\r\n"),
    ("a group that does not end", .error, "AS 65001\ngroup g {\nremote-as 1\nneighbor 192.0.2.1\n"),
    ("a rule above its group", .error, "AS 65001\nallow from group g\ngroup g {\nremote-as 1\nneighbor 192.0.2.1\n}\n"),
    ("a macro defined in the middle", .ok, "AS 65001\na=\"192.0.2.1\"\nneighbor $a { remote-as 1 }\n"),
  ]

  @Test("Structure", arguments: structures.indices)
  func structure(_ index: Int) {
    let (name, ours, text) = Self.structures[index]
    let isFilled = text.isEmpty || ours == .error
    let result = parse(isFilled ? text : text + "allow from any set pftable \"t\"\n")
    let verdict: Verdict = result.configuration == nil ? .error : result.diagnostics.isEmpty ? .ok : .warning
    #expect(verdict == ours, "\(name): \(result.diagnostics)")
    #expect(result.diagnostics.count <= 1, "\(name): \(result.diagnostics)")
  }
}
