import Primitives

/// The attributes of a peer's last UPDATE, undecoded and decoded: a feed that announces one prefix an UPDATE repeats them many times
/// over.
///
/// Only what is without a fault is remembered, and nothing that names routes, so that the decoded value is all there is to it.
package struct AttributeMemo: Sendable {
  private var field: [UInt8] = []
  private var context = DecodeContext.initial
  private var attributes = SharedAttributes.none

  package init() {}

  /// - Returns: what these octets were decoded to; nil when they are not those of the last time.
  func recall(_ reader: OctetReader, in octets: Span<UInt8>, _ context: DecodeContext) -> SharedAttributes? {
    let range = reader.remaining
    guard range.count == field.count, !field.isEmpty, context == self.context else { return nil }
    for offset in field.indices where field[offset] != octets[range.lowerBound + offset] { return nil }
    return attributes
  }

  mutating func remember(
    _ reader: OctetReader, in octets: Span<UInt8>, _ context: DecodeContext, _ attributes: SharedAttributes
  ) {
    field.removeAll(keepingCapacity: true)
    for position in reader.remaining { field.append(octets[position]) }
    self.context = context
    self.attributes = attributes
  }
}
