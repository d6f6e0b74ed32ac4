import Primitives

/// Writes the field types of the control protocol into one frame.
struct FieldWriter {
  private var writer: OctetWriter
  /// Where the frame's length octets stand.
  private let start: Int

  /// Octets of one text beyond which it is cut: nothing on this socket comes near.
  private static let maximumText = 1 << 20

  /// Begins a frame, after `prelude`. `capacity` is a guess at the payload.
  init(kind: UInt8, prelude: [UInt8] = [], capacity: Int = 64) {
    writer = OctetWriter(capacity: prelude.count + 5 + capacity)
    writer.write(prelude)
    start = prelude.count
    writer.write(UInt32(0))
    writer.write(kind)
  }

  /// The whole frame, its length filled in.
  consuming func finish() -> [UInt8] {
    var octets = writer.octets
    let length = UInt32(clamping: octets.count - start - 4)
    for index in 0..<4 {
      octets[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index))
    }
    return octets
  }

  mutating func write(_ value: UInt8) { writer.write(value) }
  mutating func write(_ value: UInt16) { writer.write(value) }
  mutating func write(_ value: UInt32) { writer.write(value) }
  mutating func write(_ value: UInt64) { writer.write(value) }
  mutating func write(_ value: Bool) { writer.write(value ? UInt8(1) : 0) }

  mutating func write(_ text: String) {
    let count = min(text.utf8.count, Self.maximumText)
    writer.write(UInt32(count))
    writer.write(text.utf8.prefix(count))
  }

  mutating func write(_ texts: [String]) {
    write(array: texts) { $0.write($1) }
  }

  mutating func write(_ family: AddressFamily) {
    writer.write(UInt8(family.rawValue))
  }

  mutating func write(_ address: IPv4Address) {
    writer.write(address.value)
  }

  mutating func write(_ address: IPv6Address) {
    writer.write(address.high)
    writer.write(address.low)
  }

  mutating func write(_ address: IPAddress) {
    write(address.family)
    switch address {
    case .v4(let address): write(address)
    case .v6(let address): write(address)
    }
  }

  mutating func write(_ prefix: IPv4Prefix) {
    writer.write(prefix.length)
    write(prefix.address)
  }

  mutating func write(_ prefix: IPv6Prefix) {
    writer.write(prefix.length)
    write(prefix.address)
  }

  mutating func write(_ prefix: Prefix) {
    write(prefix.family)
    switch prefix {
    case .v4(let prefix): write(prefix)
    case .v6(let prefix): write(prefix)
    }
  }

  mutating func write<Value>(optional value: Value?, _ body: (inout FieldWriter, Value) -> Void) {
    write(value != nil)
    if let value { body(&self, value) }
  }

  mutating func write<Value>(array values: some Collection<Value>, _ body: (inout FieldWriter, Value) -> Void) {
    write(UInt32(clamping: values.count))
    for value in values { body(&self, value) }
  }
}
