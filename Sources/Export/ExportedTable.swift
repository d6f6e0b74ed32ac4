/// What a file says of the table that it was made of.
package struct ExportedTable: Hashable, Sendable {
  /// What a table is for.
  package enum Role: String, Hashable, Sendable, CaseIterable {
    /// Listed senders.
    case black
    /// Known good senders.
    case bypass
  }

  /// Printable ASCII without what would end a name, a text or a line in any of the formats.
  package let name: String
  package let role: Role

  /// - Parameter name: what may not stand in a file is replaced by `?`.
  package init(name: String, role: Role) {
    self.name = String(decoding: name.utf8.map { Self.isPlain($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    self.role = role
  }

  private static func isPlain(_ octet: UInt8) -> Bool {
    (0x21...0x7E).contains(octet) && !"\"',:;\\{}$".utf8.contains(octet)
  }
}
