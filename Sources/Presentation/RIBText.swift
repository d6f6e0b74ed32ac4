import Control
import Export
import Primitives

/// `show rib` as text, in the layouts of several releases of bgpctl(8).
enum RIBText {
  /// Four lines, without a column for origin validation: the layout of OpenBGPD 3.6 to 6.3, which the published scripts cut up.
  static let classicHeader = """
    flags: * = Valid, > = Selected, I = via IBGP, A = Announced, S = Stale
    origin: i = IGP, e = EGP, ? = Incomplete

    flags destination          gateway          lpref   med aspath origin

    """

  /// Six lines: the layout of OpenBGPD 6.4 to 7.7.
  static let modernHeader = """
    flags: * = Valid, > = Selected, I = via IBGP, A = Announced,
           S = Stale, E = Error
    origin validation state: N = not-found, V = valid, ! = invalid
    origin: i = IGP, e = EGP, ? = Incomplete

    flags ovs destination          gateway          lpref   med aspath origin

    """

  /// The part of a row that all routes of a path share: everything after the destination.
  static func rowEnd(of path: PathReport, modern: Bool) -> [UInt8] {
    var writer = TextWriter()
    writer.write(" ")
    writer.left((path.nextHop ?? path.neighborAddress).description, 15)
    writer.write(" ")
    writer.right(path.localPreference, modern ? 5 : 6)
    writer.write(" ")
    writer.right(path.multiExitDiscriminator, 5)
    writer.write(" ")
    if !path.asPath.isEmpty { writer.write("\(path.asPath.printable) ") }
    writer.line(path.origin.letter)
    return writer.octets
  }

  /// Only `*` and `>` ever stand before the destination: the scripts remove just these two and blanks.
  static func writeClassicRow(_ route: RouteReport, end: [UInt8], to writer: inout TextWriter) {
    writer.write(route.isValid ? (route.isBest ? "*>    " : "*     ") : (route.isBest ? ">     " : "      "))
    writeDestination(route.prefix, to: &writer)
    writer.octets.append(contentsOf: end)
  }

  static func writeModernRow(_ route: RouteReport, _ path: PathReport, end: [UInt8], to writer: inout TextWriter) {
    var flags = ""
    if path.isInternal { flags += "I" }
    if route.isStale { flags += "S" }
    if route.isValid { flags += "*" }
    if route.isBest { flags += ">" }
    writer.left(flags, 5)
    writer.write("   N ")
    writeDestination(route.prefix, to: &writer)
    writer.octets.append(contentsOf: end)
  }

  /// `%-20s`, without a `String` for IPv4, of which there may be a million.
  private static func writeDestination(_ prefix: Prefix, to writer: inout TextWriter) {
    switch prefix {
    case .v4(let prefix):
      let start = writer.octets.count
      writer.octets.append(decimal: prefix.address)
      writer.octets.append(UInt8(ascii: "/"))
      writer.octets.append(decimal: UInt32(prefix.length))
      writer.spaces(20 - (writer.octets.count - start))
    case .v6(let prefix):
      writer.left(prefix.description, 20)
    }
  }

  /// The block of `detail`; with `separator` `;` the line of `ssv`, which ends without a line feed as bgpctl's does.
  static func writeDetail(
    _ route: RouteReport, _ path: PathReport, separator: String, to writer: inout TextWriter
  ) {
    let nextHop = path.nextHop ?? path.neighborAddress
    let neighbor = path.neighborDescription.isEmpty ? "\(path.neighborAddress)" : path.neighborDescription.printable
    writer.write("\nBGP routing table entry for \(route.prefix)\(separator)")
    if !path.asPath.isEmpty { writer.write("    \(path.asPath.printable)\(separator)") }
    writer.write(
      "    Nexthop \(nextHop) (via \(nextHop)) Neighbor \(neighbor) (\(path.bgpID ?? IPv4Address(0)))\(separator)")
    writer.write("    Origin \(path.origin.name), metric \(path.multiExitDiscriminator)")
    writer.write(", localpref \(path.localPreference), weight 0, ovs not-found")
    writer.write(path.isInternal ? ", internal" : ", external")
    if route.isStale { writer.write(", stale") }
    if route.isValid { writer.write(", valid") }
    if route.isBest { writer.write(", best") }
    writer.write("\(separator)    Last update: \(Timeframe.text(UInt64(route.age))) ago\(separator)")
    let communities = [
      ("Communities", path.communities), ("Ext. Communities", path.extendedCommunities),
      ("Large Communities", path.largeCommunities),
    ]
    for (label, values) in communities where !values.isEmpty {
      writer.write("    \(label): \(values.joined(separator: " ").printable)\(separator)")
    }
  }
}

extension PathReport.Origin {
  fileprivate var letter: String {
    switch self {
    case .igp: "i"
    case .egp: "e"
    case .incomplete: "?"
    }
  }

  /// As bgpctl(8) writes it out.
  var name: String {
    switch self {
    case .igp: "IGP"
    case .egp: "EGP"
    case .incomplete: "incomplete"
    }
  }
}
