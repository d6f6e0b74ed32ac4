package import Primitives

/// The essay on this room: a table of prefixes becomes the text that another program reads.
///
/// A consumer of a blocklist file is not forgiving. spamd-setup ignores a line that it does not understand without a word, takes a line
/// with two addresses for a range, does not mask host bits, and reads an IPv6 address that begins with a small number as an IPv4 host.
/// greyd-setup takes the first character that it does not know for the end of the file. So each format writes what the strictest of its
/// readers accepts: comments of plain ASCII, masked prefixes, ascending, each once, LF at the end of every line.
///
/// There is a format for each syntax and not for each program: OpenSMTPD, HAProxy, rspamd and pf all read `plain`. What a format says of
/// an entry follows from the table's role, unless the operator gives another value. How a format looks is data, an `ExportLayout`.
///
/// Rendering is pure. The list comes in, octets go out, the time is a text in the header; nothing here opens a file, and no entry is
/// dropped because another one covers it, so the lines are what the feed said. The wart: an order and a uniqueness that the daemon
/// already promises are made sure of again, at the price of one pass, because a file outlives the program that wrote it.
package enum ExportFormat: String, Hashable, Sendable, CaseIterable {
  /// For spamd-setup(8) and greyd-setup(8): IPv4 only, hosts without a length.
  case spamd
  /// For pf, OpenSMTPD, HAProxy, rspamd and whatever reads a list of addresses: both families, hosts without a length.
  case plain
  /// A `cidr:` table of Postfix. Value: the action, `permit` or `reject`.
  case postfix
  /// A file for Exim's `iplsearch`. Value: the data, the table's role.
  case exim
  /// A zone for rbldnsd(8), data set type `combined`. Value: the A record and text, `127.0.0.2` for black and `127.0.0.3` for bypass.
  case rbldnsd
  /// Lines for a `geo` block of nginx. Value: the variable's value, the table's role.
  case nginx
  /// For `nft -f`: a set for each family. Value: the nft table, `inet nftbgpd`.
  case nft
  /// For `ipset restore`: a set for each family. Value: the set's name, that of the table.
  case ipset
  /// One object.
  case json
  /// RFC 4180, with LF.
  case csv

  /// Whether the format has no line for IPv6.
  package var isIPv4Only: Bool { self == .spamd }

  /// Whether the format has a line for any of `prefixes`.
  package func hasEntries(for prefixes: PrefixList) -> Bool {
    !prefixes.ipv4.isEmpty || !isIPv4Only && !prefixes.ipv6.isEmpty
  }

  /// How many entries of `prefixes` the format has a line for, duplicates counted once each.
  package func entries(in prefixes: PrefixList) -> Int {
    let ascending = Ascending(prefixes)
    return ascending.ipv4.count + (isIPv4Only ? 0 : ascending.ipv6.count)
  }

  /// The whole file.
  ///
  /// - Parameter value: in place of what the format says of each entry by itself; one without a `fault(of:)`.
  package func render(
    _ prefixes: PrefixList, of table: ExportedTable, value: String?, header: ExportHeader
  ) -> [UInt8] {
    let ascending = Ascending(prefixes)
    let layout = ExportLayout(self, table, value)
    let ipv6 = isIPv4Only ? [] : ascending.ipv6
    var output: [UInt8] = []
    output.reserveCapacity(
      1024 + ascending.ipv4.count * (16 + layout.ipv4.width) + ipv6.count * (44 + layout.ipv6.width))
    layout.header.append(
      header, of: table, entries: ascending.ipv4.count + ipv6.count, leftOut: ascending.ipv6.count - ipv6.count,
      to: &output)
    output.append(contentsOf: layout.opening.utf8)
    layout.ipv4.append(ascending.ipv4, to: &output) { prefix, before, after, output in
      output.append(prefix, withHostLength: layout.hostsHaveLength, before: before, after: after)
    }
    layout.ipv6.append(ipv6, to: &output) { prefix, before, after, output in
      output.append(prefix, withHostLength: layout.hostsHaveLength, before: before, after: after)
    }
    output.append(contentsOf: layout.closing.utf8)
    return output
  }

  /// Whether two files of this format differ in their headers at most.
  package func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    let header = ExportLayout.Header(self)
    return header.body(of: one) == header.body(of: other)
  }

  /// The prefixes alone, one a line, ascending and each once; hosts without a length.
  package static func lines(of prefixes: PrefixList) -> [UInt8] {
    let ascending = Ascending(prefixes)
    var output: [UInt8] = []
    output.reserveCapacity(ascending.ipv4.count * 16 + ascending.ipv6.count * 44)
    let newline = [UInt8(ascii: "\n")]
    for prefix in ascending.ipv4 { output.append(prefix, withHostLength: false, before: [], after: newline) }
    for prefix in ascending.ipv6 { output.append(prefix, withHostLength: false, before: [], after: newline) }
    return output
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ prefix: IPv6Prefix, withHostLength: Bool, before: [UInt8], after: [UInt8]) {
    append(contentsOf: before)
    append(contentsOf: (withHostLength || !prefix.isHost ? prefix.description : prefix.address.description).utf8)
    append(contentsOf: after)
  }
}

/// A list in ascending order without duplicates; a list that is so already is passed through.
private struct Ascending {
  let ipv4: [IPv4Prefix]
  let ipv6: [IPv6Prefix]

  init(_ prefixes: PrefixList) {
    ipv4 = Self.ascending(prefixes.ipv4)
    ipv6 = Self.ascending(prefixes.ipv6)
  }

  private static func ascending<Element: Comparable>(_ elements: [Element]) -> [Element] {
    if zip(elements, elements.dropFirst()).allSatisfy({ $0 < $1 }) { return elements }
    var unique: [Element] = []
    unique.reserveCapacity(elements.count)
    for element in elements.sorted() where unique.last != element {
      unique.append(element)
    }
    return unique
  }
}
