import Foundation
import Testing

extension InteropTier {
  @Suite("nftbgpd -n") struct ConfigurationCheck {
    private static let program = Laboratory.product("nftbgpd")

    @Test("says of every broken file what is wrong, where, and exits with 78")
    func brokenFiles() throws {
      try Laboratory.run { laboratory in
        let directory = Laboratory.fixtures + "/broken"
        let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".conf") }
          .sorted()
        let expected = try String(contentsOfFile: directory + "/expected", encoding: .utf8).split(separator: "\n")
        #expect(names.count >= 50)
        var said: [Substring] = []
        for name in names {
          let outcome = try laboratory.run(Self.program, ["-n", "-f", name], in: directory)
          #expect(outcome.status == 78, "\(name)")
          #expect(outcome.output.isEmpty, "\(name)")
          said += outcome.errors.split(separator: "\n").filter { $0.contains(#/^[^:]+:\d+:\d+: /#) }
        }
        #expect(said.difference(from: expected).map { "\($0)" } == [])
      }
    }

    @Test("of a good file says so, and needs neither a right nor a network for that")
    func goodFile() throws {
      try Laboratory.run { laboratory in
        // Nothing may be done here, which the daemon itself finds out.
        let confined = ["-n", "setpriv", "--inh-caps=-all", "--bounding-set=-all", Self.program]
        let socket = laboratory.path("nftbgpd.sock")
        let file = try laboratory.write(
          "include \"\(Laboratory.fixtures)/v5.conf\"\nsocket \"\(socket)\"\nrouter-id 45.0.2.1\n", to: "good.conf")
        let daemon = try laboratory.run("unshare", confined + ["-f", file])
        #expect(daemon.status != 0 && daemon.errors.contains("Operation not permitted"), "\(daemon.errors)")
        let checked = try laboratory.run("unshare", confined + ["-n", "-f", file])
        #expect(checked.status == 0)
        #expect(checked.output.isEmpty)
        #expect(checked.errors.split(separator: "\n").last == "configuration OK", "\(checked.errors)")
        #expect(!FileManager.default.fileExists(atPath: socket))
      }
    }

    @Test("refuses a file with a key that others may read or change, also an included one")
    func secrets() throws {
      try Laboratory.run { laboratory in
        let block = "neighbor 45.0.2.1 {\n  remote-as 65066\n  tcp md5sig password x\n}\n"
        let peers = try laboratory.write(block, to: "peers.conf")
        let file = try laboratory.write(
          "AS 65500\ninclude \"\(peers)\"\nallow from any set pftable \"t\"\n", to: "main.conf")
        for (mode, isOpen) in [(0o600, false), (0o640, false), (0o604, true), (0o620, true), (0o602, true)] {
          try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: peers)
          // The one without a key may be as it likes.
          try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: file)
          let outcome = try laboratory.run(Self.program, ["-n", "-f", file])
          #expect(outcome.status == (isOpen ? 78 : 0), "mode \(mode): \(outcome.errors)")
          #expect(outcome.errors.contains("\(peers):1:1: the file holds a key") == isOpen)
        }
      }
    }

    @Test("with -v prints a configuration that it accepts and prints again")
    func printed() throws {
      try Laboratory.run { laboratory in
        let arguments = ["-nv", "-f", Laboratory.fixtures + "/v2.conf"]
        let first = try laboratory.run(Self.program, arguments)
        #expect(first.status == 0, "\(first.errors)")
        let file = try laboratory.write(first.output, to: "printed.conf")
        let second = try laboratory.run(Self.program, ["-nv", "-f", file])
        #expect(second.status == 0, "\(second.errors)")
        #expect(second.output == first.output)
      }
    }
  }
}
