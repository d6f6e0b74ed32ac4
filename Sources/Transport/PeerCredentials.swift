import Glibc
package import NIOCore

/// Who is at the other end of a local socket, as the kernel has seen it connect: unix(7) SO_PEERCRED and SO_PEERGROUPS.
package struct PeerCredentials: Hashable, Sendable {
  package let process: Int32
  package let user: UInt32
  package let group: UInt32
  /// Supplementary groups; empty for someone in more than 64.
  package let groups: Set<UInt32>

  /// - Returns: at once when on the channel's loop; nil where the kernel does not tell.
  package static func read(from channel: any Channel) -> EventLoopFuture<PeerCredentials?> {
    guard let options = channel as? any SocketOptionProvider else { return channel.eventLoop.makeSucceededFuture(nil) }
    // struct ucred: process, user and group, of 32 bits each.
    let credentials: EventLoopFuture<InlineArray<3, UInt32>> = options.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
    let groups: EventLoopFuture<InlineArray<64, UInt32>> = options.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERGROUPS))
    return credentials.and(groups.recover { _ in InlineArray(repeating: 0) })
      .map { credentials, groups -> PeerCredentials? in
        var others: Set<UInt32> = []
        // What the kernel has not written is 0, and so group 0 counts as a first group alone.
        for position in groups.indices where groups[position] != 0 { others.insert(groups[position]) }
        return PeerCredentials(
          process: Int32(truncatingIfNeeded: credentials[0]), user: credentials[1], group: credentials[2],
          groups: others)
      }
      .recover { _ -> PeerCredentials? in nil }
  }

  /// Whether it is the system's administrator, this process's own user, or one of this process's group, which the socket file admits.
  package var isTrusted: Bool {
    user == 0 || user == geteuid() || group == getegid() || groups.contains(getegid())
  }
}
