import CMalloc

/// glibc's allocator, malloc(3).
enum Allocator {
  /// Big tables get memory of their own, which goes back to the system with them.
  ///
  /// By itself glibc raises the limit, mallopt(3) `M_MMAP_THRESHOLD`, with each big block that is freed, up to 32 MiB. Then the storage
  /// of a RIB that grows lies among small objects, and most of it stays with the process when everything has been withdrawn.
  static func keepBigBlocksApart() {
    _ = mallopt(M_MMAP_THRESHOLD, 1 << 20)
  }
}
