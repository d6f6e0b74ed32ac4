package import BGPSession
package import ConfigFile
package import Primitives
package import Tables

/// A neighbour: a number that no other has had, whatever configurations were loaded.
package struct PeerID: Hashable, Sendable {
  package let number: Int

  package init(number: Int) {
    self.number = number
  }
}

/// A connection with a neighbour, or the attempt at one: for a moment there may be two (RFC 4271 §6.8).
package struct ConnectionID: Hashable, Sendable {
  package let peer: PeerID
  /// No other connection with the neighbour has ever had this number.
  package let number: Int

  package init(peer: PeerID, number: Int) {
    self.peer = peer
    self.number = number
  }
}

/// One end of a connection.
package struct Endpoint: Hashable, Sendable {
  package var address: IPAddress
  package var port: UInt16

  package init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }
}

/// What the shell reports, but for received octets (`Engine.received`), neighbours that connect (`Engine.accept`) and the clock
/// (`Engine.advance`).
package enum Input: Hashable, Sendable {
  /// Begin: read the sets and start every session.
  case start
  case connected(ConnectionID, local: Endpoint, remote: Endpoint)
  /// With the system's words; nil when no answer has come in time.
  case connectionFailed(ConnectionID, String?)
  /// The peer closed, or the connection broke (then with the system's words).
  case connectionClosed(ConnectionID, String?)
  /// What `Effect.send` gave has left; one for each, in order.
  case sent(ConnectionID)
  /// What the tables were when an earlier run last saved them, so long ago; before the sets are read.
  case snapshotLoaded([String: PrefixList], age: Interval)
  /// Answer to `Effect.saveSnapshot`: why there is no new one, or nil.
  case snapshotSaved(SystemError?)
  /// Answer to `Effect.checkSets`: what another program did to them, or nil when they are as we left them.
  case setsChecked(String?)
  /// Answer to `Effect.readSets`: one element for each table and family.
  case setsRead([TableContents])
  case setsUnreadable(String)
  /// Answer to `Effect.commit`: it is done, but for what the kernel has refused, with the time it took.
  case committed(serial: UInt64, refusing: [KernelRefusal], Interval)
  /// Answer to `Effect.commit`: the kernel holds what it did before, or part of the changes.
  case commitFailed(serial: UInt64, String)
  /// Answer to `Effect.export`: what was written, or why the file is as it was.
  case exported(ExportFile, Result<ExportOutcome, SystemError>)
  /// Answer to `Effect.run`.
  case hookEnded(ExportHook, HookOutcome)
  /// What the host's own addresses are now, and those that it depends on; before the sets are read, and whenever they change.
  case hostAddresses(HostAddresses)
  /// End every session.
  case stop(Session.CeaseReason)
}

/// What the shell has to do, in order.
package enum Effect: Hashable, Sendable {
  case connect(ConnectionID)
  /// Close once everything sent before has left.
  case disconnect(ConnectionID)
  case send(ConnectionID, [UInt8])
  /// Make sure that the sets exist and report what they hold.
  case readSets
  /// Find out whether another program has changed the sets.
  case checkSets
  /// Find out whether the host's addresses have changed, and answer with them if so.
  case checkHost
  /// Keep the tables for the next start, as those of so long ago.
  case saveSnapshot([String: PrefixList], age: Interval)
  /// Carry out the changes. At most one is under way.
  case commit(serial: UInt64, [SetChange])
  /// Write a table to a file.
  case export(ExportFile, PrefixList)
  /// Run a command. The same one is not run again before the answer.
  case run(ExportHook)
  case log(LogRecord)
  /// Write debug lines, too, or no more.
  case setVerbosity(Bool)
}
