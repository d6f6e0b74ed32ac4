package import BGPWire
import Primitives

/// A handle to an attribute set in an `AttributePool`: four octets instead of a structure of arrays in every route.
package struct AttributesID: Hashable, Sendable {
  package let index: UInt32

  init(index: UInt32) {
    self.index = index
  }
}

/// Interned attribute sets with a count of the routes that use each.
///
/// A feed of a million routes has a few hundred to a hundred thousand attribute sets. A set whose last route leaves keeps its handle
/// until `collect()`, because the changes of the turn still name it.
package struct AttributePool: Sendable {
  private struct Entry: Sendable {
    var attributes: SharedAttributes
    var references: UInt32
  }

  /// The attributes as a key, hashed once: a dictionary asks for the hash when it looks, when it inserts and whenever it grows.
  private struct Key: Hashable, Sendable {
    let attributes: SharedAttributes
    private let value: Int

    init(_ attributes: SharedAttributes) {
      self.attributes = attributes
      value = attributes.hashValue
    }

    func hash(into hasher: inout Hasher) { hasher.combine(value) }

    static func == (left: Key, right: Key) -> Bool { left.value == right.value && left.attributes == right.attributes }
  }

  private var entries: [Entry] = []
  private var identifiers: [Key: AttributesID] = [:]
  private var free: [AttributesID] = []
  private var unreferenced: [AttributesID] = []
  /// The handle that was asked for last, and likely will be again.
  private var recent: AttributesID?

  package init() {}

  /// Distinct sets in use.
  package var count: Int { identifiers.count }
  /// One more than the largest index that a handle has.
  package var capacity: Int { entries.count }

  /// The attributes behind a handle of this pool.
  package subscript(identifier: AttributesID) -> PathAttributes {
    let index = Int(identifier.index)
    return index < entries.count ? entries[index].attributes.value : PathAttributes()
  }

  /// The handle of an equal set, a new one where there is none. It has no references yet.
  mutating func intern(_ attributes: SharedAttributes) -> AttributesID {
    if let recent, entries[Int(recent.index)].references > 0, entries[Int(recent.index)].attributes == attributes {
      return recent
    }
    let key = Key(attributes)
    if let known = identifiers[key] {
      recent = known
      return known
    }
    let identifier: AttributesID
    if let reused = free.popLast() {
      identifier = reused
      entries[Int(reused.index)] = Entry(attributes: attributes, references: 0)
    } else {
      identifier = AttributesID(index: UInt32(truncatingIfNeeded: entries.count))
      entries.append(Entry(attributes: attributes, references: 0))
    }
    identifiers[key] = identifier
    recent = identifier
    return identifier
  }

  mutating func retain(_ identifier: AttributesID, _ count: UInt32 = 1) {
    entries[Int(identifier.index)].references += count
  }

  mutating func release(_ identifier: AttributesID) {
    entries[Int(identifier.index)].references -= 1
    if entries[Int(identifier.index)].references == 0 { unreferenced.append(identifier) }
  }

  /// Forgets the sets that no route uses any more.
  ///
  /// - Returns: their handles, which may name other attributes from now on.
  mutating func collect() -> [AttributesID] {
    guard !unreferenced.isEmpty else { return [] }
    recent = nil
    var collected: [AttributesID] = []
    for identifier in unreferenced {
      let index = Int(identifier.index)
      // A handle is listed each time it falls to zero; it may have been taken up again or have been collected before.
      let key = Key(entries[index].attributes)
      guard entries[index].references == 0, identifiers[key] == identifier else { continue }
      identifiers[key] = nil
      entries[index].attributes = .none
      free.append(identifier)
      collected.append(identifier)
    }
    unreferenced.removeAll(keepingCapacity: unreferenced.count < 4096)
    if identifiers.isEmpty {
      entries = []
      free = []
    }
    identifiers.releaseUnusedStorage()
    return collected
  }
}
