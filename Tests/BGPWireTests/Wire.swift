import BGPWire
import Foundation
import Primitives

/// Helpers that put octets through the decoder as the engine does.
enum Wire {
  static let external = DecodeContext(fourOctetAS: true, isInternal: false)
  static let internalPeer = DecodeContext(fourOctetAS: true, isInternal: true)

  /// Decodes every message in `octets`.
  static func messages(_ octets: [UInt8], _ context: DecodeContext) throws -> [Message] {
    var messages: [Message] = []
    var offset = 0
    while let frame = try MessageFrame(in: octets.span, at: offset, maximum: context.maximumLength) {
      messages.append(try Message(frame, in: octets.span, context))
      offset = frame.end
    }
    return messages
  }

  static func update(_ octets: [UInt8], _ context: DecodeContext = external) throws -> UpdateMessage {
    guard case .update(let update) = try messages(octets, context).first else { throw NoUpdate() }
    return update
  }

  struct NoUpdate: Error {}

  /// A message with its header around `body`.
  static func message(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    let length = 19 + body.count
    return Array(repeating: 0xFF, count: 16) + [UInt8(length >> 8), UInt8(length & 255), type] + body
  }

  /// An UPDATE of withdrawn routes, attributes and NLRI, each as octets.
  static func update(withdrawn: [UInt8] = [], attributes: [UInt8], nlri: [UInt8] = []) -> [UInt8] {
    message(
      2,
      [UInt8(withdrawn.count >> 8), UInt8(withdrawn.count & 255)] + withdrawn
        + [UInt8(attributes.count >> 8), UInt8(attributes.count & 255)] + attributes + nlri)
  }

  /// Octets of hexadecimal digits; spaces are passed over.
  static func hex(_ text: String) -> [UInt8] {
    let digits = text.filter(\.isHexDigit)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap { offset in
      let start = digits.index(digits.startIndex, offsetBy: offset)
      return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
    }
  }

  /// The messages of a recording; its first line says how it was made.
  static func recording(_ name: String) throws -> [[UInt8]] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: folder.appendingPathComponent("Fixtures/wire/\(name).hex"), encoding: .utf8)
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { hex(String($0)) }
  }
}
