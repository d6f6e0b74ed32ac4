import Foundation

/// The network namespace of this process.
package enum Namespace {
  /// Whether it is another than that of process 1, or, where that is not ours to see, than that of a process that we
  /// descend from.
  ///
  /// What cannot be read proves nothing, so the cautious answer is no.
  package static let isOwn: Bool = {
    guard let own = link(of: "self") else { return false }
    if let first = link(of: "1") { return own != first }
    return sequence(first: "self", next: parent(of:)).contains { process in
      link(of: process).map { $0 != own } ?? false
    }
  }()

  private static func link(of process: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/net")
  }

  /// The parent of a process, by the fourth field of proc_pid_stat(5); the second, in parentheses, may hold anything.
  private static func parent(of process: String) -> String? {
    guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return nil }
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    guard let parent = fields.dropFirst().first, parent != "0" else { return nil }
    return String(parent)
  }
}
