import Primitives
import Snapshot

/// The file that a start loads: whatever stands in it, it is refused or it is exactly what encodes to it.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let octets = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
  check(octets)
  check(sealed(octets))
  return 0
}

/// With a head and a checksum that are right, so that they are no hurdle.
private func sealed(_ octets: [UInt8]) -> [UInt8] {
  let body = Array(Snapshot(created: 0, tables: []).encode().prefix(17)) + octets
  let hash = body.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  return body + (0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64(56 - 8 * $0)) }
}

private func check(_ octets: [UInt8]) {
  guard let snapshot = try? Snapshot(decoding: octets.span) else { return }
  guard snapshot.encode() == octets else { fatalError("a snapshot does not survive encoding") }
}
