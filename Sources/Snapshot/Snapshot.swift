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
///     +---------------+-----------------------------------------------
///     |  0, or 1 and  |  time of the boot (8), network namespace (8), generation (4), length of the nft table (2), nft table,
///     |  number of sets (2), and each set as a table is written
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

  /// The interval sets as they were left in the kernel, and what tells whether anybody has touched them since: to read a big one back
  /// costs the kernel the square of its size.
  package struct KernelState: Hashable, Sendable {
    /// When the host was booted, seconds since 1970-01-01 00:00 UTC.
    package var bootTime: Int64
    /// The number of the network namespace.
    package var namespace: UInt64
    /// That of the ruleset, which every commit of every program changes.
    package var generation: UInt32
    /// `inet nftbgpd`
    package var nftTable: String
    /// What they hold, by the names of the sets.
    package var sets: [Table]

    package init(bootTime: Int64, namespace: UInt64, generation: UInt32, nftTable: String, sets: [Table]) {
      self.bootTime = bootTime
      self.namespace = namespace
      self.generation = generation
      self.nftTable = nftTable
      self.sets = sets
    }
  }

  /// Seconds since 1970-01-01 00:00 UTC.
  package var created: Int64
  package var tables: [Table]
  /// nil: the sets were not known, or not left yet.
  package var kernel: KernelState?

  package init(created: Int64, tables: [Table], kernel: KernelState? = nil) {
    self.created = created
    self.tables = tables
    self.kernel = kernel
  }

  private static let magic = Array("nftbgpd snapshot".utf8)
  /// Of the format; a file of a later one is refused.
  package static let version: UInt8 = 2

  /// The contents of the file.
  package func encode() -> [UInt8] {
    let size = (tables + (kernel?.sets ?? [])).reduce(256) {
      $0 + $1.name.utf8.count + 10 + 5 * $1.prefixes.ipv4.count + 17 * $1.prefixes.ipv6.count
    }
    var writer = OctetWriter(capacity: size)
    writer.write(Self.magic)
    writer.write(Self.version)
    writer.write(UInt16(clamping: tables.count))
    writer.write(UInt64(bitPattern: created))
    for table in tables.prefix(Int(UInt16.max)) { table.write(to: &writer) }
    writer.write(UInt8(kernel == nil ? 0 : 1))
    kernel?.write(to: &writer)
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
    switch body.readUInt8(octets) {
    case 0: break
    case 1:
      guard let kernel = KernelState(&body, in: octets) else { throw .corrupt }
      self.kernel = kernel
    default: throw .corrupt
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

extension OctetWriter {
  fileprivate mutating func write(text: String) {
    let octets = Array(text.utf8.prefix(Int(UInt16.max)))
    write(UInt16(clamping: octets.count))
    write(octets)
  }
}

extension OctetReader {
  fileprivate mutating func readText(_ octets: Span<UInt8>) -> String? {
    guard let length = readUInt16(octets), let text = readOctets(Int(length), octets) else { return nil }
    return String(validating: text, as: UTF8.self)
  }
}

extension Snapshot.KernelState {
  fileprivate func write(to writer: inout OctetWriter) {
    writer.write(UInt64(bitPattern: bootTime))
    writer.write(namespace)
    writer.write(generation)
    writer.write(text: nftTable)
    writer.write(UInt16(clamping: sets.count))
    for set in sets.prefix(Int(UInt16.max)) { set.write(to: &writer) }
  }

  fileprivate init?(_ reader: inout OctetReader, in octets: Span<UInt8>) {
    guard let bootTime = reader.readUInt64(octets), let namespace = reader.readUInt64(octets),
      let generation = reader.readUInt32(octets), let nftTable = reader.readText(octets),
      let count = reader.readUInt16(octets)
    else { return nil }
    self.init(
      bootTime: Int64(bitPattern: bootTime), namespace: namespace, generation: generation, nftTable: nftTable, sets: [])
    for _ in 0..<count {
      guard let set = Snapshot.Table(&reader, in: octets) else { return nil }
      sets.append(set)
    }
  }
}

extension Snapshot.Table {
  fileprivate func write(to writer: inout OctetWriter) {
    writer.write(text: name)
    writer.write(UInt32(clamping: prefixes.ipv4.count))
    writer.write(UInt32(clamping: prefixes.ipv6.count))
    for prefix in prefixes.ipv4 {
      writer.write(prefix.address.value)
      writer.write(prefix.length)
    }
    for prefix in prefixes.ipv6 {
      writer.write(prefix.address.high)
      writer.write(prefix.address.low)
      writer.write(prefix.length)
    }
  }

  fileprivate init?(_ reader: inout OctetReader, in octets: Span<UInt8>) {
    guard let name = reader.readText(octets), let count4 = reader.readUInt32(octets),
      let count6 = reader.readUInt32(octets),
      reader.count / 5 >= Int(count4), reader.count / 17 >= Int(count6)
    else { return nil }
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
