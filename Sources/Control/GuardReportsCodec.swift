import Primitives

extension FieldWriter {
  mutating func write(_ report: RefusedReport) {
    write(report.prefix)
    write(report.table)
    write(optional: report.neighborAddress) { $0.write($1) }
    write(report.neighborDescription)
    write(report.reason)
  }

  mutating func write(_ report: ConflictReport) {
    write(report.bypass)
    write(report.bypassTable)
    write(report.black)
    write(report.blackTable)
    write(optional: report.preferred) { $0.write($1) }
  }
}

extension FieldReader {
  /// A row takes at least an IPv4 prefix with its family, three empty texts and an optional.
  mutating func refusedReports(_ octets: Span<UInt8>) throws(ControlError) -> [RefusedReport] {
    try array(of: 19, octets) { (reader, octets) throws(ControlError) in
      RefusedReport(
        prefix: try reader.prefix(octets), table: try reader.text(octets),
        neighborAddress: try reader.bool(octets) ? try reader.address(octets) : nil,
        neighborDescription: try reader.text(octets), reason: try reader.text(octets))
    }
  }

  /// A row takes at least two IPv4 prefixes with their families, two empty texts and an optional.
  mutating func conflictReports(_ octets: Span<UInt8>) throws(ControlError) -> [ConflictReport] {
    try array(of: 21, octets) { (reader, octets) throws(ControlError) in
      ConflictReport(
        bypass: try reader.prefix(octets), bypassTable: try reader.text(octets), black: try reader.prefix(octets),
        blackTable: try reader.text(octets), preferred: try reader.bool(octets) ? try reader.role(octets) : nil)
    }
  }
}
