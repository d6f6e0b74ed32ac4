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
