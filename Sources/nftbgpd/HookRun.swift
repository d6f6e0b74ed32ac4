import ConfigFile
import Engine
import Subprocess
import SystemPackage

/// One run of a hook: sh(1) with a command in a process group of its own, which does not outlive its time.
///
/// It inherits neither descriptors nor variables of the daemon, which mean something to systemd and nothing to a mail server.
struct HookRun: Sendable {
  let hook: ExportHook

  init(_ hook: ExportHook) {
    self.hook = hook
  }

  private enum Event {
    case ended(HookOutcome)
    case timeIsUp
    /// There is nothing left to wait for.
    case stopped
  }

  /// Runs it to its end. A cancelled task ends it.
  func outcome() async -> HookOutcome {
    await withTaskGroup(of: Event.self) { group in
      group.addTask { .ended(await run()) }
      group.addTask {
        do {
          try await Task.sleep(for: .seconds(Int(hook.timeout)))
          return .timeIsUp
        } catch {
          return .stopped
        }
      }
      var isInTime = true
      for await event in group {
        switch event {
        case .ended(let outcome):
          group.cancelAll()
          return isInTime ? outcome : HookOutcome(.timedOut, lastLine: outcome.lastLine)
        case .timeIsUp:
          isInTime = false
          group.cancelAll()
        case .stopped: continue
        }
      }
      return HookOutcome(.timedOut)
    }
  }

  private func run() async -> HookOutcome {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [
      .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: Self.patience)
    ]
    do {
      let result = try await Subprocess.run(
        .path("/bin/sh"), arguments: ["-c", hook.command],
        environment: .custom(["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]),
        workingDirectory: "/", platformOptions: options, input: .none, output: .discarded, error: .sequence
      ) { execution in
        var last = ""
        // What ends the reading early, such as a line without an end, is no reason to know nothing.
        do {
          for try await line in execution.standardError.strings() where line.contains(where: { $0 != " " }) {
            last = line
          }
        } catch {}
        return last
      }
      return HookOutcome(HookOutcome.End(result.terminationStatus), lastLine: Self.loggable(result.closureResult))
    } catch {
      return HookOutcome(.failed("\(error)"))
    }
  }

  /// A text that may stand in a log: a line of a screen or a few.
  private static func loggable(_ line: String) -> String {
    String(decoding: line.utf8.prefix(400).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  /// From SIGTERM to SIGKILL.
  private static let patience = Duration.seconds(2)
}

extension HookOutcome.End {
  fileprivate init(_ status: TerminationStatus) {
    switch status {
    case .exited(let status): self = .exited(status)
    case .signaled(let signal): self = .signaled(signal)
    }
  }
}
