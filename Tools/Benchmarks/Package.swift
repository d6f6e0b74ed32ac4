// swift-tools-version: 6.2
import PackageDescription

// Microbenchmarks of the rooms, a package of its own so that nobody who builds nftbgpd resolves a benchmark library.
// `Sources` is a link to the rooms' sources: their declarations are `package`, for targets of the same package only.
//
//   swift package --disable-sandbox benchmark [--filter PATTERN]   times; instructions where there are counters
//   ./count [PATTERN]                                              instructions, by callgrind
//
// The benchmark library's traits would need packages that hook malloc and reference counts.

let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house)
}

let package = Package(
  name: "nftbgpd-benchmarks",
  platforms: [.macOS(.v13)],
  dependencies: [
    .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: [])
  ],
  targets: [
    room("Primitives"),
    .systemLibrary(name: "CNetfilter", pkgConfig: "libnftnl", providers: [.apt(["libnftnl-dev", "libmnl-dev"])]),
    room("BGPWire", ["Primitives"]),
    room("Netfilter", ["Primitives", "CNetfilter"]),
    room("Export", ["Primitives"]),
    room("Control", ["Primitives"]),
    room("BGPSession", ["Primitives", "BGPWire"]),
    room("RIB", ["Primitives", "BGPWire"]),
    room("Tables", ["Primitives", "BGPWire"]),
    room("ConfigFile", ["Primitives", "BGPWire", "Export", "Tables"]),
    room("Metrics", ["Primitives", "Control"]),
    room(
      "Engine",
      ["Primitives", "BGPWire", "BGPSession", "RIB", "Tables", "Export", "ConfigFile", "Control", "Metrics"]),
    .target(
      name: "Workloads",
      dependencies: [
        "Primitives", "BGPWire", "Netfilter", "Export", "Control", "BGPSession", "RIB", "Tables", "ConfigFile",
        "Engine",
      ],
      path: "Workloads", swiftSettings: house),
    .executableTarget(name: "Instructions", dependencies: ["Workloads"], path: "Instructions", swiftSettings: house),
    .executableTarget(
      name: "Rooms",
      dependencies: ["Workloads", .product(name: "Benchmark", package: "benchmark")],
      path: "Benchmarks/Rooms", swiftSettings: house,
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ]
)
