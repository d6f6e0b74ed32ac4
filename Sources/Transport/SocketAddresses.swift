import Glibc
package import NIOCore
import NIOPosix
package import Primitives
import SystemPackage

/// Addresses and options of BGP sockets, between our types and NIO's.
extension SocketAddress {
  package init(_ address: IPAddress, port: UInt16) throws {
    try self.init(ipAddress: address.description, port: Int(port))
  }

  /// The IP address and port; nil for a Unix socket.
  package var endpoint: (address: IPAddress, port: UInt16)? {
    guard let text = ipAddress?.split(separator: "%").first, let address = IPAddress(text), let port else { return nil }
    return (address, UInt16(clamping: port))
  }
}

extension ChannelOptions {
  /// The TTL or hop limit of outgoing packets, ip(7) IP_TTL and ipv6(7) IPV6_UNICAST_HOPS.
  package static func timeToLive(_ family: AddressFamily) -> ChannelOptions.Types.SocketOption {
    switch family {
    case .ipv4: ChannelOptions.Types.SocketOption(level: .ip, name: NIOBSDSocket.Option(rawValue: IP_TTL))
    case .ipv6: ChannelOptions.Types.SocketOption(level: .ipv6, name: NIOBSDSocket.Option(rawValue: IPV6_UNICAST_HOPS))
    }
  }
}

/// What the system says of an error of a channel: `Connection refused`.
package func systemWords(_ error: any Error) -> String {
  switch error {
  case let error as IOError: Errno(rawValue: error.errnoCode).description
  case let error as NIOConnectionError:
    error.connectionErrors.first.map { systemWords($0.error) } ?? "no address to connect to"
  case ChannelError.connectTimeout: "connection attempt timed out"
  default: String(describing: error)
  }
}
