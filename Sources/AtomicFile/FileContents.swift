package import Primitives
import SystemPackage

/// Reads whole files.
package enum FileContents {
  /// The octets of the file at `path`.
  ///
  /// - Parameter maximum: a larger file is refused, so that a device or a mistake does not fill the memory.
  package static func read(_ path: String, maximum: Int = 64 << 20) throws(SystemError) -> [UInt8] {
    do {
      let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
      return try file.closeAfter {
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
          // The buffer is the array's own storage and is not kept beyond the call.
          let count = try unsafe chunk.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
          guard count > 0 else { return octets }
          guard octets.count + count <= maximum else { throw Errno.fileTooLarge }
          octets += chunk[..<count]
        }
      }
    } catch {
      let errno = error as? Errno
      throw SystemError(
        call: "open \(path)", errorNumber: errno?.rawValue ?? 0, explanation: errno?.description ?? "\(error)")
    }
  }

  /// Whether nobody but its owner may change the file at `path`, and nobody but its owner and its group may read it.
  package static func isPrivate(_ path: String) throws(SystemError) -> Bool {
    do {
      let others: FilePermissions = [.groupWrite, .otherReadWrite]
      return try FilePath(path).stat().permissions.isDisjoint(with: others)
    } catch {
      throw SystemError(call: "stat \(path)", errorNumber: error.rawValue, explanation: error.description)
    }
  }

  /// The text of the file at `path`; octets that are no UTF-8 are replaced.
  package static func text(_ path: String) throws(SystemError) -> String {
    String(decoding: try read(path), as: UTF8.self)
  }
}
