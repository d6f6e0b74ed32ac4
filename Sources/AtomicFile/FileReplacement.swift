import Glibc
package import Primitives
import SystemPackage

/// Puts a file in place of another so that a reader sees the old one whole or the new one whole, also after a power failure.
///
/// The contents go to a temporary file in the same directory, are brought to the disk, and take the name in one rename(2). Whatever
/// fails before that leaves the old file as it was and the temporary file removed.
///
/// Only a regular file is ever replaced: a rename over `/dev/null` would take a device from the whole system, and a rename over a
/// symbolic link would leave the file that the operator means as it was. The new file takes the mode of the old one and, as far as this
/// process may, its owner and group.
///
/// Everything here blocks, so the daemon calls it from a thread that may. The wart: SystemPackage has neither rename(2) nor unlink(2)
/// and NIO's file system removes the old file first, so the two calls at the end of this file hand a `String` to C, and are the only
/// ones here to say `unsafe`.
package struct FileReplacement: Hashable, Sendable {
  /// The file's name, absolute or relative to the working directory.
  package let path: String

  package init(path: String) {
    self.path = path
  }

  /// Replaces the file, or creates it with mode 0644.
  ///
  /// - Throws: the call that failed and the file it was made for. After a failure of the last one, the fsync(2) of the directory, the
  ///   new file is in place, but may not outlive a power failure.
  package func write(_ octets: [UInt8]) throws(SystemError) {
    // The calls below would take the part before a NUL for the whole name.
    guard !path.utf8.contains(0), let name = FilePath(path).lastComponent, name.kind == .regular else {
      throw SystemError(call: "open \(path)", errorNumber: EINVAL, explanation: "not a file name")
    }
    let old = try existingFile()
    let directory = FilePath(path).removingLastComponent()
    let (file, temporary) = try createTemporary(in: directory)
    do throws(SystemError) {
      do throws(SystemError) {
        try fill(file, named: temporary, with: octets, like: old)
      } catch {
        try? file.close()
        throw error
      }
      try attempt("close \(temporary)") { try file.close() }
      try rename(temporary, to: path)
    } catch {
      try? unlink(temporary)
      throw error
    }
    try synchronize(directory)
  }

  private func existingFile() throws(SystemError) -> Stat? {
    let existing: Stat
    do throws(Errno) {
      existing = try Stat(FilePath(path), followTargetSymlink: false)
    } catch .noSuchFileOrDirectory {
      return nil
    } catch {
      throw SystemError("stat \(path)", error)
    }
    guard existing.type == .regular else {
      let what = existing.type == .symbolicLink ? "a symbolic link, name the file it leads to" : "not a regular file"
      throw SystemError(call: "replace \(path)", errorNumber: EINVAL, explanation: what)
    }
    return existing
  }

  private func createTemporary(in directory: FilePath) throws(SystemError) -> (file: FileDescriptor, path: String) {
    var attempts = 0
    while true {
      let random = String(UInt64.random(in: .min ... .max), radix: 36)
      let path = directory.appending(".nftbgp.\(random)").string
      do {
        let file = try FileDescriptor.open(
          FilePath(path), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: [.ownerReadWrite])
        return (file, path)
      } catch Errno.fileExists where attempts < 8 {
        attempts += 1
      } catch {
        throw SystemError("open \(path)", error)
      }
    }
  }

  private func fill(
    _ file: FileDescriptor, named path: String, with octets: [UInt8], like old: Stat?
  ) throws(SystemError) {
    try attempt("write \(path)") { try file.writeAll(octets) }
    var mode: mode_t = 0o644
    if let old {
      mode = old.permissions.rawValue & 0o777
      // Only root may give a file away, and only to a group of one's own may anybody else: best effort, before the mode is set.
      _ = fchown(file.rawValue, uid_t.max, old.groupID.rawValue)
      _ = fchown(file.rawValue, old.userID.rawValue, gid_t.max)
    }
    try check("fchmod \(path)") { fchmod(file.rawValue, mode) }
    try check("fsync \(path)") { fsync(file.rawValue) }
  }

  private func synchronize(_ directory: FilePath) throws(SystemError) {
    let path = directory.isEmpty ? "." : directory.string
    let handle = try attempt("open \(path)") {
      try FileDescriptor.open(FilePath(path), .readOnly, options: [.directory, .closeOnExec])
    }
    defer { try? handle.close() }
    do throws(SystemError) {
      try check("fsync \(path)") { fsync(handle.rawValue) }
    } catch {
      // A file system that cannot sync a directory says EINVAL; it promises nothing that could be waited for.
      guard error.errorNumber == EINVAL else { throw error }
    }
  }
}

extension SystemError {
  fileprivate init(_ call: String, _ error: any Error) {
    let errno = error as? Errno
    self.init(call: call, errorNumber: errno?.rawValue ?? 0, explanation: errno?.description ?? "\(error)")
  }
}

@discardableResult
private func attempt<Value>(
  _ call: @autoclosure () -> String, _ body: () throws -> Value
) throws(SystemError) -> Value {
  do {
    return try body()
  } catch {
    throw SystemError(call(), error)
  }
}

/// Makes a call that answers -1 for an error, again after EINTR.
private func check(_ call: @autoclosure () -> String, _ body: () -> Int32) throws(SystemError) {
  while body() == -1 {
    let error = Errno(rawValue: errno)
    guard error == .interrupted else { throw SystemError(call(), error) }
  }
}

// A String is handed to C as a pointer that is valid for the call, NUL-terminated, and not kept: `write(_:)` has refused a NUL inside.

private func rename(_ old: String, to new: String) throws(SystemError) {
  try check("rename \(old) \(new)") { unsafe Glibc.rename(old, new) }
}

func unlink(_ path: String) throws(SystemError) {
  try check("unlink \(path)") { unsafe Glibc.unlink(path) }
}
