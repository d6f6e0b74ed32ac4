/// A dictionary of prefixes: open addressing with linear probing, keys and values in an array each.
///
/// It holds what there is a million of, and so it is denser and faster than `Dictionary`: a route of 8 octets takes 20 to 30, and its
/// place is found by two multiplications. The hash is keyed with a random number, another one in each map, so that no feed can choose
/// prefixes that collide, and filling one map in the order of another does not pile up.
///
/// The wart: it is `public` and `@inlinable`, and so are the prefixes: what is `package` is not specialised in another module, and
/// unspecialised this is twenty times slower.
public struct PrefixMap<Key: AddressPrefix, Value: Sendable>: Sendable {
  /// `Key.vacant` where there is none.
  @usableFromInline var places: [Key] = []
  /// Of no meaning where the place is vacant.
  @usableFromInline var values: [Value] = []
  @usableFromInline var entries = 0
  @usableFromInline let seed: UInt64

  /// An empty one.
  @inlinable public init() {
    seed = .random(in: 0 ... .max)
  }

  /// Prefixes that have a value.
  @inlinable public var count: Int { entries }

  /// Places, taken or not.
  @inlinable public var capacity: Int { places.count }

  /// The value of a prefix.
  @inlinable public subscript(key: Key) -> Value? {
    find(key).map { values[$0] }
  }

  // MARK: Changes

  /// - Returns: the value that this one replaces.
  @inlinable @discardableResult public mutating func updateValue(_ value: Value, forKey key: Key) -> Value? {
    guard let place = find(key) else {
      insert(key, value)
      return nil
    }
    let old = values[place]
    values[place] = value
    return old
  }

  /// Changes the value of a key; one that has none gets `value` first.
  @inlinable public mutating func modify<Result>(
    _ key: Key, default value: Value, _ change: (inout Value) -> Result
  ) -> Result {
    if let place = find(key) { return change(&values[place]) }
    var value = value
    let result = change(&value)
    insert(key, value)
    return result
  }

  /// - Returns: the value that it had.
  @inlinable @discardableResult public mutating func removeValue(forKey key: Key) -> Value? {
    guard let place = find(key) else { return nil }
    let old = values[place]
    close(place)
    entries &-= 1
    if places.count > Self.leastCapacity, entries < places.count / 8 { resize(to: places.count / 4) }
    return old
  }

  /// Changes all values.
  @inlinable public mutating func modifyValues(_ change: (inout Value) -> Void) {
    for place in places.indices where places[place] != .vacant { change(&values[place]) }
  }

  // MARK: Places

  @usableFromInline static var leastCapacity: Int { 16 }

  /// The place where the search for a key begins.
  @inlinable func home(_ key: Key) -> Int {
    Int(truncatingIfNeeded: key.scrambled(seed).multipliedFullWidth(by: UInt64(places.count)).high)
  }

  @inlinable func following(_ place: Int) -> Int {
    place + 1 == places.count ? 0 : place + 1
  }

  /// Steps from one place to another.
  @inlinable func distance(_ start: Int, _ end: Int) -> Int {
    end >= start ? end - start : end - start + places.count
  }

  @inlinable func find(_ key: Key) -> Int? {
    guard entries > 0 else { return nil }
    var place = home(key)
    while true {
      let found = places[place]
      if found == key { return place }
      // There always is a vacant place.
      if found == .vacant { return nil }
      place = following(place)
    }
  }

  /// - Precondition: the key is not there.
  @inlinable mutating func insert(_ key: Key, _ value: Value) {
    // Beyond four fifths, searches in vain become long.
    if entries >= places.count / 5 * 4 {
      if places.isEmpty {
        places = Array(repeating: .vacant, count: Self.leastCapacity)
        values = Array(repeating: value, count: Self.leastCapacity)
      } else {
        resize(to: places.count / 2 * 3)
      }
    }
    put(key, value)
    entries &+= 1
  }

  @inlinable mutating func put(_ key: Key, _ value: Value) {
    var place = home(key)
    while places[place] != .vacant { place = following(place) }
    places[place] = key
    values[place] = value
  }

  @inlinable mutating func resize(to capacity: Int) {
    let capacity = Swift.max(capacity, Self.leastCapacity)
    guard let filler = values.first, entries < capacity else { return }
    var (oldPlaces, oldValues) = ([Key](), [Value]())
    swap(&oldPlaces, &places)
    swap(&oldValues, &values)
    places = Array(repeating: .vacant, count: capacity)
    values = Array(repeating: filler, count: capacity)
    for place in oldPlaces.indices where oldPlaces[place] != .vacant { put(oldPlaces[place], oldValues[place]) }
  }

  /// Makes a place vacant, and moves up what was put behind it because it was taken.
  @inlinable mutating func close(_ place: Int) {
    var hole = place
    var next = following(place)
    while places[next] != .vacant {
      if distance(home(places[next]), next) >= distance(hole, next) {
        places[hole] = places[next]
        values[hole] = values[next]
        hole = next
      }
      next = following(next)
    }
    places[hole] = .vacant
  }
}

extension PrefixMap: Sequence {
  /// Goes from place to place.
  public struct Iterator: IteratorProtocol {
    @usableFromInline let map: PrefixMap
    @usableFromInline var place = 0

    @inlinable init(_ map: PrefixMap) {
      self.map = map
    }

    /// The next prefix with its value; nil at the end.
    @inlinable public mutating func next() -> (key: Key, value: Value)? {
      while place < map.places.count {
        defer { place += 1 }
        if map.places[place] != .vacant { return (map.places[place], map.values[place]) }
      }
      return nil
    }
  }

  /// In no order.
  @inlinable public func makeIterator() -> Iterator { Iterator(self) }

  /// As many as there are.
  @inlinable public var underestimatedCount: Int { entries }

  /// In no order.
  @inlinable public var keys: [Key] {
    var keys: [Key] = []
    keys.reserveCapacity(entries)
    for place in places where place != .vacant { keys.append(place) }
    return keys
  }
}
