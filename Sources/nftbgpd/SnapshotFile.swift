import AtomicFile
import FoundationEssentials
import Glibc
import Primitives
import Snapshot

/// The snapshot on disk.
enum SnapshotFile {
  /// What a start does with the file.
  enum Loaded {
    /// Prefixes by the name of the table, the age of the snapshot, and how the sets were left.
    case tables([String: PrefixList], age: Interval, kernel: Snapshot.KernelState?)
    /// There is none, as before the first run.
    case absent
    /// There is one that cannot be used: why.
    case refused(String)

    /// How the sets were left.
    var kernel: Snapshot.KernelState? {
      if case .tables(_, _, let kernel) = self { kernel } else { nil }
    }
  }

  /// Reads the snapshot.
  static func load(_ path: String) -> Loaded {
    let octets: [UInt8]
    do throws(SystemError) {
      // A million prefixes of IPv6 are 17 MB.
      octets = try FileContents.read(path, maximum: 1 << 30)
    } catch {
      return error.errorNumber == ENOENT ? .absent : .refused("\(error)")
    }
    do throws(SnapshotError) {
      let snapshot = try Snapshot(decoding: octets.span)
      let (difference, isAbsurd) = Int64(Date.now.timeIntervalSince1970).subtractingReportingOverflow(snapshot.created)
      let age = isAbsurd ? .max : max(0, difference)
      return .tables(
        Dictionary(snapshot.tables.map { ($0.name, $0.prefixes) }, uniquingKeysWith: { first, _ in first }),
        age: .seconds(Int(age)), kernel: snapshot.kernel)
    } catch {
      return .refused("\(path): \(error)")
    }
  }

  /// Replaces the snapshot in one step; it blocks.
  ///
  /// - Parameters:
  ///   - age: how long ago the tables were known to be right.
  ///   - kernel: how the sets are left, at the end of a run.
  static func save(
    _ tables: [String: PrefixList], age: Interval, kernel: Snapshot.KernelState? = nil, to path: String
  ) throws(SystemError) {
    let snapshot = Snapshot(
      created: Int64(Date.now.timeIntervalSince1970) - Int64(age.seconds),
      tables: tables.sorted { $0.key < $1.key }.map { .init(name: $0.key, prefixes: $0.value) }, kernel: kernel)
    try Directory.createParent(of: path)
    try FileReplacement(path: path).write(snapshot.encode())
  }
}
