import Benchmark
import Workloads

let benchmarks: @Sendable () -> Void = {
  let configuration = Benchmark.Configuration(
    metrics: [.instructions, .wallClock], warmupIterations: 1, maxDuration: .seconds(2), maxIterations: 100)
  for workload in Workload.all {
    Benchmark(workload.name, configuration: configuration) { benchmark in
      let work = workload.prepare()
      benchmark.startMeasurement()
      for _ in benchmark.scaledIterations { blackHole(try work()) }
      benchmark.stopMeasurement()
    }
  }
}
