extension Dictionary {
  /// Gives back the storage of a dictionary that was large once. The standard library keeps it for ever.
  ///
  /// Only where less than an eighth is in use, so that the copy costs no more than the removals before it.
  package mutating func releaseUnusedStorage() {
    guard capacity > 4096, count < capacity / 8 else { return }
    var compact: Self = [:]
    compact.reserveCapacity(count)
    for (key, value) in self { compact[key] = value }
    self = compact
  }
}
