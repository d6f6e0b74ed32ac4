import BGPWire
import ConfigFile
import Engine
import Export
import Primitives
import TestSupport
import Testing

@Suite("Commands after an export")
struct ExportHookTests {
  private static let postfix = ExportHook(command: "postfix reload")
  private static let nginx = ExportHook(command: "nginx -s reload", timeout: 5)

  /// Up and complete, with two files for the same hook and one for another.
  private static func laboratory() -> Laboratory {
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.exports = [
          ExportFile(table: "black", path: "/black", format: .postfix, allowEmpty: false, hook: Self.postfix),
          ExportFile(table: "bypass", path: "/bypass", format: .postfix, allowEmpty: false, hook: Self.postfix),
          ExportFile(table: "black", path: "/geo", format: .nginx, allowEmpty: false, hook: Self.nginx),
        ]
      })
    lab.up(0)
    lab.announce(0, ["192.0.2.1"], 666)
    lab.announce(0, ["192.0.2.2"], 42)
    lab.endOfRIB(0)
    return lab
  }

  @Test("A hook is run once for all the files of a burst that name it, and not before they are written")
  func once() {
    var lab = Self.laboratory()
    #expect(lab.hooks.isEmpty)
    lab.advance(.seconds(1))
    #expect(lab.exports.map(\.file.path) == ["/black", "/bypass", "/geo"])
    #expect(lab.hooks == [Self.postfix, Self.nginx])
  }

  @Test("A hook is not run beside itself, nor again within ten seconds, and not forgotten either")
  func notBesideItself() {
    var lab = Self.laboratory()
    lab.advance(.seconds(1))
    lab.end(Self.nginx, HookOutcome(.exited(0)))
    lab.announce(0, ["192.0.2.3"], 666)
    lab.advance(.seconds(8))
    #expect(lab.exports.count == 5)
    #expect(lab.hooks.count == 2, "both are to wait")
    lab.advance(.seconds(3))
    #expect(lab.hooks.dropFirst(2) == [Self.nginx], "the other one is still running")
    lab.end(Self.postfix, HookOutcome(.exited(0)))
    #expect(lab.hooks.dropFirst(3) == [Self.postfix])
  }

  @Test("A file that has not changed runs nothing")
  func unchanged() {
    var lab = Self.laboratory()
    lab.exportsChange = false
    lab.advance(.seconds(30))
    #expect(lab.exports.count == 3)
    #expect(lab.hooks.isEmpty)
  }

  @Test(
    "How a hook ends is told",
    arguments: [
      (.init(.exited(0), lastLine: "fine"), "ran \"postfix reload\""),
      (.init(.exited(7), lastLine: "fatal: no"), "\"postfix reload\" exit status 7: fatal: no"),
      (.init(.signaled(9)), "\"postfix reload\" killed by signal 9"),
      (.init(.timedOut), "\"postfix reload\" killed after 30 s"),
      (.init(.failed("no sh")), "\"postfix reload\" not run: no sh"),
    ] as [(HookOutcome, String)])
  func ends(outcome: HookOutcome, line: String) {
    var lab = Self.laboratory()
    lab.advance(.seconds(1))
    lab.end(Self.postfix, outcome)
    #expect(lab.log.last == line)
  }

  @Test("Of two timeouts for one command the longer counts")
  func timeouts() {
    var patient = Self.postfix
    patient.timeout = 300
    var lab = Laboratory(
      Laboratory.configuration(peers: 1) {
        $0.exports = [
          ExportFile(table: "black", path: "/black", format: .postfix, allowEmpty: true, hook: Self.postfix),
          ExportFile(table: "bypass", path: "/bypass", format: .postfix, allowEmpty: true, hook: patient),
        ]
      })
    lab.up(0)
    lab.endOfRIB(0)
    lab.advance(.seconds(1))
    #expect(lab.hooks == [patient])
  }
}

extension Laboratory {
  fileprivate mutating func end(_ hook: ExportHook, _ outcome: HookOutcome) {
    engine.handle(.hookEnded(hook, outcome), at: now)
    settle()
  }
}
