import Glibc
package import NIOCore
package import Primitives

/// TCP MD5 signatures (RFC 2385): which peer of a socket has which key, tcp(7) TCP_MD5SIG.
///
/// The kernel signs what goes to such a peer, and drops without a word what comes from it unsigned or signed with another key, from the
/// first SYN on. So a key must be set before `connect`, and on a listening socket; an accepted socket inherits it.
package struct TCPSignature: Hashable, Sendable {
  /// TCP_MD5SIG_MAXKEYLEN
  package static let longestKey = 80

  private let address: IPAddress
  private let isForEverybody: Bool
  /// Empty: the peer has none any more.
  private let key: [UInt8]
  private let isRemoval: Bool

  /// The key of one peer.
  ///
  /// - Parameter key: 1 to 80 octets.
  package init(of peer: IPAddress, key: [UInt8]) {
    address = peer
    isForEverybody = false
    self.key = key
    isRemoval = false
  }

  /// No key any more for a peer that has one, on a listening socket.
  package init(removedOf peer: IPAddress) {
    address = peer
    isForEverybody = false
    key = []
    isRemoval = true
  }

  /// One key for all peers of a family, on a listening socket (tcp(7) TCP_MD5SIG_EXT, Linux 4.13).
  package init(ofEveryPeer family: AddressFamily, key: [UInt8]) {
    switch family {
    case .ipv4: address = .v4(IPv4Address(0))
    case .ipv6: address = .v6(IPv6Address(high: 0, low: 0))
    }
    isForEverybody = true
    self.key = key
    isRemoval = false
  }

  /// Sets it on a socket that is not connected.
  ///
  /// - Returns: at once when on the channel's loop; fails with a `SystemError` that names the peer.
  package func set(on channel: any Channel) -> EventLoopFuture<Void> {
    do {
      let value = try systemValue
      guard let options = channel as? any SocketOptionProvider else { throw ChannelError.operationUnsupported }
      let name = isForEverybody ? TCP_MD5SIG_EXT : TCP_MD5SIG
      return options.unsafeSetSocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: name), value: value)
        .flatMapErrorThrowing { throw failure($0) }
    } catch {
      return channel.eventLoop.makeFailedFuture(failure(error))
    }
  }

  private func failure(_ error: any Error) -> SystemError {
    SystemError(
      call: "tcp md5sig for \(isForEverybody ? "all" : "neighbor \(address)")",
      errorNumber: (error as? IOError)?.errnoCode ?? 0, explanation: systemWords(error))
  }

  /// As the kernel takes it.
  private var systemValue: tcp_md5sig {
    get throws {
      guard isRemoval || (1...Self.longestKey).contains(key.count) else {
        throw UnusableKey(description: "a key of \(key.count) octets, expected 1 to \(Self.longestKey)")
      }
      var value = tcp_md5sig()
      value.tcpm_keylen = UInt16(key.count)
      if isForEverybody { value.tcpm_flags = UInt8(TCP_MD5SIG_FLAG_PREFIX) }
      // Safety: the copy is of the key's octets, and the field has room for the longest key.
      unsafe withUnsafeMutableBytes(of: &value.tcpm_key) { unsafe $0.copyBytes(from: key) }
      // Safety: any socket address fits into sockaddr_storage, which is what the field is; NIO gives its true length.
      unsafe try SocketAddress(address, port: 0).withSockAddr { source, length in
        unsafe withUnsafeMutableBytes(of: &value.tcpm_addr) { field in
          unsafe field.copyMemory(from: UnsafeRawBufferPointer(start: source, count: min(length, field.count)))
        }
      }
      return value
    }
  }

  private struct UnusableKey: Error, CustomStringConvertible {
    let description: String
  }
}
