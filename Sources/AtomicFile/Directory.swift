import Glibc
package import Primitives
import SystemPackage

/// What the daemon makes for itself beside files: directories, and the names of sockets.
package enum Directory {
  /// Removes the name of a socket on which nobody listens any more.
  ///
  /// - Parameter path: without a NUL inside.
  package static func removeSocket(_ path: String) throws(SystemError) {
    try unlink(path)
  }

  /// Creates the directory that `path` lies in, with mode 0755; one that exists stays as it is. Its own parent must exist.
  package static func createParent(of path: String) throws(SystemError) {
    let parent = FilePath(path).removingLastComponent()
    guard !parent.isEmpty else { return }
    // Safety: the String is handed to C as a NUL-terminated pointer that is valid for the call and not kept.
    guard unsafe mkdir(parent.string, 0o755) == -1 else { return }
    let error = Errno(rawValue: errno)
    guard error == .fileExists else {
      throw SystemError(call: "mkdir \(parent)", errorNumber: error.rawValue, explanation: error.description)
    }
  }
}

/// The process's mask for new files, changed until `restore()`.
package struct FileModeMask: Sendable {
  private let old: mode_t

  package init(_ mask: UInt32) {
    old = umask(mode_t(mask))
  }

  package func restore() {
    _ = umask(old)
  }
}
