import AtomicFile
import ConfigFile
import Engine
import Export
import Primitives
import Tables

extension ExportFile {
  /// Brings the file up to date. One that differs in its header alone is left as it is: whoever reads it has read it already. Blocks.
  func write(
    _ prefixes: PrefixList, of table: ExportedTable, _ header: ExportHeader
  ) throws(SystemError) -> ExportOutcome {
    let octets = format.render(prefixes, of: table, value: value, header: header)
    let entries = format.entries(in: prefixes)
    // What cannot be read is replaced.
    if let old = try? FileContents.read(path), format.isSame(old, octets) {
      return ExportOutcome(entries: entries, changed: false)
    }
    try FileReplacement(path: path).write(octets)
    return ExportOutcome(entries: entries, changed: true)
  }
}

extension ExportedTable.Role {
  init(_ role: TableRole) {
    switch role {
    case .black: self = .black
    case .bypass: self = .bypass
    }
  }
}
