import Foundation
import Netfilter
import Primitives
import Testing

extension KernelTier {
  @Suite("The network of the host")
  struct HostNetworkTests {
    /// Runs `body` with two interfaces, `host0` and `host1`, that are each other's other end and are gone afterwards.
    private func withInterfaces(_ body: (inout HostNetwork) throws -> Void) throws {
      // Without link-local addresses of their own, which come when they come.
      try ip(
        """
        link add host0 type veth peer name host1
        link set host0 addrgenmode none
        link set host1 addrgenmode none
        link set host0 up
        link set host1 up
        """)
      defer { _ = try? ip("link del host0") }
      var network = try HostNetwork()
      try body(&network)
    }

    /// `withInterfaces`, where `host0` has 192.0.2.10/24 and 2001:db8::10/64.
    private func withAddresses(_ body: (inout HostNetwork) throws -> Void) throws {
      try withInterfaces { network in
        try ip("addr add 192.0.2.10/24 dev host0\naddr add 2001:db8::10/64 dev host0 nodad")
        try body(&network)
      }
    }

    /// Lets ip(8) work through `commands`, one a line.
    private func ip(_ commands: String) throws {
      let file = FileManager.default.temporaryDirectory.appending(path: "nftbgpd-\(UUID().uuidString).ip")
      try Data((commands + "\n").utf8).write(to: file)
      defer { try? FileManager.default.removeItem(at: file) }
      try ShellCommand("ip -batch \(file.path) 2>&1").wait()
    }

    private func addresses(_ texts: [String]) throws -> [IPAddress] {
      try texts.map { try #require(IPAddress($0)) }
    }

    // MARK: Addresses

    /// What ip(8) is given, and the addresses that the host has more for it.
    struct AddressCase: CustomTestStringConvertible {
      let testDescription: String
      let commands: String
      let added: [String]

      init(_ name: String, _ commands: String, _ added: [String]) {
        testDescription = name
        self.commands = commands
        self.added = added
      }
    }

    @Test(
      "Every address of an interface is one of the host's, sorted and once",
      arguments: [
        AddressCase("none", "link set host0 mtu 1400", []),
        AddressCase("IPv4", "addr add 192.0.2.10/24 dev host0", ["192.0.2.10"]),
        AddressCase("IPv6", "addr add 2001:db8::10/64 dev host0 nodad", ["2001:db8::10"]),
        AddressCase("IPv6 that is not yet known to be unique", "addr add 2001:db8::10/64 dev host0", ["2001:db8::10"]),
        AddressCase("link-local", "addr add fe80::10/64 dev host0 nodad", ["fe80::10"]),
        AddressCase(
          "several, on two interfaces",
          """
          addr add 203.0.113.9/24 dev host1
          addr add 192.0.2.11/24 dev host0
          addr add 192.0.2.10/24 dev host0
          addr add 2001:db8::10/64 dev host1 nodad
          """, ["192.0.2.10", "192.0.2.11", "203.0.113.9", "2001:db8::10"]),
        AddressCase(
          "the same on two interfaces", "addr add 192.0.2.10/24 dev host0\naddr add 192.0.2.10/24 dev host1",
          ["192.0.2.10"]),
        AddressCase(
          "the ends of point-to-point links, not the other ends",
          """
          addr add 192.0.2.20 peer 198.51.100.20 dev host0
          addr add 2001:db8::20 peer 2001:db8:1::20 dev host0 nodad
          """, ["192.0.2.20", "2001:db8::20"]),
        AddressCase(
          "on an interface that is down", "addr add 192.0.2.10/24 dev host0\nlink set host0 down", ["192.0.2.10"]),
        AddressCase(
          "a label and a broadcast address", "addr add 192.0.2.10/24 brd + dev host0 label host0:1", ["192.0.2.10"]),
        AddressCase("a local route, which is none", "route add local 198.51.100.0/24 dev host0", []),
        AddressCase(
          "one that is gone",
          "addr add 192.0.2.10/24 dev host0\naddr add 192.0.2.11/24 dev host0\naddr del 192.0.2.11/24 dev host0",
          ["192.0.2.10"]),
      ])
    func ownAddresses(example: AddressCase) throws {
      try withInterfaces { network in
        let before = try network.addresses()
        try ip(example.commands)
        #expect(try network.addresses() == (before + addresses(example.added)).sorted())
      }
    }

    @Test("The loopback addresses are the host's, and stand among the others")
    func loopback() throws {
      try withAddresses { network in
        try ip("addr add 10.0.0.1/8 dev host0")
        let all = try network.addresses()
        #expect(all == (try addresses(["10.0.0.1", "127.0.0.1", "192.0.2.10", "::1", "2001:db8::10"])))
      }
    }

    @Test("Thousands of addresses, which are many datagrams, are all read")
    func manyAddresses() throws {
      try withInterfaces { network in
        let added = (0..<3000).map { IPv4Address(0xC612_0001 + UInt32($0)) }
        try ip(added.map { "addr add \($0)/32 dev host0" }.joined(separator: "\n"))
        #expect(try network.addresses().filter { $0 >= .v4(added[0]) && $0.family == .ipv4 } == added.map(IPAddress.v4))
      }
    }

    @Test("Addresses that change while they are read are read again, until they are as they were at one moment")
    func interruption() throws {
      try withInterfaces { network in
        // The kernel goes on with a dump at a count of addresses, so when one is gone another one is skipped.
        let leaving = (UInt32(0)..<2000).map { "\(IPv4Address(0xC612_0001 + $0))/32 dev host0" }
        let lasting = (UInt32(0)..<2000).map { IPv4Address(0xC613_0001 + $0) }
        try ip((leaving + lasting.map { "\($0)/32 dev host0" }).map { "addr add \($0)" }.joined(separator: "\n"))
        let loopback = 2
        let file = FileManager.default.temporaryDirectory.appending(path: "nftbgpd-\(UUID().uuidString).ip")
        try Data(leaving.map { "addr del \($0)\n" }.joined().utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let meanwhile = try ShellCommand("ip -batch \(file.path) 2>&1")
        var isLeft = true
        for _ in 0..<10_000 where isLeft {
          do throws(NetfilterError) {
            let all = try network.addresses()
            #expect(Set(lasting.map(IPAddress.v4)).subtracting(all).isEmpty)
            isLeft = all.count > lasting.count + loopback
          } catch {
            #expect(error.cause == .stale)
            #expect(error.description == "list the addresses of this host: they kept changing")
          }
        }
        try meanwhile.wait()
        #expect(!isLeft)
      }
    }

    // MARK: Gateways

    /// What ip(8) is given, and the gateways towards some destinations then.
    struct RouteCase: CustomTestStringConvertible {
      let testDescription: String
      let commands: String
      let destinations: [String]
      let gateways: [String]
      let undo: String

      init(_ name: String, _ commands: String, towards: [String] = [], _ gateways: [String], undo: String = "") {
        testDescription = name
        self.commands = commands
        destinations = towards
        self.gateways = gateways
        self.undo = undo
      }
    }

    /// Everything that is not assigned, and much that is.
    private static let blackholes = """
      route add blackhole 0.0.0.0/8
      route add blackhole 10.0.0.0/8
      route add unreachable 192.0.0.0/16
      route add prohibit 198.0.0.0/8
      route add throw 240.0.0.0/4
      -6 route add blackhole ::/8
      -6 route add unreachable 4000::/2
      -6 route add prohibit 8000::/1
      """.split(separator: "\n").map(String.init)

    @Test(
      "The gateways are the next hops of the default routes",
      arguments: [
        RouteCase("no route", "link set host0 mtu 1400", []),
        RouteCase("IPv4", "route add default via 192.0.2.1", ["192.0.2.1"]),
        RouteCase("IPv6", "route add default via 2001:db8::1", ["2001:db8::1"]),
        RouteCase(
          "both", "route add default via 2001:db8::1\nroute add default via 192.0.2.1", ["192.0.2.1", "2001:db8::1"]),
        RouteCase("a link-local router", "route add default via fe80::1 dev host0", ["fe80::1"]),
        RouteCase("IPv4 by an IPv6 router", "route add 0.0.0.0/0 via inet6 fe80::2 dev host0", ["fe80::2"]),
        RouteCase(
          "several paths", "route add default nexthop via 192.0.2.2 weight 3 nexthop via 192.0.2.1",
          ["192.0.2.1", "192.0.2.2"]),
        RouteCase(
          "several paths of IPv6", "route add ::/0 nexthop via 2001:db8::2 nexthop via 2001:db8::1",
          ["2001:db8::1", "2001:db8::2"]),
        RouteCase(
          "paths of both families, and one without a router",
          "route add 0.0.0.0/0 nexthop via 192.0.2.1 nexthop via inet6 fe80::2 dev host0 nexthop dev host1",
          ["192.0.2.1", "fe80::2"]),
        RouteCase(
          "the same router for both",
          "route add 0.0.0.0/0 via inet6 fe80::1 dev host0\nroute add ::/0 via fe80::1 dev host0",
          ["fe80::1"]),
        RouteCase(
          "a next hop that is an object of its own",
          "nexthop add id 5 via 192.0.2.7 dev host0\nroute add default nhid 5", ["192.0.2.7"]),
        RouteCase("a default route without a router", "route add default dev host0", []),
        RouteCase(
          "a default route to nowhere", "route add blackhole default\nroute add unreachable ::/0", [],
          undo: "route del blackhole default\nroute del unreachable ::/0"),
        RouteCase("a route that is no default", "route add 198.51.100.0/24 via 192.0.2.3", []),
        RouteCase("nearly a default", "route add 0.0.0.0/1 via 192.0.2.3\nroute add 8000::/1 via 2001:db8::3", []),
      ])
    func defaultRoutes(example: RouteCase) throws {
      try withAddresses { network in
        defer { if !example.undo.isEmpty { _ = try? ip(example.undo) } }
        try ip(example.commands)
        #expect(try network.gateways(towards: addresses(example.destinations)) == addresses(example.gateways))
      }
    }

    @Test(
      "The gateways are the next hops on the way to each destination, too",
      arguments: [
        RouteCase(
          "a route of its own", "route add 198.51.100.0/24 via 192.0.2.3", towards: ["198.51.100.7"], ["192.0.2.3"]),
        RouteCase(
          "of IPv6", "route add 2001:db8:1::/48 via 2001:db8::3", towards: ["2001:db8:1::7"], ["2001:db8::3"]),
        RouteCase(
          "all paths", "route add 198.51.100.0/24 nexthop via 192.0.2.3 nexthop via inet6 fe80::3 dev host0",
          towards: ["198.51.100.7"], ["192.0.2.3", "fe80::3"]),
        RouteCase(
          "with a default route", "route add default via 192.0.2.1\nroute add 198.51.100.7 via 192.0.2.3",
          towards: ["198.51.100.7", "198.51.100.8", "2001:db8:1::7"], ["192.0.2.1", "192.0.2.3"]),
        RouteCase(
          "the longest of several", "route add 198.0.0.0/8 via 192.0.2.3\nroute add 198.51.100.0/24 via 192.0.2.4",
          towards: ["198.51.100.7"], ["192.0.2.4"]),
        RouteCase(
          "on our network", "link set host0 mtu 1400", towards: ["192.0.2.77", "2001:db8::77", "fe80::77"], []),
        RouteCase("ourselves", "link set host0 mtu 1400", towards: ["192.0.2.10", "127.0.0.1", "::1"], []),
        RouteCase(
          "what is no host", "link set host0 mtu 1400",
          towards: ["0.0.0.0", "255.255.255.255", "224.0.0.1", "ff02::1", "::"], []),
        RouteCase(
          "another table, by a rule",
          "rule add to 198.51.100.0/24 lookup 100\nroute add default via 192.0.2.9 table 100",
          towards: ["198.51.100.7"], ["192.0.2.9"], undo: "rule del to 198.51.100.0/24 lookup 100"),
      ])
    func destinations(example: RouteCase) throws {
      try withAddresses { network in
        defer { if !example.undo.isEmpty { _ = try? ip(example.undo) } }
        try ip(example.commands)
        #expect(try network.gateways(towards: addresses(example.destinations)) == addresses(example.gateways))
      }
    }

    @Test("More destinations than one datagram asks for are all looked up")
    func manyDestinations() throws {
      try withAddresses { network in
        // Routes to every fifth network only, for answers of both kinds.
        try ip(
          (UInt32(0)..<200).map { "route add \(IPv4Address(0x0A01_0000 + $0 * 0x500))/24 via 192.0.2.\($0 + 20)" }
            .joined(separator: "\n"))
        let destinations = (UInt32(0)..<1000).map { IPAddress.v4(IPv4Address(0x0A01_0001 + $0 * 0x100)) }
        let wanted = (UInt32(0)..<200).map { IPAddress.v4(IPv4Address(0xC000_0214 + $0)) }
        #expect(try network.gateways(towards: destinations) == wanted)
      }
    }

    @Test("A default route is found behind blackholes for all space that nobody is assigned")
    func blackholes() throws {
      try withAddresses { network in
        defer {
          let undo = Self.blackholes.map { $0.replacing(" add ", with: " del ") }
          for command in undo { _ = try? ShellCommand("ip \(command) 2>&1").wait() }
        }
        for command in Self.blackholes { try ShellCommand("ip \(command) 2>&1").wait() }
        try ip("route add default via 192.0.2.1\nroute add default via 2001:db8::1")
        #expect(try network.gateways() == addresses(["192.0.2.1", "2001:db8::1"]))
      }
    }

    @Test("Of two default routes the one in use tells the gateway, and then the other")
    func metrics() throws {
      try withAddresses { network in
        try ip("route add default via 192.0.2.1 metric 10\nroute add default via 192.0.2.2 metric 20")
        #expect(try network.gateways() == addresses(["192.0.2.1"]))
        try ip("route del default metric 10")
        #expect(try network.gateways() == addresses(["192.0.2.2"]))
        try ip("link set host0 down")
        #expect(try network.gateways() == [])
      }
    }

    // MARK: Changes

    @Test("Nothing has changed at first")
    func nothingYet() throws {
      try withAddresses { _ in
        var network = try HostNetwork()
        // An address of IPv6 is told of again when the kernel has finished with it.
        _ = try settle(&network)
        var another = try HostNetwork()
        #expect(try !another.hasChanged())
        #expect(try !another.hasChanged())
      }
    }

    @Test(
      "A change of addresses is told, once",
      arguments: [
        "addr add 192.0.2.11/24 dev host0", "addr del 192.0.2.10/24 dev host0", "addr del 2001:db8::10/64 dev host0",
        "link del host0", "addr add 2001:db8::11/64 dev host1 nodad", "addr add 192.0.2.11 peer 192.0.2.12 dev host1",
        "addr flush dev host0",
      ])
    func change(command: String) throws {
      try withAddresses { network in
        _ = try settle(&network)
        try ip(command)
        #expect(try network.hasChanged())
        _ = try settle(&network)
        #expect(try !network.hasChanged())
      }
    }

    @Test(
      "What changes no address is not told",
      arguments: [
        "route add default via 192.0.2.1", "route add 198.51.100.0/24 via 192.0.2.1",
        "route add 2001:db8:1::/48 via 2001:db8::1", "link set host0 mtu 1400", "link set host1 down",
        "neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev host0",
      ])
    func noChange(command: String) throws {
      try withAddresses { network in
        _ = try settle(&network)
        try ip(command)
        #expect(try !network.hasChanged())
        #expect(try !settle(&network))
      }
    }

    @Test("Asking for addresses and gateways is no change and hides none")
    func independence() throws {
      try withAddresses { network in
        _ = try settle(&network)
        try ip("addr add 192.0.2.11/24 dev host0")
        _ = try network.addresses()
        _ = try network.gateways()
        #expect(try network.hasChanged())
        _ = try network.addresses()
        #expect(try !network.hasChanged())
      }
    }

    @Test("Changes that are too many to be kept are a change, once, and do not hide the next one")
    func lostChanges() throws {
      try withInterfaces { _ in
        var network = try HostNetwork(receiveCapacity: 1)
        let added = (0..<500).map { "addr add \(IPv4Address(0xC612_0001 + UInt32($0)))/32 dev host0" }
        try ip(added.joined(separator: "\n"))
        #expect(try network.hasChanged())
        #expect(try !network.hasChanged())
        #expect(try network.addresses().filter { $0.description.hasPrefix("198.1") }.count == 500)
        try ip("addr add 192.0.2.11/24 dev host0")
        #expect(try network.hasChanged())
        #expect(try !network.hasChanged())
      }
    }

    /// Reads changes until none came for a while, and answers whether there was one.
    private func settle(_ network: inout HostNetwork) throws -> Bool {
      var hasChanged = false
      var quiet = 0
      while quiet < 10 {
        Thread.sleep(forTimeInterval: 0.01)
        if try network.hasChanged() {
          hasChanged = true
          quiet = 0
        } else {
          quiet += 1
        }
      }
      return hasChanged
    }
  }
}
