import Primitives

extension FieldWriter {
  mutating func write(_ report: WhyReport) {
    write(report.asked)
    write(array: report.tables) { $0.write($1) }
    write(array: report.routes) { $0.write($1) }
  }

  private mutating func write(_ table: WhyReport.Table) {
    write(table.name)
    write(table.role)
    write(array: table.members) { $0.write($1) }
    write(optional: table.wanted) { $0.write($1) }
    switch table.kernel {
    case .holds:
      write(UInt8(0))
    case .doesNotHold:
      write(UInt8(1))
    case .unknown(let reason):
      write(UInt8(2))
      write(reason)
    }
    write(array: table.notes) { $0.write($1) }
  }

  private mutating func write(_ note: WhyReport.Note) {
    switch note {
    case .inherited(let prefix):
      write(UInt8(0))
      write(prefix)
    case .held(let prefix, let seconds):
      write(UInt8(1))
      write(prefix)
      write(seconds)
    case .protected(let prefix, let reason):
      write(UInt8(2))
      write(prefix)
      write(reason)
    case .preferred(let prefix, let table):
      write(UInt8(3))
      write(prefix)
      write(table)
    case .refusedByKernel(let prefix, let words):
      write(UInt8(4))
      write(prefix)
      write(words)
    }
  }

  private mutating func write(_ route: WhyReport.Route) {
    write(route.prefix)
    write(route.neighborAddress)
    write(route.neighborDescription)
    write(route.asPath)
    write(route.communities)
    write(route.largeCommunities)
    write(route.age)
    write(optional: route.staleFor) { $0.write($1) }
    write(route.outcome)
  }

  private mutating func write(_ outcome: WhyReport.Outcome) {
    switch outcome {
    case .fills(let table, let line):
      write(UInt8(0))
      write(table)
      write(line)
    case .noTable:
      write(UInt8(1))
    case .denied(let line):
      write(UInt8(2))
      write(optional: line) { $0.write($1) }
    case .refused(let table, let line, let reason):
      write(UInt8(3))
      write(table)
      write(line)
      write(reason)
    }
  }
}

extension FieldReader {
  mutating func whyReport(_ octets: Span<UInt8>) throws(ControlError) -> WhyReport {
    WhyReport(
      asked: try prefix(octets),
      tables: try array(of: 15, octets) { (reader, octets) throws(ControlError) in try reader.whyTable(octets) },
      routes: try array(of: 37, octets) { (reader, octets) throws(ControlError) in try reader.whyRoute(octets) })
  }

  /// At least 15 octets: an empty text, a role, two empty arrays, an optional and a kernel state.
  private mutating func whyTable(_ octets: Span<UInt8>) throws(ControlError) -> WhyReport.Table {
    WhyReport.Table(
      name: try text(octets), role: try role(octets),
      members: try array(of: 6, octets) { (reader, octets) throws(ControlError) in try reader.prefix(octets) },
      wanted: try bool(octets) ? try prefix(octets) : nil, kernel: try kernel(octets),
      notes: try array(of: 7, octets) { (reader, octets) throws(ControlError) in try reader.note(octets) })
  }

  private mutating func kernel(_ octets: Span<UInt8>) throws(ControlError) -> WhyReport.Kernel {
    switch try uint8(octets) {
    case 0: return .holds
    case 1: return .doesNotHold
    case 2: return .unknown(try text(octets))
    case let other: throw .malformed("kernel state \(other)")
    }
  }

  /// At least 7 octets: its case, and an IPv4 prefix with its family.
  private mutating func note(_ octets: Span<UInt8>) throws(ControlError) -> WhyReport.Note {
    switch try uint8(octets) {
    case 0: return .inherited(try prefix(octets))
    case 1: return .held(try prefix(octets), try uint64(octets))
    case 2: return .protected(try prefix(octets), try text(octets))
    case 3: return .preferred(try prefix(octets), table: try text(octets))
    case 4: return .refusedByKernel(try prefix(octets), try text(octets))
    case let other: throw .malformed("note \(other)")
    }
  }

  /// At least 37 octets: an IPv4 prefix and address with their families, two empty texts, two empty arrays, a number, an
  /// optional and an outcome.
  private mutating func whyRoute(_ octets: Span<UInt8>) throws(ControlError) -> WhyReport.Route {
    WhyReport.Route(
      prefix: try prefix(octets), neighborAddress: try address(octets), neighborDescription: try text(octets),
      asPath: try text(octets), communities: try texts(octets), largeCommunities: try texts(octets),
      age: try uint64(octets), staleFor: try bool(octets) ? try uint64(octets) : nil, outcome: try outcome(octets))
  }

  private mutating func outcome(_ octets: Span<UInt8>) throws(ControlError) -> WhyReport.Outcome {
    switch try uint8(octets) {
    case 0: return .fills(table: try text(octets), line: try uint32(octets))
    case 1: return .noTable
    case 2: return .denied(line: try bool(octets) ? try uint32(octets) : nil)
    case 3: return .refused(table: try text(octets), line: try uint32(octets), reason: try text(octets))
    case let other: throw .malformed("route outcome \(other)")
    }
  }
}
