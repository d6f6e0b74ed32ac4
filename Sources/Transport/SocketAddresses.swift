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
    option(family, IP_TTL, IPV6_UNICAST_HOPS)
  }

  /// The least TTL or hop limit of a packet that is accepted (RFC 5082), ip(7) IP_MINTTL and IPV6_MINHOPCOUNT.
  package static func minimumTimeToLive(_ family: AddressFamily) -> ChannelOptions.Types.SocketOption {
    option(family, IP_MINTTL, IPV6_MINHOPCOUNT)
  }

  private static func option(
    _ family: AddressFamily, _ ipv4: CInt, _ ipv6: CInt
  ) -> ChannelOptions.Types.SocketOption {
    switch family {
    case .ipv4: ChannelOptions.Types.SocketOption(level: .ip, name: NIOBSDSocket.Option(rawValue: ipv4))
    case .ipv6: ChannelOptions.Types.SocketOption(level: .ipv6, name: NIOBSDSocket.Option(rawValue: ipv6))
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
  case let error as SystemError: error.description
  default: String(describing: error)
  }
}
