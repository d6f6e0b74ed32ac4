import Primitives

/// How a format looks: text around the entries of each family.
struct ExportLayout {
  /// What stands at the top.
  enum Header {
    /// Lines that begin with `#`.
    case comments
    /// The first line is the beginning of a JSON object.
    case members
    case none

    init(_ format: ExportFormat) {
      switch format {
      case .json: self = .members
      case .csv: self = .none
      case .spamd, .plain, .postfix, .exim, .rbldnsd, .nginx, .nft, .ipset: self = .comments
      }
    }
  }

  /// The entries of one family.
  struct Section {
    var opening = ""
    /// Around each entry.
    var before = ""
    var after = "\n"
    /// From one entry to the next, after `after`.
    var between = ""
    var closing = ""
    /// `opening` and `closing` do not stand alone.
    var isOmittedWhenEmpty = false
  }

  let header: Header
  var opening = ""
  var ipv4 = Section()
  var ipv6 = Section()
  var closing = ""
  /// `192.0.2.1/32` and not `192.0.2.1`, for readers that expect every entry to be a network.
  var hostsHaveLength = false

  init(_ format: ExportFormat, _ table: ExportedTable, _ value: String?) {
    header = Header(format)
    switch format {
    case .spamd, .plain: break
    case .postfix:
      let action = value ?? (table.role == .black ? "reject" : "permit")
      ipv4 = Section(after: " \(action)\n")
      ipv6 = ipv4
    case .exim:
      let data = value ?? table.role.rawValue
      ipv4 = Section(after: ": \(data)\n")
      // A colon would end the key.
      ipv6 = Section(before: "\"", after: "\": \(data)\n")
    case .rbldnsd:
      let record = value ?? Self.record(table)
      // Serial 0 stands for the time of the file. Answers of both kinds are to be forgotten as soon as the list may have changed.
      opening = "$SOA 300 localhost. hostmaster.localhost. 0 600 300 86400 300\n$NS 300 localhost.\n$TTL 300\n"
      ipv4 = Section(opening: "$DATASET ip4set:\(table.name) @\n:\(record)\n")
      ipv6 = Section(opening: "$DATASET ip6trie:\(table.name) @\n:\(record)\n")
    case .nginx:
      ipv4 = Section(after: " \(value ?? table.role.rawValue);\n")
      ipv6 = ipv4
    case .nft: fill(nftTable: value ?? "inet nftbgpd", table.name)
    case .ipset:
      let name = value ?? table.name
      ipv4 = Self.ipset(name, "inet")
      ipv6 = Self.ipset("\(name)6", "inet6")
    case .json:
      opening = "\"role\": \"\(table.role.rawValue)\",\n"
      ipv4 = Section(opening: "\"ipv4\": [\n", before: "\"", after: "\"", between: ",\n", closing: "\n],\n")
      ipv6 = Section(opening: "\"ipv6\": [\n", before: "\"", after: "\"", between: ",\n", closing: "\n]\n")
      closing = "}\n"
      hostsHaveLength = true
    case .csv:
      opening = "prefix,table,role\n"
      ipv4 = Section(after: ",\(table.name),\(table.role.rawValue)\n")
      ipv6 = ipv4
      hostsHaveLength = true
    }
  }

  /// The addresses that every published list of mail servers' DNS uses: 127.0.0.2 is listed.
  private static func record(_ table: ExportedTable) -> String {
    switch table.role {
    case .black: "127.0.0.2:$ is listed in \(table.name)"
    case .bypass: "127.0.0.3:$ is known good in \(table.name)"
    }
  }

  /// One transaction, which makes the sets where they are missing: no packet sees an empty one.
  private mutating func fill(nftTable: String, _ name: String) {
    let types = [(name, "ipv4_addr"), ("\(name)6", "ipv6_addr")]
    opening =
      types.map { "add set \(nftTable) \($0) { type \($1); flags interval; auto-merge; }\n" }.joined()
      + types.map { "flush set \(nftTable) \($0.0)\n" }.joined()
    opening = "add table \(nftTable)\n" + opening
    ipv4 = Self.elements(of: name, in: nftTable)
    ipv6 = Self.elements(of: "\(name)6", in: nftTable)
  }

  private static func elements(of set: String, in table: String) -> Section {
    Section(
      opening: "add element \(table) \(set) {\n", before: "\t", after: "", between: ",\n", closing: "\n}\n",
      isOmittedWhenEmpty: true)
  }

  /// A set beside the one in use is filled, and takes its place. `create` with other numbers than those of an existing set fails, and the
  /// limit costs nothing, so that it is the same for every size of a list.
  private static func ipset(_ name: String, _ family: String) -> Section {
    let create = "hash:net family \(family) maxelem 16777216 -exist\n"
    return Section(
      opening: "create \(name) \(create)create \(name)_new \(create)flush \(name)_new\n", before: "add \(name)_new ",
      closing: "swap \(name)_new \(name)\ndestroy \(name)_new\n")
  }
}

extension ExportLayout.Section {
  /// Octets of an entry beside the prefix.
  var width: Int { before.utf8.count + after.utf8.count + between.utf8.count }

  /// Appends the whole section; `write` appends an entry between two texts.
  func append<Entry>(
    _ entries: [Entry], to output: inout [UInt8],
    write: (Entry, _ before: [UInt8], _ after: [UInt8], inout [UInt8]) -> Void
  ) {
    guard !entries.isEmpty || !isOmittedWhenEmpty else { return }
    output.append(contentsOf: opening.utf8)
    let (first, next, after) = (Array(before.utf8), Array((between + before).utf8), Array(after.utf8))
    if let entry = entries.first { write(entry, first, after, &output) }
    for entry in entries.dropFirst() { write(entry, next, after, &output) }
    output.append(contentsOf: closing.utf8)
  }
}
