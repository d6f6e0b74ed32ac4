/// One commit of some program, ours included, as the kernel told of it.
package struct RulesetChange: Hashable, Sendable {
  /// What became of a table or a set, seen from the end of the commit.
  package enum Fate: Hashable, Sendable {
    /// It exists: it is new, or it was there and has been declared once more. The kernel does not tell one from the
    /// other.
    case declared
    /// It does not exist any more.
    case deleted
    /// It was deleted and is there again, with nothing in it but what the same commit added.
    case replaced
  }

  /// What happened to one set of the table.
  package struct SetChange: Hashable, Sendable {
    /// `nil` when only elements changed.
    package var fate: Fate?
    /// Elements added, an interval counted once. The kernel does not mention elements that were there already.
    package var added = 0
    /// Elements removed, one by one or by a flush. Those that go with their set are not mentioned.
    package var removed = 0

    package init(fate: Fate? = nil, added: Int = 0, removed: Int = 0) {
      self.fate = fate
      self.added = added
      self.removed = removed
    }
  }

  /// The generation that the commit made.
  package var generation: UInt32
  /// The socket that committed; compare `NetfilterConnection.portID`.
  package var portID: UInt32
  /// The thread that committed, which in a program with one thread is the process, by the number that it has in the
  /// first PID namespace of the host. `nil` when the kernel did not say.
  package var processID: UInt32?
  /// The name of that thread, of which the program is free to make anything: at most 15 characters, `?` in place of all
  /// that are not printable ASCII. Empty when the kernel did not say.
  package var processName: String
  /// What became of the table; `nil` when it was there before and is there still.
  package var table: Fate?
  /// The sets of the table that were touched, by name, and among them the `__set0` and the like that stand in rules.
  /// A set of which no more than the end of an interval was touched is here with nothing counted. The names are not
  /// filtered.
  package var sets: [String: SetChange]
  /// Whether more sets were touched than `sets` can hold, which is 256. It may have been any.
  package var isTruncated: Bool

  package init(
    generation: UInt32, portID: UInt32, processID: UInt32?, processName: String, table: Fate? = nil,
    sets: [String: SetChange] = [:], isTruncated: Bool = false
  ) {
    self.generation = generation
    self.portID = portID
    self.processID = processID
    self.processName = processName
    self.table = table
    self.sets = sets
    self.isTruncated = isTruncated
  }

  /// Whether the commit touched the table itself or any set of it. Rules and chains do not count.
  package var touchesTable: Bool { table != nil || !sets.isEmpty || isTruncated }

  /// Whether the commit came after the one that made `generation`, the two being less than 2³¹ commits apart.
  package func isLater(than generation: UInt32) -> Bool {
    Int32(bitPattern: self.generation &- generation) > 0
  }
}

extension RulesetChange.Fate {
  /// What became of it when the same commit then declared it.
  static func declaring(after earlier: RulesetChange.Fate?) -> RulesetChange.Fate {
    switch earlier {
    case .none, .declared: .declared
    case .deleted, .replaced: .replaced
    }
  }
}

extension RulesetChange: CustomStringConvertible {
  /// One line for the log, for example `generation 12 by nft[4305]: set black deleted, set white 3 added 1 removed`.
  package var description: String {
    var parts = table.map { ["table \($0)"] } ?? []
    for (name, change) in sets.sorted(by: { $0.key < $1.key }) {
      parts.append("set \(name.asciiPrintable)\(change)")
    }
    if isTruncated { parts.append("more sets") }
    let process = processID.map { "[\($0)]" } ?? ""
    return "generation \(generation) by \(processName)\(process): "
      + (parts.isEmpty ? "nothing of the table" : parts.joined(separator: ", "))
  }
}

extension RulesetChange.SetChange: CustomStringConvertible {
  /// Each with a space before it.
  package var description: String {
    (fate.map { " \($0)" } ?? "") + (added > 0 ? " \(added) added" : "") + (removed > 0 ? " \(removed) removed" : "")
  }
}

extension String {
  /// The text with `?` in place of every character that is not printable ASCII.
  var asciiPrintable: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0 >= " " && $0 <= "~" ? $0 : "?" }))
  }
}
