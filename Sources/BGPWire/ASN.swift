import Primitives

/// An autonomous system number of four octets (RFC 6793).
package struct ASN: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: UInt32

  package init(_ value: UInt32) {
    self.value = value
  }

  /// `65066`, or the asdot form `1.10` (RFC 5396).
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count == 1, let value = UInt32(decimal: text) {
      self.value = value
    } else if parts.count == 2, let high = UInt16(decimal: parts[0]), let low = UInt16(decimal: parts[1]) {
      value = UInt32(high) << 16 | UInt32(low)
    } else {
      return nil
    }
  }

  /// What a four-octet AS number is replaced by on a two-octet session: 23456 (RFC 6793 §9).
  package static let transition = ASN(23456)

  /// Whether two octets can carry the number.
  package var isTwoOctet: Bool { value <= UInt32(UInt16.max) }

  package static func < (left: ASN, right: ASN) -> Bool {
    left.value < right.value
  }

  package var description: String { String(value) }
}
