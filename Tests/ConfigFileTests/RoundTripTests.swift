import BGPWire
import ConfigFile
import Primitives
import Tables
import Testing

@Suite("Printing and parsing again")
struct RoundTripTests {
  private func expectRoundTrip(_ configuration: Configuration, _ comment: String) {
    let text = configuration.print(showingSecrets: true)
    let result = parse(text)
    #expect(result.errors == [], "\(comment)\n\(text)")
    #expect(result.configuration?.withoutLines == configuration.withoutLines, "\(comment)\n\(text)")
  }

  @Test("Every fixture that loads", arguments: Fixtures.configurations())
  func fixtures(_ name: String) throws {
    expectRoundTrip(try #require(Fixtures.parse(name).configuration), name)
  }

  @Test("Every statement of the oracle list that loads")
  func oracle() {
    var count = 0
    for probe in OracleTests.probes {
      guard let configuration = parse(probe.text).configuration else { continue }
      expectRoundTrip(configuration, probe.statement)
      count += 1
    }
    #expect(count > 150)
  }

  @Test("Configurations made at random", arguments: 0..<200)
  func generated(_ seed: Int) {
    var generator = ConfigurationGenerator(seed: UInt64(seed))
    expectRoundTrip(generator.configuration(), "seed \(seed)")
  }

  @Test("Keys are hidden unless asked for, and then asterisks stand for them")
  func secrets() throws {
    let result = parse(
      "AS 1\nneighbor 192.0.2.1 {\nremote-as 2\ntcp md5sig password mekmitasdigoat\n}\nallow from any set pftable t\n")
    let configuration = try #require(result.configuration)
    let hidden = configuration.print()
    #expect(hidden.contains("tcp md5sig password \"********\""))
    #expect(!hidden.contains("mekmit") && !hidden.contains("6d656b"))
    #expect(parse(hidden).errors == [])
    #expect(configuration.print(showingSecrets: true).contains("tcp md5sig key 6d656b6d6974617364"))
  }
}
