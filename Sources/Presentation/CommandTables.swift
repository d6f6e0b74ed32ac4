import Control
import Primitives

/// The tables of the grammar, in the order in which bgpctl(8) lists them.
extension CommandWords {
  /// A place in a command line, which decides what may stand there.
  enum Position {
    case main, show, showBGP, summary, neighbor, neighborGroup, neighborView, rib, ribPrefix, ribNeighbor, ribGroup
    case asn, sourceAS, peerAS, community, largeCommunity, table
    case why, peer, peerGroup, peerAction, downReason, reason, changedTable, tableAction, verbosity
    /// Nothing may: the words so far were bgpctl's, and this is why they are not nftbgpctl's.
    case refusal(String)

    var tokens: [Token] {
      switch self {
      case .main: CommandWords.main
      case .show: CommandWords.show
      case .showBGP: [.keyword("bgp", .rib) { $0.action = .rib }]
      case .summary: [.end, .keyword("terse") { $0.terse = true }]
      case .neighbor: CommandWords.neighbor
      case .neighborGroup: [.value("<group>", .neighborView, Words.text) { $0.selector = .group($1) }]
      case .neighborView: CommandWords.neighborView
      case .rib: CommandWords.rib
      case .ribPrefix: CommandWords.ribPrefix
      case .ribNeighbor: CommandWords.ribNeighbor
      case .ribGroup: [.value("<group>", .rib, Words.text) { $0.query.neighbor = .group($1) }]
      case .asn: [.value("<asnum>", .rib, Words.asn) { $0.query.asn = $1 }]
      case .sourceAS: [.value("<asnum>", .rib, Words.asn) { $0.query.sourceAS = $1 }]
      case .peerAS: [.value("<asnum>", .rib, Words.asn) { $0.query.peerAS = $1 }]
      case .community: [.value("<community>", .rib, Words.community) { $0.query.community = $1 }]
      case .largeCommunity:
        [.value("<large-community>", .rib, Words.largeCommunity) { $0.query.largeCommunity = $1 }]
      case .table: [.value("<table>", nil, Words.text) { $0.table = $1 }]
      case .why:
        [.value("<address>[/<len>]", nil, Words.prefix) { $0.action = .why($1) }]
      case .peer: CommandWords.peer
      case .peerGroup: [.value("<group>", .peerAction, Words.text) { $0.selector = .group($1) }]
      case .peerAction: CommandWords.peerAction
      case .downReason: [.exact("flush", next: .reason) { $0.change = .down(flush: true, "") }] + CommandWords.reason
      case .reason: CommandWords.reason
      case .changedTable: [.value("<table>", .tableAction, Words.text) { $0.table = $1 }]
      case .tableAction: [.keyword("accept") { $0.action = .accept }]
      case .verbosity:
        [
          .keyword("verbose") { $0.action = .log(verbose: true) },
          .keyword("brief") { $0.action = .log(verbose: false) },
        ]
      case .refusal: []
      }
    }
  }

  private static var main: [Token] {
    [
      .keyword("reload") { $0.action = .reload },
      .keyword("show", .show),
      .refused("fib", "fib: nftbgpd installs no routes"),
      .keyword("neighbor", .peer) { $0.action = .change },
      .refused("network", "network: nftbgpd announces nothing"),
      .keyword("log", .verbosity),
      .keyword("export", .table) { $0.action = .export },
      .keyword("why", .why),
      .keyword("table", .changedTable),
    ]
  }

  private static var show: [Token] {
    [
      .end,
      .refused("fib", "show fib: nftbgpd installs no routes, so there is no FIB"),
      .refused("interfaces", "show interfaces: nftbgpd does not watch interfaces"),
      .keyword("neighbor", .neighbor) { $0.action = .neighbor },
      .refused("network", "show network: nftbgpd announces nothing"),
      .refused("nexthop", "show nexthop: nftbgpd does not follow next hops"),
      .keyword("rib", .rib) { $0.action = .rib },
      .keyword("tables") { $0.action = .tables },
      .keyword("ip", .showBGP),
      .keyword("summary", .summary),
      .refused("sets", "show sets: not there yet"),
      .refused("rtr", "show rtr: nftbgpd does not validate origins"),
      .refused("mrt", "show mrt: nftbgpd writes no MRT dumps"),
      .keyword("metrics") { $0.action = .metrics },
      .keyword("refused") { $0.action = .refused },
      .keyword("conflicts") { $0.action = .conflicts },
    ]
  }

  private static var neighbor: [Token] {
    [
      .end,
      .keyword("group", .neighborGroup),
      .value("<address>", .neighborView, Words.address) { $0.selector = .address($1) },
      // Only as whole words, because a neighbour may be called anything.
      .exact("timers", next: nil) { $0.view = .timers },
      .exact("messages", next: nil) { $0.view = .full },
      .exact("terse", next: nil) { $0.view = .terse },
      .fallback("<neighbor description>", .neighborView) { $0.selector = .description($1) },
    ]
  }

  private static var neighborView: [Token] {
    [
      .end,
      .keyword("timers") { $0.view = .timers },
      .keyword("messages") { $0.view = .full },
      .keyword("terse") { $0.view = .terse },
    ]
  }

  private static var peer: [Token] {
    [
      .keyword("group", .peerGroup),
      .value("<address>", .peerAction, Words.address) { $0.selector = .address($1) },
      .fallback("<neighbor description>", .peerAction) { $0.selector = .description($1) },
    ]
  }

  private static var peerAction: [Token] {
    [
      .keyword("up") { $0.change = .up },
      .keyword("down", .downReason) { $0.change = .down(flush: false, "") },
      .keyword("clear", .reason) { $0.change = .clear("") },
      .keyword("refresh") { $0.change = .refresh },
      .refused("destroy", "neighbor destroy: neighbors come from the configuration"),
    ]
  }

  private static var reason: [Token] {
    [.end, .fallback("<shutdown reason>", nil, Words.reason) { $0.give(reason: $1) }]
  }

  private static var rib: [Token] {
    [
      .end,
      .keyword("as", .asn),
      .keyword("source-as", .sourceAS),
      .refused("transit-as", "show rib transit-as: not there yet"),
      .keyword("peer-as", .peerAS),
      .refused("empty-as", "show rib empty-as: not there yet"),
      .keyword("community", .community),
      .refused("ext-community", "show rib ext-community: not there yet"),
      .keyword("large-community", .largeCommunity),
      .keyword("best", .rib) { $0.query.selectedOnly = true },
      .keyword("selected", .rib) { $0.query.selectedOnly = true },
      .keyword("detail", .rib) { if $0.detail == .row { $0.detail = .detail } },
      .keyword("ssv", .rib) { $0.detail = .ssv },
      .keyword("in", .rib) { $0.query.adjRIBIn = true },
      .refused("out", "show rib out: nftbgpd announces nothing"),
      .keyword("neighbor", .ribNeighbor),
      .refused("table", "show rib table: nftbgpd has one RIB"),
      .keyword("summary", .summary) { $0.action = .summary },
      .refused("memory", "show rib memory: not there yet"),
      .refused("ovs", "show rib ovs: nftbgpd does not validate origins"),
      .exact("inet", "IPv4", next: .rib) { $0.query.family = .ipv4 },
      .exact("inet6", "IPv6", next: .rib) { $0.query.family = .ipv6 },
      .value("<address>[/<len>]", .ribPrefix, Words.prefixFilter) { $0.query.prefix = $1 },
    ]
  }

  /// After an address or prefix: how it is meant, or whatever may stand without one.
  private static var ribPrefix: [Token] {
    [
      .keyword("all", .rib) { state in
        state.query.prefix = state.query.prefix.flatMap(Words.prefix).map { .all($0) }
      },
      .keyword("or-shorter", .rib) { state in
        state.query.prefix = state.query.prefix.flatMap(Words.prefix).map { .orShorter($0) }
      },
    ] + rib
  }

  private static var ribNeighbor: [Token] {
    [
      .keyword("group", .ribGroup),
      .value("<address>", .rib, Words.address) { $0.query.neighbor = .address($1) },
      .fallback("<neighbor description>", .rib) { $0.query.neighbor = .description($1) },
    ]
  }
}
