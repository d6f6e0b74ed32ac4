import FoundationEssentials
import NIOCore
import Netfilter
import Primitives
import Snapshot
import SystemPackage

/// Where and when a generation of the ruleset means what it says.
extension Snapshot.KernelState {
  /// - Parameter sets: what the interval sets hold, by their names.
  init?(generation: UInt32, _ table: NFTable, _ sets: [String: PrefixList]) {
    guard let namespace = Self.networkNamespace else { return nil }
    self.init(
      bootTime: Self.lastBoot, namespace: namespace, generation: generation, nftTable: table.description,
      sets: sets.sorted { $0.key < $1.key }.map { .init(name: $0.key, prefixes: $0.value) })
  }

  /// Whether it is of this boot, this network namespace and this table.
  func isOf(_ table: NFTable) -> Bool {
    // The clock may have been set by a little since.
    let (difference, isAbsurd) = bootTime.subtractingReportingOverflow(Self.lastBoot)
    return !isAbsurd && difference.magnitude <= 2 && namespace == Self.networkNamespace && nftTable == table.description
  }

  /// By the clocks: /proc/sys, where the kernel has a number for each boot, is hidden from the service.
  private static var lastBoot: Int64 {
    Int64(Date.now.timeIntervalSince1970) - Int64(clamping: NIODeadline.now().uptimeNanoseconds / 1_000_000_000)
  }

  private static var networkNamespace: UInt64? {
    (try? FilePath("/proc/self/ns/net").stat()).map { UInt64($0.inode.rawValue) }
  }
}
