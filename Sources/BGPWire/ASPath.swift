import Primitives

/// AS_PATH (RFC 4271 §4.3 b, RFC 5065 §3): segments of AS numbers.
///
/// All segments lie in one array, each a head word (type in the upper, count in the lower half) and its numbers, so that a path is one
/// allocation and hashing it is one pass.
package struct ASPath: Hashable, Sendable {
  private var words: [UInt32] = []

  package struct Segment: Hashable, Sendable {
    /// `IANA.SegmentType`.
    package var type: UInt8
    package var numbers: ArraySlice<UInt32>
  }

  package init() {}

  /// A path of one AS_SEQUENCE, or empty.
  package init(sequence numbers: [ASN]) {
    append(type: IANA.SegmentType.sequence, numbers[...].prefix(255).map(\.value))
  }

  /// Adds a segment behind the others; one without numbers is left out.
  package mutating func append(type: UInt8, _ numbers: some Collection<UInt32>) {
    guard !numbers.isEmpty, let count = UInt16(exactly: numbers.count) else { return }
    words.append(UInt32(type) << 16 | UInt32(count))
    words.append(contentsOf: numbers)
  }

  package var isEmpty: Bool { words.isEmpty }

  package var segments: [Segment] {
    var segments: [Segment] = []
    var index = 0
    while index < words.count {
      let end = min(index + 1 + Int(words[index] & 0xFFFF), words.count)
      segments.append(Segment(type: UInt8(truncatingIfNeeded: words[index] >> 16), numbers: words[index + 1..<end]))
      index = end
    }
    return segments
  }

  /// Whether a segment fulfils a condition. It is asked of every UPDATE, so no array of segments is made.
  private func hasSegment(_ condition: (_ type: UInt8, _ numbers: ArraySlice<UInt32>) -> Bool) -> Bool {
    var index = 0
    while index < words.count {
      let end = min(index + 1 + Int(words[index] & 0xFFFF), words.count)
      if condition(UInt8(truncatingIfNeeded: words[index] >> 16), words[index + 1..<end]) { return true }
      index = end
    }
    return false
  }

  /// The leftmost AS number when the path begins with an AS_SEQUENCE: the neighbour's (RFC 4271 §6.3).
  package var leftmost: ASN? {
    guard words.count >= 2, words[0] >> 16 == UInt32(IANA.SegmentType.sequence) else { return nil }
    return ASN(words[1])
  }

  /// The rightmost AS number when the path ends with an AS_SEQUENCE: the origin.
  package var origin: ASN? {
    guard let last = segments.last, last.type == IANA.SegmentType.sequence else { return nil }
    return last.numbers.last.map(ASN.init)
  }

  /// Every AS number from left to right, sets included.
  package var numbers: [ASN] {
    segments.flatMap { $0.numbers.map(ASN.init) }
  }

  /// Whether `number` stands anywhere in the path.
  package func contains(_ number: ASN) -> Bool {
    hasSegment { $1.contains(number.value) }
  }

  /// The length that route selection and AS4_PATH merging count: a set is one, confederation segments none (RFC 4271 §9.1.2.2 a,
  /// RFC 5065 §5.3).
  package var length: Int {
    segments.reduce(0) { sum, segment in
      switch segment.type {
      case IANA.SegmentType.sequence: sum + segment.numbers.count
      case IANA.SegmentType.set: sum + 1
      default: sum
      }
    }
  }

  /// Decodes the value of an AS_PATH or AS4_PATH attribute.
  ///
  /// - Returns: nil when it is malformed in the sense of RFC 7606 §7.2: an unknown segment type, a segment without numbers, one that
  ///   overruns the attribute; or when it holds AS 0 (RFC 7607 §2).
  init?(_ value: OctetReader, in octets: Span<UInt8>, fourOctetAS: Bool) {
    var reader = value
    while !reader.isAtEnd {
      guard let type = reader.readUInt8(octets), let count = reader.readUInt8(octets),
        (IANA.SegmentType.set...IANA.SegmentType.confederationSet).contains(type), count > 0,
        reader.count >= Int(count) * (fourOctetAS ? 4 : 2)
      else { return nil }
      words.append(UInt32(type) << 16 | UInt32(count))
      for _ in 0..<count {
        guard let number = fourOctetAS ? reader.readUInt32(octets) : reader.readUInt16(octets).map(UInt32.init),
          number != 0
        else { return nil }
        words.append(number)
      }
    }
  }

  /// Whether any segment is of a confederation.
  var hasConfederationSegments: Bool {
    hasSegment { type, _ in type >= IANA.SegmentType.confederationSequence }
  }

  /// The path that a two-octet AS_PATH and its AS4_PATH stand for together (RFC 6793 §4.2.3).
  func merged(with as4Path: ASPath) -> ASPath {
    let surplus = length - as4Path.length
    guard surplus >= 0 else { return self }
    var merged = ASPath()
    var left = surplus
    for segment in segments {
      guard left > 0 || segment.type >= IANA.SegmentType.confederationSequence else { break }
      switch segment.type {
      case IANA.SegmentType.sequence:
        merged.append(type: segment.type, segment.numbers.prefix(left))
        left -= min(left, segment.numbers.count)
      case IANA.SegmentType.set:
        merged.append(type: segment.type, segment.numbers)
        left -= 1
      default:
        merged.append(type: segment.type, segment.numbers)
      }
    }
    for segment in as4Path.segments where segment.type <= IANA.SegmentType.sequence {
      if segment.type == IANA.SegmentType.sequence, let last = merged.segments.last,
        last.type == IANA.SegmentType.sequence
      {
        // One sequence on the wire of a four-octet peer stays one sequence.
        merged.words.removeLast(last.numbers.count + 1)
        merged.append(type: last.type, Array(last.numbers) + segment.numbers)
      } else {
        merged.append(type: segment.type, segment.numbers)
      }
    }
    return merged
  }

  func encode(into writer: inout OctetWriter, fourOctetAS: Bool) {
    for segment in segments {
      writer.write(segment.type)
      writer.write(UInt8(clamping: segment.numbers.count))
      for number in segment.numbers.prefix(255) {
        if fourOctetAS {
          writer.write(number)
        } else {
          writer.write(UInt16(exactly: number) ?? UInt16(truncatingIfNeeded: ASN.transition.value))
        }
      }
    }
  }

  /// As bgpctl(8) prints it: numbers with spaces between, sets in braces, confederation segments in parentheses.
  package var description: String {
    segments.map { segment in
      let numbers = segment.numbers.map(String.init).joined(separator: " ")
      return switch segment.type {
      case IANA.SegmentType.set: "{ \(numbers) }"
      case IANA.SegmentType.confederationSequence: "( \(numbers) )"
      case IANA.SegmentType.confederationSet: "[ \(numbers) ]"
      default: numbers
      }
    }.joined(separator: " ")
  }
}
