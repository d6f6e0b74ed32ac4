import BGPWire
import Primitives

/// Octets of a peer: framing and every message. What decodes must encode, and decode again to the same.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let octets = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
  guard let first = octets.first else { return 0 }
  let context = DecodeContext(fourOctetAS: first & 1 == 0, isInternal: first & 2 != 0, maximumLength: 65535)
  decode(octets, context)
  // And as the body of an UPDATE and of an OPEN, so that the header is no hurdle.
  for type in [1, 2] as [UInt8] where octets.count <= 4000 {
    let length = octets.count + 19
    decode([UInt8](repeating: 0xFF, count: 16) + [UInt8(length >> 8), UInt8(length & 255), type] + octets, context)
  }
  return 0
}

private func decode(_ octets: [UInt8], _ context: DecodeContext) {
  var offset = 0
  var memo = AttributeMemo()
  do throws(NotificationMessage) {
    while let frame = try MessageFrame(in: octets.span, at: offset, maximum: context.maximumLength) {
      let message = try Message(frame, in: octets.span, context)
      offset = frame.end
      check(message, context)
      guard case .update(let update) = message else { continue }
      // What is remembered of others, or of itself, changes nothing.
      for _ in 0..<2 {
        guard try UpdateMessage(frame, in: octets.span, context, recalling: &memo) == update else {
          fatalError("an UPDATE is taken for another")
        }
      }
    }
  } catch {
    _ = error.description
    _ = error.shutdownText
  }
}

private func check(_ message: Message, _ context: DecodeContext) {
  let encoded = message.encode(context)
  guard case .update(let update) = message, update.faults.isEmpty, update.endOfRIB == nil, encoded.count < 65535 else {
    return
  }
  let again = try? MessageFrame(in: encoded.span, at: 0, maximum: 65535).map {
    try Message($0, in: encoded.span, context)
  }
  guard case .update(let decoded) = again, decoded.announced == update.announced, decoded.withdrawn == update.withdrawn
  else {
    fatalError("an UPDATE does not survive encoding")
  }
}
