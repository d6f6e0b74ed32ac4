import AtomicFile
import Engine
import NIOCore
import Netfilter
import Primitives
import Transport

/// Where the host's addresses, gateways and resolvers come from: rtnetlink, and the files of resolv.conf(5).
///
/// It shares the thread of the tables: what is asked here takes milliseconds, which the sessions need not wait for.
actor HostWatch: LoopActor {
  let loop: any EventLoop
  private var neighbors: [IPAddress]
  private var network: HostNetwork
  private var last: HostAddresses?
  private var own: [IPAddress] = []
  /// The addresses may have changed since they were last read.
  private var isDirty = true

  /// The resolvers of the host, and those that systemd-resolved(8) asks in turn.
  private static let resolverFiles = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]

  init(on loop: any EventLoop, neighbors: [IPAddress]) throws(NetfilterError) {
    self.loop = loop
    self.neighbors = neighbors
    network = try HostNetwork()
  }

  /// From now on the gateways towards these are the host's; the next check answers in any case.
  func watch(neighbors: [IPAddress]) {
    self.neighbors = neighbors
    last = nil
  }

  /// The host's addresses; nil when they are what they were at the last call.
  func check() throws(NetfilterError) -> HostAddresses? {
    // Whatever fails here is tried again at the next call: no event is lost.
    if try network.hasChanged() { isDirty = true }
    if isDirty { own = try network.addresses() }
    isDirty = false
    let found = HostAddresses(
      own: own, gateways: try network.gateways(towards: neighbors),
      resolvers: Self.resolverFiles.flatMap { Self.resolvers($0) })
    guard found != last else { return nil }
    last = found
    return found
  }

  /// A file that is not there, or cannot be read, names none.
  private static func resolvers(_ path: String) -> [IPAddress] {
    do throws(SystemError) {
      let octets = try FileContents.read(path, maximum: 1 << 16)
      return HostAddresses.resolvers(in: String(decoding: octets, as: UTF8.self))
    } catch _ {
      return []
    }
  }
}
