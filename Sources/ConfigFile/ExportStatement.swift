import Export

/// `export table`.
extension ConfigParser {
  mutating func exportStatement() throws(Mistake) {
    let position = advance().position
    advance()
    let name = peek()
    let table = try expectText("the name of a table")
    _ = try expectWord(["to"])
    let path = peek()
    let text = try expectFilePath()
    try expectUnwritten(text, path)
    var file = ExportFile(table: table, path: text, format: .spamd, allowEmpty: false)
    if accept(word: "format") {
      file.format = try expectExportFormat()
      file.value = try acceptValue(of: file.format)
    }
    if let fault = file.format.fault(ofTable: table, value: file.value) {
      throw Mistake(name.position, "\(name) cannot be exported as \(file.format.rawValue): \(fault)")
    }
    file.allowEmpty = accept(word: "allow-empty")
    file.hook = try acceptHook()
    configuration.exports.append(file)
    exportPositions.append(position)
  }

  private mutating func expectExportFormat() throws(Mistake) -> ExportFormat {
    let token = peek()
    guard token.kind == .word, let format = ExportFormat(rawValue: token.text) else {
      throw unexpected("a format: " + ExportFormat.allCases.map(\.rawValue).joined(separator: " or "))
    }
    advance()
    return format
  }

  private mutating func acceptValue(of format: ExportFormat) throws(Mistake) -> String? {
    guard accept(word: "value") else { return nil }
    let token = peek()
    let value = try expectText("the value of format \(format.rawValue)")
    if let fault = format.fault(of: value) {
      throw Mistake(token.position, "\(token) cannot be the value: \(fault)")
    }
    return value
  }

  private mutating func acceptHook() throws(Mistake) -> ExportHook? {
    guard accept(word: "run") else { return nil }
    let token = peek()
    var hook = ExportHook(command: try expectText("a command in quotes"))
    guard hook.command.contains(where: { $0 != " " }) else {
      throw Mistake(token.position, "\(token) is no command, expected one in quotes")
    }
    if accept(word: "timeout") {
      hook.timeout = try expectNumber("timeout", 1...UInt16.max)
    }
    return hook
  }
}
