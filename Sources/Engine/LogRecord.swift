package import Primitives

/// A line for the log.
package struct LogRecord: Hashable, Sendable {
  package enum Level: Hashable, Sendable {
    case debug, info, notice, warning, error
  }

  /// What a line is about, as its MESSAGE_ID in the journal. A number is never used for anything else; nftbgpd(8) lists them.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The daemon has started.
    case started = "d4ed6663a8f54aa6882f029cdc1cea6b"
    /// It ends, or could not go on.
    case ended = "baec062a9c94449284642377efadef95"
    /// The configuration was read again, or could not be; a mistake in it.
    case reloaded = "f83a7edda5e1406c9557f37d2f16d343"
    /// The state of a session has changed.
    case sessionChanged = "0762dabdb66b4e72888ff6d53a3deeef"
    /// A NOTIFICATION was sent or received.
    case notification = "69fcc8aadf7549ac961f9615ee64c589"
    /// A neighbour has sent its table in full.
    case tableComplete = "8a95d5ee9c6e46778e63507392404c29"
    /// A session is lost and its prefixes stay.
    case routesKept = "cee8be60ad50497aa53475bb47ec04f1"
    /// What was only kept leaves: stale prefixes, or those of an earlier run.
    case routesRemoved = "47d8aa9395c647878d3b6a680e99e649"
    /// A message was malformed, or of no use.
    case badMessage = "66ab43b420bf4cd79c02124fa9027812"
    /// A neighbour announces more than `max-prefix`.
    case prefixLimit = "f547f83012964348acb38e758096912e"
    /// A guard keeps a prefix out of a table, or no rule puts one in.
    case refused = "6f48251000904fe28d4950f87a456ee3"
    /// The shrink guard holds what is gone from a feed, or lets it go.
    case held = "78fc489c9a0c4d028ac8a1cb9570326e"
    /// The kernel has acknowledged changes of the sets.
    case committed = "746dd0bd4bcb447b9bf778e3a1919c58"
    /// The kernel has not done what it was asked for.
    case kernelFailed = "252673497862420b8eb755b42688ca28"
    /// Another program has changed the sets.
    case foreignChange = "24f77e39a139489e91fdb71cdeba7a51"
    /// An export file was written.
    case exported = "d6d79998fd2c444cbbb473e0b0496c0a"
    /// One was not.
    case exportFailed = "fa6a73b392fe4930b4fc1ff51861e37e"
    /// The command after an export has been run, or has failed.
    case hookEnded = "7b87d158e95b4604b9a767a729e5918a"
    /// The snapshot was read, was not, or could not be written.
    case snapshot = "95727aeb1b9b4e649659883b246af7b8"
    /// A route, with `log updates`.
    case route = "92cca3af133a4bb08f8d850fb6309b55"
    /// Somebody has asked for a change over a control socket.
    case operatorCommand = "35b1e903580e4149b035c1723846dfb9"
    /// A connection came from an address that is no neighbour.
    case connectionRefused = "b2ff593e24534a719ecc877486fa1694"
    /// The host's addresses could not be looked up.
    case hostFailed = "ae1a3cdd8dd5458ab9bbd15fbe0de287"
  }

  package var level: Level
  package var message: String
  /// The neighbour that it is about.
  package var peer: IPAddress?
  package var kind: Kind?
  /// Tables that it is about, or sets of nf_tables.
  package var sets: [String]
  /// What the kernel has acknowledged.
  package var changes: KernelChanges?

  package init(
    _ level: Level, _ message: String, peer: IPAddress? = nil, kind: Kind? = nil, sets: [String] = []
  ) {
    self.level = level
    self.message = message
    self.peer = peer
    self.kind = kind
    self.sets = sets
  }

  /// The line about changes that the kernel has acknowledged.
  package init(_ changes: KernelChanges) {
    self.init(.info, changes.description, kind: .committed, sets: changes.sums.map(\.name))
    self.changes = changes
  }
}

/// Changes of the sets: of one commit, or of several that one line tells of.
package struct KernelChanges: Hashable, Sendable, CustomStringConvertible {
  /// Elements of one table, in both families.
  package struct Sum: Hashable, Sendable {
    package let name: String
    package var added: Int
    package var removed: Int

    package init(name: String, added: Int, removed: Int) {
      self.name = name
      self.added = added
      self.removed = removed
    }
  }

  package var sums: [Sum]
  /// What the kernel took for them.
  package var duration: Interval
  package private(set) var commits = 1

  package init(_ sums: [Sum], in duration: Interval) {
    self.sums = sums
    self.duration = duration
  }

  package mutating func add(_ other: KernelChanges) {
    for sum in other.sums {
      if let index = sums.firstIndex(where: { $0.name == sum.name }) {
        sums[index].added += sum.added
        sums[index].removed += sum.removed
      } else {
        sums.append(sum)
      }
    }
    duration = Interval(nanoseconds: duration.nanoseconds + other.duration.nanoseconds)
    commits += other.commits
  }

  /// `+1204 -17 bgp_spamd in 180 ms`
  package var description: String {
    let counts = sums.map { "+\($0.added) -\($0.removed) \($0.name)" }.joined(separator: ", ")
    return "\(counts) in \(duration.milliseconds) ms" + (commits > 1 ? ", \(commits) commits" : "")
  }
}
