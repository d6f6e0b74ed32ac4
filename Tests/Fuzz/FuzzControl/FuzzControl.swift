import Control
import Primitives

/// Octets on the control socket, from either side: a value that decodes encodes to the same octets' value.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let octets = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
  if let (request, _) = try? ControlRequest.decode(in: octets.span) {
    let encoded = request.encode()
    guard let (again, _) = try? ControlRequest.decode(in: encoded.span), again == request else {
      fatalError("a request does not survive encoding")
    }
  }
  if let (reply, _) = try? ControlReply.decode(in: octets.span) {
    let encoded = reply.encode()
    guard let (again, _) = try? ControlReply.decode(in: encoded.span), again == reply else {
      fatalError("a reply does not survive encoding")
    }
  }
  return 0
}
