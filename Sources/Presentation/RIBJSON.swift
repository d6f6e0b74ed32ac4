import Control
import Primitives

/// `show rib` as JSON, with the keys of bgpctl(8) in its order. `dmetric` is left out: nothing is decided between paths here.
enum RIBJSON {
  static func write(_ route: RouteReport, _ path: PathReport, communities: Bool, to writer: inout JSONWriter) {
    let nextHop = (path.nextHop ?? path.neighborAddress).description
    writer.beginObject()
    writer.member("prefix", route.prefix.description)
    writer.member("aspath", path.asPath)
    writer.member("exit_nexthop", nextHop)
    writer.member("true_nexthop", nextHop)
    writer.beginObject("neighbor")
    if !path.neighborDescription.isEmpty { writer.member("description", path.neighborDescription) }
    writer.member("remote_addr", path.neighborAddress.description)
    writer.member("bgp_id", (path.bgpID ?? IPv4Address(0)).description)
    writer.end()
    writer.member("valid", route.isValid)
    if route.isBest { writer.member("best", true) }
    writer.member("source", path.isInternal ? "internal" : "external")
    if route.isStale { writer.member("stale", true) }
    writer.member("ovs", "not-found")
    writer.member("origin", path.origin.name)
    writer.member("metric", path.multiExitDiscriminator)
    writer.member("localpref", path.localPreference)
    writer.member("weight", 0)
    writer.member(time: "last_update", UInt64(route.age))
    if communities {
      writer.members("communities", path.communities)
      writer.members("extended_communities", path.extendedCommunities)
      writer.members("large_communities", path.largeCommunities)
    }
    writer.end()
  }
}
