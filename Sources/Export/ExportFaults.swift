import Primitives

extension ExportFormat {
  /// Whether an operator may say what the format says of each entry.
  package var takesValue: Bool {
    switch self {
    case .spamd, .plain, .json, .csv: false
    case .postfix, .exim, .rbldnsd, .nginx, .nft, .ipset: true
    }
  }

  /// Why the format cannot have `value`, or nil when it can.
  package func fault(of value: String) -> String? {
    guard takesValue else { return "format \(rawValue) has none" }
    guard !value.isEmpty, value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), value.utf8.first != 0x20 else {
      return "expected plain text"
    }
    switch self {
    case .postfix, .exim, .spamd, .plain, .json, .csv: return nil
    case .rbldnsd:
      let address = value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
      return IPv4Address(address).map { $0.value >> 24 } == 127
        ? nil : "expected an address in 127.0.0.0/8, and a text after a colon if need be"
    case .nginx:
      return value.utf8.contains { " ;{}\"'\\$#".utf8.contains($0) }
        ? "expected one word without ; { } \" ' \\ $ #" : nil
    case .nft:
      let words = value.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count == 2, let family = words.first, let name = words.last,
        ["inet", "ip", "ip6"].contains(family), Self.isName(name)
      else { return "expected a family, inet, ip or ip6, and the name of an nft table" }
      return nil
    case .ipset:
      guard Self.isName(value[...]) else { return "expected a name of letters, digits, '_', '-', '.'" }
      return value.utf8.count <= Self.longestIPSetName ? nil : Self.ipsetNameFault
    }
  }

  /// Why `table` cannot be exported in this format, or nil when it can.
  package func fault(ofTable table: String, value: String?) -> String? {
    self == .ipset && value == nil && table.utf8.count > Self.longestIPSetName
      ? "\(Self.ipsetNameFault), expected a value that is another name" : nil
  }

  /// IPSET_MAXNAMELEN is 32 with the final zero, and `6` and `_new` are appended.
  private static let longestIPSetName = 26
  private static let ipsetNameFault = "an ipset's name has at most 26 characters here"

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "_") else { return false }
    return text.utf8.allSatisfy { isLetter($0) || "0123456789_-.".utf8.contains($0) }
  }

  private static func isLetter(_ octet: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet | 0x20)
  }
}
