import ArgumentParser
import ConfigFile
import Engine
import NIOPosix
import Primitives
import Tables

/// `nftbgpd restore`: fills the sets from the snapshot and exits, for early boot, before the network is up.
struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Fill the sets from the snapshot and exit.")

  @OptionGroup var source: ConfigurationSource

  func run() async throws {
    let configuration = try source.load()
    guard let path = configuration.snapshotPath else { return say("restore: the configuration says snapshot no") }
    let saved: [String: PrefixList]
    let age: Interval
    switch SnapshotFile.load(path) {
    case .tables(let tables, let time, _): (saved, age) = (tables, time)
    case .absent: return say("restore: no snapshot \(path)")
    case .refused(let reason):
      say("restore: snapshot refused: \(reason)")
      throw ExitCode.failure
    }
    do {
      let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let kernel = try KernelTables(on: loops.any(), configuration)
      // An engine that is not started wants what was saved and what the sets hold, and nothing else.
      let host = try HostWatch(on: loops.any(), neighbors: configuration.neighbors.map(\.address))
      var engine = Engine(configuration, routerID: IPv4Address(0), random: RandomSource(seed: 0))
      if let addresses = try? await host.check() { engine.handle(.hostAddresses(addresses), at: .zero) }
      engine.handle(.snapshotLoaded(saved, age: age), at: .zero)
      engine.handle(.setsRead(try await kernel.read()), at: .zero)
      for effect in engine.takeEffects(at: .zero) {
        if case .log(let record) = effect { say("restore: \(record.message)") }
        guard case .commit(_, let changes) = effect else { continue }
        for refusal in try await kernel.commit(changes) {
          say("restore: set \(refusal.set.name): \(refusal.reason): \(refusal.prefixes.count) elements are left out")
        }
      }
    } catch {
      say("restore: \(error)")
      throw ExitCode.failure
    }
  }
}
