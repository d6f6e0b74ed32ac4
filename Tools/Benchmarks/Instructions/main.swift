import Workloads

// Does the work of the workloads that are named, once each; without a name, prints the names. callgrind counts what
// `measuredWork` does: it cannot run what waits on Dispatch, as the benchmark library does.

@inline(never)
func measuredWork(_ work: () throws -> Int) rethrows -> Int {
  try work()
}

let names = CommandLine.arguments.dropFirst()
for workload in Workload.all {
  if names.isEmpty {
    print(workload.name)
  } else if names.contains(workload.name) {
    let work = workload.prepare()
    print(try measuredWork(work))
  }
}
