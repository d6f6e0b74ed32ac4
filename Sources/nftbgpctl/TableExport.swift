import AtomicFile
import Control
import Export
import Glibc
import Primitives

/// Collects a table, and writes it only when all of it is there.
struct TableExport: AnswerSink {
  let table: String
  let format: ExportFormat
  /// In place of what the format says of each entry by itself.
  let value: String?
  /// Name of the file; nil for standard output.
  let output: String?
  let allowsEmpty: Bool
  private var role: ExportedTable.Role?
  private var prefixes = PrefixList()

  init(table: String, format: ExportFormat, value: String?, output: String?, allowsEmpty: Bool) {
    self.table = table
    self.format = format
    self.value = value
    self.output = output
    self.allowsEmpty = allowsEmpty
  }

  mutating func add(_ reply: ControlReply) throws(ProgramFailure) {
    switch reply {
    case .role(.black): role = .black
    case .role(.bypass): role = .bypass
    case .prefixes(let batch): prefixes.append(contentsOf: batch)
    case .neighbor, .path, .routes, .table, .why, .refused, .conflicts, .metrics, .failure, .end:
      throw .failed("malformed control message: a reply that does not answer the request")
    }
  }

  /// After a complete answer.
  func finish() throws(ProgramFailure) {
    // Without it, good senders could be listed as bad ones.
    guard let role else { throw .failed("malformed control message: the role of the table was expected") }
    guard allowsEmpty || format.hasEntries(for: prefixes) else {
      throw .failed("\(table) has no entries for this format: nothing written, see --allow-empty")
    }
    let header = ExportHeader(
      generator: "nftbgpctl \(Release.version)", time: Timestamp(unixSeconds: Int64(time(nil))).description)
    let octets = format.render(prefixes, of: ExportedTable(name: table, role: role), value: value, header: header)
    guard let output else {
      try StandardOutput.write(octets)
      return
    }
    do throws(SystemError) {
      try FileReplacement(path: output).write(octets)
    } catch {
      throw .failed(error.description)
    }
  }
}
