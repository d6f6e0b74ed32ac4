package import Primitives

/// The answer to `why ADDRESS`: everything that decides whether the address, or the prefix, is in the tables.
package struct WhyReport: Hashable, Sendable {
  /// What was asked for.
  package var asked: Prefix
  /// Every table of the configuration, in its order.
  package var tables: [Table]
  /// The routes that cover what was asked for, of every neighbour, longest prefix first.
  package var routes: [Route]

  package init(asked: Prefix, tables: [Table], routes: [Route]) {
    self.asked = asked
    self.tables = tables
    self.routes = routes
  }

  /// One table, as it concerns what was asked for.
  package struct Table: Hashable, Sendable {
    package var name: String
    package var role: TableReport.Role
    /// The members of the table that cover it, longest first, whatever keeps them out of the kernel.
    package var members: [Prefix]
    /// The element by which the kernel should hold it; nil: it should not.
    package var wanted: Prefix?
    package var kernel: Kernel
    /// What decided beside routes and rules.
    package var notes: [Note]

    package init(
      name: String, role: TableReport.Role, members: [Prefix], wanted: Prefix?, kernel: Kernel, notes: [Note]
    ) {
      self.name = name
      self.role = role
      self.members = members
      self.wanted = wanted
      self.kernel = kernel
      self.notes = notes
    }
  }

  /// What a look at the kernel has found: whether a packet with the address (the first one of a prefix) would match.
  package enum Kernel: Hashable, Sendable {
    case holds
    case doesNotHold
    /// It could not be asked: why.
    case unknown(String)
  }

  package enum Note: Hashable, Sendable {
    /// A member that an earlier run left and no neighbour has confirmed yet.
    case inherited(Prefix)
    /// A member that its neighbours have given up and the shrink guard holds; for this many seconds more.
    case held(Prefix, UInt64)
    /// Protected, so carved out of the table: by this prefix, which is there for this reason (`address of this host`).
    case protected(Prefix, String)
    /// Kept out because it is in the table of this name, which is preferred, by this prefix.
    case preferred(Prefix, table: String)
    /// The kernel has refused the element, in these words.
    case refusedByKernel(Prefix, String)
  }

  /// A route that covers what was asked for.
  package struct Route: Hashable, Sendable {
    package var prefix: Prefix
    package var neighborAddress: IPAddress
    package var neighborDescription: String
    package var asPath: String
    package var communities: [String]
    package var largeCommunities: [String]
    /// Seconds since the neighbour announced it with these attributes.
    package var age: UInt64
    /// Seconds since its session was lost; nil while it is fresh.
    package var staleFor: UInt64?
    package var outcome: Outcome

    package init(
      prefix: Prefix, neighborAddress: IPAddress, neighborDescription: String, asPath: String, communities: [String],
      largeCommunities: [String], age: UInt64, staleFor: UInt64?, outcome: Outcome
    ) {
      self.prefix = prefix
      self.neighborAddress = neighborAddress
      self.neighborDescription = neighborDescription
      self.asPath = asPath
      self.communities = communities
      self.largeCommunities = largeCommunities
      self.age = age
      self.staleFor = staleFor
      self.outcome = outcome
    }
  }

  /// What rules and guards make of a route. Lines are those of the configuration file; 0 for a rule that no line spells out.
  package enum Outcome: Hashable, Sendable {
    /// It fills a table, by the rule on this line.
    case fills(table: String, line: UInt32)
    /// Allowed, but no rule names a table for it.
    case noTable
    /// Not allowed: by the rule on this line; nil: by the default.
    case denied(line: UInt32?)
    /// A guard keeps it out of the table that the rule on this line names: why (`shorter than /8`).
    case refused(table: String, line: UInt32, reason: String)
  }
}
