import Glibc
package import Primitives
import SystemPackage

/// Sends datagrams to one Unix socket that somebody else has bound: sd_notify(3) and journald are spoken to so.
///
/// It does so at once and on any thread, so that last words have left when the process ends; NIO's datagram channels do neither, and
/// know no abstract addresses. It is not connected, so a receiver that starts anew is found again.
@safe
package final class DatagramSocket: Sendable {
  /// How long one waits, if it does, for a receiver that does not keep up.
  private static let patience = 200_000

  private let descriptor: FileDescriptor
  private let name: String
  private let address: sockaddr_un
  private let addressLength: socklen_t

  /// - Parameter name: a path, or `@` and a name of the abstract namespace (unix(7)); at most 107 octets.
  package init(to name: String) throws(SystemError) {
    self.name = name
    var octets = Array(name.utf8)
    let isAbstract = octets.first == UInt8(ascii: "@")
    if isAbstract { octets[0] = 0 }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard isAbstract || octets.first == UInt8(ascii: "/"), octets.count < MemoryLayout.size(ofValue: address.sun_path)
    else {
      throw SystemError(call: "send to \(name)", errorNumber: EINVAL, explanation: "not the address of a socket")
    }
    // Safety: the name is shorter than the field, as checked above.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: octets) }
    self.address = address
    // All octets of an abstract name count, so there must be no NUL after it.
    let prefix = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 2
    addressLength = socklen_t(prefix + octets.count + (isAbstract ? 0 : 1))
    let opened = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard opened >= 0 else { throw Self.error("socket", errno) }
    descriptor = FileDescriptor(rawValue: opened)
    var limit = timeval(tv_sec: 0, tv_usec: Self.patience)
    // Safety: one timeval, which lives through the call.
    guard unsafe setsockopt(opened, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0 else {
      let number = errno
      try? descriptor.close()
      throw Self.error("setsockopt SO_SNDTIMEO", number)
    }
  }

  deinit {
    try? descriptor.close()
  }

  /// Sends one datagram.
  ///
  /// - Parameter waits: whether to wait for a fifth of a second where the receiver does not keep up.
  /// - Throws: `EAGAIN` when it still does not, `EMSGSIZE` when the datagram is too long, `ENOENT` or `ECONNREFUSED` when nobody is there.
  package func send(_ octets: [UInt8], waits: Bool = true) throws(SystemError) {
    let flags = CInt(MSG_NOSIGNAL) | (waits ? 0 : CInt(MSG_DONTWAIT))
    while true {
      // Safety: pointers and lengths describe the array and the address, which live through the call; sockaddr_un begins as every
      // socket address does.
      let sent = unsafe withUnsafePointer(to: address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          unsafe sendto(descriptor.rawValue, octets, octets.count, flags, address, addressLength)
        }
      }
      if sent >= 0 { return }
      guard errno == EINTR else { throw Self.error("send to \(name)", errno) }
    }
  }

  private static func error(_ call: String, _ number: CInt) -> SystemError {
    SystemError(call: call, errorNumber: number, explanation: Errno(rawValue: number).description)
  }
}
