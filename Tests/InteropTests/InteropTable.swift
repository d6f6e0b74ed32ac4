import Synchronization

/// What nftbgpd and each server can do together, as it was found: a row for each exercise, a column for each implementation.
struct InteropTable: Sendable {
  enum Row: String, CaseIterable {
    case complete = "session up, table complete"
    case change = "change of community"
    case withdraw = "withdrawal"
    case flap = "flap"
    case key = "wrong and right MD5 key"
    case refresh = "route refresh"
    case restart = "graceful restart"
    case ourHoldTimer = "our hold timer expires"
    case theirHoldTimer = "its hold timer expires"
    case cease = "Cease with a text"
    case maxPrefix = "max-prefix"
  }

  enum Cell {
    /// With what is to be known of it.
    case works(String = "")
    /// The implementation cannot do it, or not all of it: what was seen instead.
    case notApplicable(String)
    case failed

    var mark: String {
      switch self {
      case .works: "ok"
      case .notApplicable: "n/a"
      case .failed: "FAILED"
      }
    }

    var note: String? {
      switch self {
      case .works(let note): note.isEmpty ? nil : note
      case .notApplicable(let note): note
      case .failed: nil
      }
    }
  }

  private var cells: [Implementation: [Row: Cell]] = [:]
  private static let found = Mutex(InteropTable())

  /// Fills a cell with what the exercise comes to. One that throws has failed.
  static func fill(_ row: Row, _ implementation: Implementation, _ exercise: () throws -> Cell) throws {
    let clock = ContinuousClock.now
    do {
      let cell = try exercise()
      found.withLock { $0.cells[implementation, default: [:]][row] = cell }
      print("interop: \(implementation.rawValue), \(row.rawValue): \(cell.mark) after \(ContinuousClock.now - clock)")
    } catch {
      found.withLock { $0.cells[implementation, default: [:]][row] = .failed }
      throw error
    }
  }

  /// The rows without a cell for the implementation.
  static func missing(_ implementation: Implementation) -> [Row] {
    found.withLock { table in Row.allCases.filter { table.cells[implementation]?[$0] == nil } }
  }

  /// All of it, with a dash for what was not reached.
  static var text: String { found.withLock(\.text) }

  private var text: String {
    let width = Row.allCases.map(\.rawValue.count).max() ?? 0
    let pad = { (text: String, width: Int) in text + String(repeating: " ", count: max(0, width - text.count)) }
    var lines = [pad("", width) + Implementation.allCases.map { "  " + pad($0.rawValue, 12) }.joined()]
    var notes: [String] = []
    for row in Row.allCases {
      let marks = Implementation.allCases.map { "  " + pad(cells[$0]?[row]?.mark ?? "-", 12) }
      lines.append(pad(row.rawValue, width) + marks.joined())
      for implementation in Implementation.allCases {
        guard let note = cells[implementation]?[row]?.note else { continue }
        notes.append("\(row.rawValue), \(implementation.rawValue): \(note)")
      }
    }
    return (lines + notes).joined(separator: "\n")
  }
}
