import Control
import Presentation
import Testing

@Suite("show metrics")
struct MetricsPresentationTests {
  @Test("The lines are printed as they come, whatever frames they come in")
  func lines() throws {
    let replies = [ControlReply.metrics(["# TYPE a gauge", "a{b=\"c\\n\"} 1"]), .metrics([]), .metrics(["# EOF"])]
    #expect(try present(.showMetrics(openMetrics: true), replies) == "# TYPE a gauge\na{b=\"c\\n\"} 1\n# EOF\n")
    #expect(throws: ControlError.self) { try present(.showTables, [.metrics([])]) }
  }
}
