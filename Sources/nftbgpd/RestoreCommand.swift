import ArgumentParser
import ConfigFile
import Engine
import NIOPosix
import Primitives

/// `nftbgpd restore`: fills the sets from the snapshot and exits, for early boot, before the network is up.
struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Fill the sets from the snapshot and exit.")

  @OptionGroup var source: ConfigurationSource

  func run() async throws {
    var configuration = try source.load()
    guard let path = configuration.snapshotPath else { return say("restore: the configuration says snapshot no") }
    let saved: [String: PrefixList]
    switch SnapshotFile.load(path, maximumAge: configuration.staleTime) {
    case .tables(let tables, _): saved = tables
    case .absent: return say("restore: no snapshot \(path)")
    case .refused(let reason):
      say("restore: snapshot refused: \(reason)")
      throw ExitCode.failure
    }
    do {
      let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let names = configuration.tableNames
      let kernel = try KernelTables(on: loops.any(), table: configuration.nftTable, names: names)
      // An engine without neighbors wants what was saved and what the sets hold, and nothing else.
      configuration.neighbors = []
      var engine = Engine(configuration, routerID: IPv4Address(0), random: RandomSource(seed: 0))
      engine.handle(.snapshotLoaded(saved), at: .zero)
      engine.handle(.setsRead(try await kernel.read()), at: .zero)
      for effect in engine.takeEffects(at: .zero) {
        if case .commit(_, let changes) = effect { try await kernel.commit(changes) }
      }
      for name in names { say("restore: \(name): \(saved[name]?.count ?? 0) prefixes") }
    } catch {
      say("restore: \(error)")
      throw ExitCode.failure
    }
  }
}
