import AtomicFile
import Control
import Export
import Glibc
import Primitives

/// Collects a table, and writes it only when all of it is there.
struct TableExport: AnswerSink {
  let table: String
  let format: ExportFormat
  /// Name of the file; nil for standard output.
  let output: String?
  let allowsEmpty: Bool
  private var prefixes = PrefixList()

  init(table: String, format: ExportFormat, output: String?, allowsEmpty: Bool) {
    self.table = table
    self.format = format
    self.output = output
    self.allowsEmpty = allowsEmpty
  }

  mutating func add(_ reply: ControlReply) throws(ProgramFailure) {
    guard case .prefixes(let batch) = reply else {
      throw .failed("malformed control message: a reply that does not answer the request")
    }
    prefixes.append(contentsOf: batch)
  }

  /// After a complete answer.
  func finish() throws(ProgramFailure) {
    guard allowsEmpty || format.entries(in: prefixes) > 0 else {
      throw .failed("\(table) has no entries for this format: nothing written, see --allow-empty")
    }
    let header = ExportHeader(
      table: table, generator: "nftbgpctl \(Release.version)",
      time: Timestamp(unixSeconds: Int64(time(nil))).description)
    let octets = format.render(prefixes, header: header)
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
