package import Primitives

/// The tables as they last were, as octets for a file: what a start loads before any neighbor has been heard.
///
/// It refuses to be anything but a value and its codec: the shell reads and replaces the file. A file that is not exactly what was
/// written is refused whole; half a table would be worse than none.
///
///      0               1               2               3
///     +---------------+---------------+---------------+---------------+
///     |  "nftbgpd snapshot" (16 octets)                               |
///     +---------------+---------------+---------------+---------------+
///     |  version      |  tables                       |  created …
///     +---------------+---------------+---------------+
///     |  … seconds since 1970 (8 octets), then for each table:
///     |  length of the name (2), name, IPv4 prefixes (4), IPv6 prefixes (4),
///     |  each IPv4 prefix as address (4) and length (1), each IPv6 prefix as address (16) and length (1)
///     +---------------------------------------------------------------
///     |  checksum of all before (8 octets, FNV-1a of 64 bits)
///     +---------------------------------------------------------------
///
/// The wart: the checksum finds accidents, not forgeries. Who can write the state directory can write the sets.
package struct Snapshot: Hashable, Sendable {
  /// One table of the configuration.
  package struct Table: Hashable, Sendable {
    package var name: String
    package var prefixes: PrefixList

    package init(name: String, prefixes: PrefixList) {
      self.name = name
      self.prefixes = prefixes
    }
  }

  /// Seconds since 1970-01-01 00:00 UTC.
  package var created: Int64
  package var tables: [Table]

  package init(created: Int64, tables: [Table]) {
    self.created = created
    self.tables = tables
  }

  private static let magic = Array("nftbgpd snapshot".utf8)
  /// Of the format; a file of a later one is refused.
  package static let version: UInt8 = 1

  /// The contents of the file.
  package func encode() -> [UInt8] {
    let size = tables.reduce(64) {
      $0 + $1.name.utf8.count + 10 + 5 * $1.prefixes.ipv4.count + 17 * $1.prefixes.ipv6.count
    }
    var writer = OctetWriter(capacity: size)
    writer.write(Self.magic)
    writer.write(Self.version)
    writer.write(UInt16(clamping: tables.count))
    writer.write(UInt64(bitPattern: created))
    for table in tables.prefix(Int(UInt16.max)) {
      let name = Array(table.name.utf8.prefix(Int(UInt16.max)))
      writer.write(UInt16(clamping: name.count))
      writer.write(name)
      writer.write(UInt32(clamping: table.prefixes.ipv4.count))
      writer.write(UInt32(clamping: table.prefixes.ipv6.count))
      for prefix in table.prefixes.ipv4 {
        writer.write(prefix.address.value)
        writer.write(prefix.length)
      }
      for prefix in table.prefixes.ipv6 {
        writer.write(prefix.address.high)
        writer.write(prefix.address.low)
        writer.write(prefix.length)
      }
    }
    let checksum = Self.checksum(writer.octets.span, writer.count)
    writer.write(checksum)
    return writer.octets
  }

  /// Reads the contents of a file.
  ///
  /// - Throws: why the file is refused.
  package init(decoding octets: Span<UInt8>) throws(SnapshotError) {
    var reader = OctetReader(octets)
    guard reader.readOctets(Self.magic.count, octets) == Self.magic else { throw .foreign }
    guard let version = reader.readUInt8(octets) else { throw .truncated }
    guard version == Self.version else { throw .unsupportedVersion(version) }
    guard reader.count >= 18, var body = reader.take(reader.count - 8) else { throw .truncated }
    guard reader.readUInt64(octets) == Self.checksum(octets, octets.count - 8) else { throw .corrupt }
    // From here on the octets are those that were written, so what does not fit was never right.
    guard let count = body.readUInt16(octets), let created = body.readUInt64(octets) else { throw .truncated }
    self.created = Int64(bitPattern: created)
    tables = []
    for _ in 0..<count {
      guard let table = Table(&body, in: octets) else { throw .corrupt }
      tables.append(table)
    }
    guard body.isAtEnd else { throw .corrupt }
  }

  /// FNV-1a over the first `count` octets.
  private static func checksum(_ octets: Span<UInt8>, _ count: Int) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<count {
      hash = (hash ^ UInt64(octets[index])) &* 0x0000_0100_0000_01B3
    }
    return hash
  }
}

extension Snapshot.Table {
  fileprivate init?(_ reader: inout OctetReader, in octets: Span<UInt8>) {
    guard let length = reader.readUInt16(octets), let name = reader.readOctets(Int(length), octets),
      let count4 = reader.readUInt32(octets), let count6 = reader.readUInt32(octets),
      reader.count / 5 >= Int(count4), reader.count / 17 >= Int(count6)
    else { return nil }
    guard let name = String(validating: name, as: UTF8.self) else { return nil }
    self.name = name
    prefixes = PrefixList()
    prefixes.ipv4.reserveCapacity(Int(count4))
    for _ in 0..<count4 {
      guard let address = reader.readUInt32(octets), let length = reader.readUInt8(octets),
        let prefix = IPv4Prefix(IPv4Address(address), length: length), prefix.address.value == address
      else { return nil }
      prefixes.ipv4.append(prefix)
    }
    prefixes.ipv6.reserveCapacity(Int(count6))
    for _ in 0..<count6 {
      guard let high = reader.readUInt64(octets), let low = reader.readUInt64(octets),
        let length = reader.readUInt8(octets),
        let prefix = IPv6Prefix(IPv6Address(high: high, low: low), length: length),
        prefix.address == IPv6Address(high: high, low: low)
      else { return nil }
      prefixes.ipv6.append(prefix)
    }
  }
}

/// Why a snapshot is refused.
package enum SnapshotError: Error, Hashable, Sendable, CustomStringConvertible {
  case foreign
  case truncated
  case unsupportedVersion(UInt8)
  case corrupt

  package var description: String {
    switch self {
    case .foreign: "not a snapshot of nftbgpd"
    case .truncated: "the file ends too soon"
    case .unsupportedVersion(let version): "format version \(version), \(Snapshot.version) was expected"
    case .corrupt: "the checksum or the contents are wrong"
    }
  }
}
