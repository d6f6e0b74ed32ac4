package import Primitives

/// A row of `show refused`: something that the feed asked for and a guard keeps out of a table.
package struct RefusedReport: Hashable, Sendable {
  package var prefix: Prefix
  package var table: String
  /// The neighbour that announced it; nil for a member of the table that is carved out, whoever announced it.
  package var neighborAddress: IPAddress?
  package var neighborDescription: String
  /// `shorter than /8`, `private or reserved: 10.0.0.0/8`, `protected: address of this host`.
  package var reason: String

  package init(
    prefix: Prefix, table: String, neighborAddress: IPAddress?, neighborDescription: String, reason: String
  ) {
    self.prefix = prefix
    self.table = table
    self.neighborAddress = neighborAddress
    self.neighborDescription = neighborDescription
    self.reason = reason
  }
}

/// A row of `show conflicts`: a member of a bypass table that is, or overlaps, a member of a black table.
package struct ConflictReport: Hashable, Sendable {
  package var bypass: Prefix
  package var bypassTable: String
  package var black: Prefix
  package var blackTable: String
  /// Which of the two the configuration prefers; nil: both stay, and the order of the firewall's rules decides.
  package var preferred: TableReport.Role?

  package init(
    bypass: Prefix, bypassTable: String, black: Prefix, blackTable: String, preferred: TableReport.Role?
  ) {
    self.bypass = bypass
    self.bypassTable = bypassTable
    self.black = black
    self.blackTable = blackTable
    self.preferred = preferred
  }
}
