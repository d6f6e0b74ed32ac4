/// Appends values to an octet array in network byte order.
///
/// A length that is known only afterwards is written by `reserveUInt16()` and `patchUInt16(at:)`.
package struct OctetWriter: Sendable {
  /// What has been written so far.
  package private(set) var octets: [UInt8] = []

  package init(capacity: Int = 0) {
    octets.reserveCapacity(capacity)
  }

  /// Octets written so far.
  package var count: Int { octets.count }

  package mutating func write(_ value: UInt8) {
    octets.append(value)
  }

  package mutating func write(_ value: UInt16) {
    octets.append(UInt8(truncatingIfNeeded: value >> 8))
    octets.append(UInt8(truncatingIfNeeded: value))
  }

  package mutating func write(_ value: UInt32) {
    write(UInt16(truncatingIfNeeded: value >> 16))
    write(UInt16(truncatingIfNeeded: value))
  }

  package mutating func write(_ value: UInt64) {
    write(UInt32(truncatingIfNeeded: value >> 32))
    write(UInt32(truncatingIfNeeded: value))
  }

  package mutating func write(_ values: some Sequence<UInt8>) {
    octets.append(contentsOf: values)
  }

  /// Writes two zero octets and answers where they are.
  package mutating func reserveUInt16() -> Int {
    let place = octets.count
    write(UInt16(0))
    return place
  }

  /// Writes the number of octets that follow the two at `place`, plus `extra`, into them.
  ///
  /// - Returns: `false`, and nothing written, when that number does not fit or `place` was not reserved.
  @discardableResult
  package mutating func patchUInt16(at place: Int, adding extra: Int = 0) -> Bool {
    guard place >= 0, place + 2 <= octets.count, let length = UInt16(exactly: octets.count - place - 2 + extra) else {
      return false
    }
    octets[place] = UInt8(truncatingIfNeeded: length >> 8)
    octets[place + 1] = UInt8(truncatingIfNeeded: length)
    return true
  }
}
