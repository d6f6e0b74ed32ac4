package import Primitives

/// The essay on this room: a table of prefixes becomes the text that another program reads.
///
/// A consumer of a blocklist file is not forgiving. spamd-setup ignores a line that it does not understand without a word, takes a line
/// with two addresses for a range, does not mask host bits, and reads an IPv6 address that begins with a small number as an IPv4 host.
/// greyd-setup takes the first character that it does not know for the end of the file. So each format writes what the strictest of its
/// readers accepts: `#` comments of plain ASCII, one masked prefix to a line with nothing around it, ascending, each once, LF at the end
/// of every line.
///
/// Rendering is pure. The list comes in, octets go out, the time is a text in the header; nothing here opens a file, and no entry is
/// dropped because another one covers it, so the lines are what the feed said. The wart: an order and a uniqueness that the daemon
/// already promises are made sure of again, at the price of one pass, because a file outlives the program that wrote it.
package enum ExportFormat: String, Hashable, Sendable, CaseIterable {
  /// For spamd-setup(8) and greyd-setup(8): IPv4 only, hosts without a length.
  case spamd
  /// For pf, OpenSMTPD, HAProxy, rspamd and whatever reads a list of addresses: both families, hosts without a length.
  case plain

  /// How many entries of `prefixes` the format has a line for, duplicates counted once each.
  package func entries(in prefixes: PrefixList) -> Int {
    let ascending = Ascending(prefixes)
    return ascending.ipv4.count + (self == .plain ? ascending.ipv6.count : 0)
  }

  /// The whole file; without a header only its lines.
  package func render(_ prefixes: PrefixList, header: ExportHeader?) -> [UInt8] {
    let ascending = Ascending(prefixes)
    let ipv6 = self == .plain ? ascending.ipv6 : []
    var output: [UInt8] = []
    output.reserveCapacity(256 + ascending.ipv4.count * 16 + ipv6.count * 44)
    header?.append(
      to: &output, entries: ascending.ipv4.count + ipv6.count, leftOut: ascending.ipv6.count - ipv6.count)
    for prefix in ascending.ipv4 {
      output.append(decimal: prefix.address)
      if !prefix.isHost {
        output.append(UInt8(ascii: "/"))
        output.append(decimal: UInt32(prefix.length))
      }
      output.append(UInt8(ascii: "\n"))
    }
    for prefix in ipv6 {
      output.append(contentsOf: (prefix.isHost ? prefix.address.description : prefix.description).utf8)
      output.append(UInt8(ascii: "\n"))
    }
    return output
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
