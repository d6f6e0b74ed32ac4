import CNetfilter
import Glibc

/// A system call on the netlink socket that failed.
struct SocketFault: Error {
  let errorNumber: Int32
}

/// One netlink socket, over libmnl: octets out, datagrams in.
///
/// This, the declarations that libnftnl builds and strerror(3) are all of the target that touches memory which Swift does not check.
@safe
struct NetlinkSocket: ~Copyable {
  private let handle: OpaquePointer
  /// What `SO_SNDBUF` was last asked to hold.
  private var sendCapacity = 0

  /// Opens and binds a socket whose errors carry explanations but not the whole message that failed.
  ///
  /// - Parameters:
  ///   - protocol: whom it talks to: NETLINK_NETFILTER or NETLINK_ROUTE.
  ///   - receiveCapacity: octets of receive buffer to ask for, of which the kernel makes twice as many.
  ///   - isBlocking: whether `receive(into:)` waits.
  init(protocol: CInt, receiveCapacity: CInt = 8 << 20, isBlocking: Bool = true) throws(SocketFault) {
    let flags = CInt(SOCK_CLOEXEC.rawValue) | (isBlocking ? 0 : CInt(SOCK_NONBLOCK.rawValue))
    // Safety: libmnl answers a handle that this value alone owns and closes, or nil.
    guard let opened = unsafe mnl_socket_open2(`protocol`, flags) else {
      throw SocketFault(errorNumber: errno)
    }
    // Safety: the handle is open.
    guard unsafe mnl_socket_bind(opened, 0, pid_t(MNL_SOCKET_AUTOPID)) == 0 else {
      let fault = SocketFault(errorNumber: errno)
      // Safety: nobody else has the handle yet.
      _ = unsafe mnl_socket_close(opened)
      throw fault
    }
    unsafe handle = unsafe opened
    // Each is an improvement and none is a condition: an old kernel without them still answers.
    _ = setOption(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    _ = setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    // 256 replies are all that the default buffer holds.
    if !setOption(SOL_SOCKET, SO_RCVBUFFORCE, receiveCapacity) {
      _ = setOption(SOL_SOCKET, SO_RCVBUF, receiveCapacity)
    }
  }

  deinit {
    // Safety: the handle is open and this was its only owner.
    _ = unsafe mnl_socket_close(handle)
  }

  /// The address of the socket within its network namespace. While it is open no other has the same.
  var portID: UInt32 {
    // Safety: the handle is open.
    unsafe mnl_socket_get_portid(handle)
  }

  /// Joins a multicast group, or leaves it; what was received before stays to be received.
  func setMembership(_ isMember: Bool, of group: UInt32) throws(SocketFault) {
    let option = isMember ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP
    guard setOption(SOL_NETLINK, option, CInt(clamping: group)) else {
      throw SocketFault(errorNumber: errno)
    }
  }

  /// Sends `words` as one datagram, which the kernel works through before this returns.
  ///
  /// - Throws: `EMSGSIZE` when the send buffer may not become large enough.
  mutating func send(_ words: [UInt32]) throws(SocketFault) {
    let size = words.count * 4
    if size > sendCapacity {
      // The kernel doubles the figure and wants 32 octets of it.
      let wanted = CInt(clamping: max(size / 2 + 4096, 256 << 10))
      if !setOption(SOL_SOCKET, SO_SNDBUFFORCE, wanted) {
        _ = setOption(SOL_SOCKET, SO_SNDBUF, wanted)
      }
      sendCapacity = size
    }
    while true {
      // Safety: the pointer and the length describe the array, which lives through the call.
      let sent = unsafe words.withUnsafeBytes { unsafe mnl_socket_sendto(handle, $0.baseAddress, $0.count) }
      if sent == size { return }
      guard sent < 0 else { throw SocketFault(errorNumber: EMSGSIZE) }
      guard errno == EINTR else { throw SocketFault(errorNumber: errno) }
    }
  }

  /// Receives one datagram into the start of `buffer`.
  ///
  /// - Returns: its length, or `nil` when none came within `milliseconds`.
  /// - Throws: `ENOBUFS` when the kernel had to drop a reply, `ENOSPC` when the datagram was longer than `buffer`.
  func receive(into buffer: inout [UInt8], within milliseconds: CInt) throws(SocketFault) -> Int? {
    guard try waitUntilReadable(milliseconds) else { return nil }
    return try receive(into: &buffer)
  }

  /// Receives one datagram into the start of `buffer`.
  ///
  /// - Returns: its length, or `nil` when the socket does not block and none was there.
  /// - Throws: as with `receive(into:within:)`.
  func receive(into buffer: inout [UInt8]) throws(SocketFault) -> Int? {
    while true {
      // Safety: the pointer and the length describe the array, which lives through the call.
      let received = unsafe buffer.withUnsafeMutableBytes {
        unsafe mnl_socket_recvfrom(handle, $0.baseAddress, $0.count)
      }
      if received >= 0 { return received }
      if errno == EAGAIN { return nil }
      guard errno == EINTR else { throw SocketFault(errorNumber: errno) }
    }
  }

  private func waitUntilReadable(_ milliseconds: CInt) throws(SocketFault) -> Bool {
    // Safety: the handle is open.
    var entry = pollfd(fd: unsafe mnl_socket_get_fd(handle), events: Int16(POLLIN), revents: 0)
    while true {
      // A signal starts the wait again: it is a guard against a reply that never comes, not a measure of time.
      // Safety: one entry, which lives through the call.
      let ready = unsafe poll(&entry, 1, milliseconds)
      if ready >= 0 { return ready > 0 }
      guard errno == EINTR else { throw SocketFault(errorNumber: errno) }
    }
  }

  private func setOption(_ level: CInt, _ option: CInt, _ value: CInt) -> Bool {
    var value = value
    // Safety: one CInt, which lives through the call.
    return unsafe setsockopt(
      mnl_socket_get_fd(handle), level, option, &value, socklen_t(MemoryLayout<CInt>.size)) == 0
  }
}
