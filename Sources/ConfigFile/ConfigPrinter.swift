import BGPWire
import Export
import Primitives
import Tables

/// Writes a configuration as text that parses back to an equal value, lines of the file apart.
extension Configuration {
  /// The text of the whole file.
  ///
  /// - Parameter showingSecrets: whether keys are written out; otherwise a key becomes a row of asterisks, and only
  ///   then the text does not parse back to the same value.
  package func print(showingSecrets: Bool = false) -> String {
    var lines = globalLines
    var group = ""
    for neighbor in neighbors {
      if neighbor.group != group {
        if !group.isEmpty { lines.append("}") }
        group = neighbor.group
        lines.append("")
        if !group.isEmpty { lines.append("group \(quoted(group)) {") }
      } else if group.isEmpty {
        lines.append("")
      }
      let indent = group.isEmpty ? "" : "\t"
      lines.append("\(indent)neighbor \(neighbor.address) {")
      lines += neighbor.options(of: self, showingSecrets).map { "\(indent)\t\($0)" }
      lines.append("\(indent)}")
    }
    if !group.isEmpty { lines.append("}") }
    lines += groupsWithoutNeighbors.map { "\ngroup \(quoted($0)) {\n}" }
    if !rules.isEmpty { lines.append("") }
    if conditions.contains(.prefixes([])) { lines.append("prefix-set \(RulePrinter.emptySet) { }") }
    if conditions.contains(where: { if case .asPath(_, []) = $0 { true } else { false } }) {
      lines.append("as-set \(RulePrinter.emptySet) { }")
    }
    if defaultAction == .allow { lines.append("# No inbound allow or deny rule: routes are allowed.") }
    lines += rules.map(RulePrinter.text)
    lines += tableLines
    if !exports.isEmpty { lines.append("") }
    lines += exports.map(\.line)
    return lines.joined(separator: "\n") + "\n"
  }

  /// Whether any neighbour has a key.
  package var containsSecrets: Bool { neighbors.contains { $0.md5Key != nil } }

  private var conditions: [FilterCondition] { rules.flatMap(\.conditions) }

  private var globalLines: [String] {
    var lines: [String] = []
    let fallback = ConfigParser.twoOctetAS(of: localAS)
    lines.append("AS \(localAS)" + (twoOctetAS == fallback ? "" : " \(twoOctetAS)"))
    if let routerID { lines.append("router-id \(routerID)") }
    lines.append("fib-update no")
    lines.append("holdtime \(holdTime)")
    lines.append("holdtime min \(minimumHoldTime)")
    lines.append("connect-retry \(connectRetry)")
    if let staleTime { lines.append("stale-time \(staleTime)") }
    lines.append(snapshotPath.map { "snapshot \(quoted($0))" } ?? "snapshot no")
    if logUpdates { lines.append("log updates") }
    for socket in controlSockets {
      lines.append("socket \(quoted(socket.path))" + (socket.restricted ? " restricted" : ""))
    }
    for listener in listeners {
      lines.append("listen on \(listener.address) port \(listener.port)")
    }
    if let metricsFile { lines.append("metrics file \(quoted(metricsFile))") }
    for listener in metricsListeners {
      lines.append("metrics listen on \(listener.address) port \(listener.port)")
    }
    lines.append("nft table \(nftTable.family.rawValue) \(quoted(nftTable.name))" + (nftTable.isOwned ? " owner" : ""))
    if !protectsHost { lines.append("protect no") }
    if let preferredRole { lines.append("prefer \(preferredRole.rawValue)") }
    if never.count == 1 {
      lines += never.map { "never \($0)" }
    } else if !never.isEmpty {
      lines += ["never {"] + never.map { "\t\($0)" } + ["}"]
    }
    return lines
  }

  /// `table` blocks, and what holds for a table of which the file does not say all.
  private var tableLines: [String] {
    var lines: [String] = []
    for options in tables {
      lines.append("")
      if options.role == nil { lines.append(comment(on: options.name)) }
      lines.append("table \(quoted(options.name)) {")
      lines += options.lines.map { "\t\($0)" }
      lines.append("}")
    }
    let others = tableNames.filter { name in !tables.contains { $0.name == name } }
    if !others.isEmpty { lines.append("") }
    return lines + others.map(comment)
  }

  private func comment(on table: String) -> String {
    let policy = policy(of: table)
    return "# table \(quoted(table)): role \(policy.role.rawValue) (from its name), "
      + "inet \(RulePrinter.text(policy.ipv4Lengths)), inet6 \(RulePrinter.text(policy.ipv6Lengths))"
  }

  /// Groups that rules name and no neighbour is in, in the order of the rules.
  private var groupsWithoutNeighbors: [String] {
    var names: [String] = []
    for case .group(let name) in rules.flatMap(\.peers) where !names.contains(name) {
      if !neighbors.contains(where: { $0.group == name }) { names.append(name) }
    }
    return names
  }
}

extension TableOptions {
  /// The lines of its block.
  fileprivate var lines: [String] {
    var lines: [String] = []
    if let role { lines.append("role \(role.rawValue)") }
    if let ipv4Lengths { lines.append("inet \(RulePrinter.text(ipv4Lengths))") }
    if let ipv6Lengths { lines.append("inet6 \(RulePrinter.text(ipv6Lengths))") }
    if let staleTime { lines.append("stale-time \(staleTime)") }
    if let shrinkLimit {
      let limit = shrinkLimit < 100 ? "\(shrinkLimit)" : "no"
      lines.append("shrink-limit \(limit)" + (shrinkHold.map { " hold \($0)" } ?? ""))
    }
    if let mark { lines.append("mark 0x" + String(mark, radix: 16)) }
    return lines
  }
}

extension Neighbor {
  /// The lines of its block; those that say what holds anyway are left out.
  fileprivate func options(of configuration: Configuration, _ showingSecrets: Bool) -> [String] {
    var lines = ["remote-as \(remoteAS)"]
    if let localAS { lines.append("local-as \(localAS)" + (localTwoOctetAS.map { " \($0)" } ?? "")) }
    if !description.isEmpty { lines.append("descr \(quoted(description))") }
    if port != 179 { lines.append("port \(port)") }
    if let localAddress { lines.append("local-address \(localAddress)") }
    if let multihop { lines.append("multihop \(multihop)") }
    if ttlSecurity { lines.append("ttl-security yes") }
    if let holdTime { lines.append("holdtime \(holdTime)") }
    if let minimumHoldTime { lines.append("holdtime min \(minimumHoldTime)") }
    if let staleTime, staleTime != configuration.staleTime { lines.append("stale-time \(staleTime)") }
    if passive { lines.append("passive") }
    if let down { lines.append("down" + (down.isEmpty ? "" : " \(quoted(down))")) }
    if allowsMartians { lines.append("martians yes") }
    if maxPrefix != Configuration.defaultMaxPrefix || maxPrefixRestart != nil {
      lines.append("max-prefix \(maxPrefix ?? 0)" + (maxPrefixRestart.map { " restart \($0)" } ?? ""))
    }
    let isInternal = remoteAS == localAS ?? configuration.localAS
    if enforceNeighborAS == isInternal { lines.append("enforce neighbor-as \(enforceNeighborAS ? "yes" : "no")") }
    if !enforceLocalAS { lines.append("enforce local-as no") }
    for family in AddressFamily.allCases where !families.contains(family) {
      lines.append("announce \(family) none")
    }
    if !announceCapabilities { lines.append("announce capabilities no") }
    if !announceRefresh { lines.append("announce refresh no") }
    if !announceEnhancedRefresh { lines.append("announce enhanced refresh no") }
    if !announceRestart { lines.append("announce restart no") }
    if !announceFourOctetAS { lines.append("announce as-4byte no") }
    if !announceExtendedMessage { lines.append("announce extended message no") }
    if let role { lines.append("role \(role.name)") }
    if !announceRole { lines.append("announce policy no") }
    if enforceRole { lines.append("announce policy enforce") }
    if logUpdates { lines.append("log updates") }
    if let md5Key {
      lines.append(showingSecrets ? "tcp md5sig key \(md5Key.hexadecimal)" : "tcp md5sig password \"********\"")
    }
    lines.append("export none")
    return lines
  }
}

extension ExportFile {
  fileprivate var line: String {
    var line = "export table \(quoted(table)) to \(quoted(path)) format \(format.rawValue)"
    if let value { line += " value \(quoted(value))" }
    if allowEmpty { line += " allow-empty" }
    if let hook {
      line += " run \(quoted(hook.command))"
      if hook.timeout != ExportHook.defaultTimeout { line += " timeout \(hook.timeout)" }
    }
    return line
  }
}

/// Text in quotes as the lexer reads it: only a quote is escaped, and a blank after a backslash, which would
/// otherwise swallow it.
func quoted(_ text: String) -> String {
  var result = "\""
  var afterBackslash = false
  for character in text.unicodeScalars {
    if character == "\"" || afterBackslash && (character == " " || character == "\t") { result += "\\" }
    result.unicodeScalars.append(character)
    afterBackslash = character == "\\"
  }
  return result + "\""
}
