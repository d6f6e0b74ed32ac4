import Primitives

extension FieldWriter {
  mutating func write(_ role: TableReport.Role) {
    write(role.rawValue)
  }

  mutating func write(_ table: TableReport) {
    write(table.name)
    write(table.role)
    write(table.family)
    write(table.nftTable)
    write(table.sets)
    write(table.prefixes)
    write(table.wanted)
    write(optional: table.inKernel) { $0.write($1) }
    write(table.stale)
    write(table.held)
    write(table.refused)
    write(table.hash)
    write(optional: table.lastChange) { $0.write($1) }
    write(optional: table.error) { $0.write($1) }
  }
}

extension FieldReader {
  mutating func role(_ octets: Span<UInt8>) throws(ControlError) -> TableReport.Role {
    let value = try uint8(octets)
    guard let role = TableReport.Role(rawValue: value) else { throw .malformed("table role \(value)") }
    return role
  }

  mutating func tableReport(_ octets: Span<UInt8>) throws(ControlError) -> TableReport {
    TableReport(
      name: try text(octets), role: try role(octets), family: try family(octets), nftTable: try text(octets),
      sets: try texts(octets), prefixes: try uint64(octets), wanted: try uint64(octets),
      inKernel: try bool(octets) ? try uint64(octets) : nil, stale: try uint64(octets), held: try uint64(octets),
      refused: try uint64(octets), hash: try uint64(octets), lastChange: try bool(octets) ? try uint64(octets) : nil,
      error: try bool(octets) ? try text(octets) : nil)
  }
}
