import Foundation
import Glibc

/// A Unix datagram socket that listens: what stands for the service manager's or the journal's.
package final class DatagramReceiver {
  /// For `NOTIFY_SOCKET`: the path, or `@` and the name.
  package let name: String
  private let descriptor: Int32

  /// - Parameter name: a path, or `@` and a name of the abstract namespace.
  package init(_ name: String) throws {
    self.name = name
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var octets = Array(name.utf8)
    if name.hasPrefix("@") { octets[0] = 0 }
    // Safety: names of tests are shorter than the field; pointer and length describe the address.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: octets) }
    let length = socklen_t(2 + octets.count)
    let result = unsafe withUnsafePointer(to: address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) }
    }
    guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
  }

  deinit {
    close(descriptor)
    if !name.hasPrefix("@") { _ = unsafe unlink(name) }
  }

  /// The next datagram; nil when none comes in time.
  package func next(within seconds: Double) -> [UInt8]? {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    // Safety: one entry, and a buffer with its length.
    guard unsafe poll(&entry, 1, Int32(seconds * 1000)) == 1 else { return nil }
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    return count < 0 ? nil : Array(buffer[..<count])
  }

  /// Lines of datagrams until one has `line`; nil when none with it comes in time.
  package func lines(until line: (String) -> Bool, within seconds: Double) -> [String]? {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var lines: [String] = []
    while ContinuousClock.now < deadline {
      guard let datagram = next(within: 0.1) else { continue }
      let new = String(decoding: datagram, as: UTF8.self).split(separator: "\n").map(String.init)
      lines += new
      if new.contains(where: line) { return lines }
    }
    return nil
  }
}
