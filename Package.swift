// swift-tools-version: 6.2
import PackageDescription

let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// A target of the sans-I/O core, or of the shell, with the house settings.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house)
}

/// A program. All of its calls into other libraries are bound at start, so that what they go through is read-only when a peer is heard.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, swiftSettings: house,
    linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: house)
}

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let serviceLifecycle: [Target.Dependency] = [
  .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
  .product(name: "UnixSignals", package: "swift-service-lifecycle"),
]

let package = Package(
  name: "nftbgpd",
  products: [
    .executable(name: "nftbgpd", targets: ["nftbgpd"]),
    .executable(name: "nftbgpctl", targets: ["nftbgpctl"]),
    .executable(name: "feedserver", targets: ["feedserver"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
  ],
  targets: [
    // Level 0
    room("Primitives"),
    .systemLibrary(name: "CNetfilter", pkgConfig: "libnftnl", providers: [.apt(["libnftnl-dev", "libmnl-dev"])]),
    .systemLibrary(name: "CMalloc"),
    // Level 1
    room("BGPWire", ["Primitives"]),
    room("Netfilter", ["Primitives", "CNetfilter"]),
    room("Export", ["Primitives"]),
    room("Control", ["Primitives"]),
    room("Snapshot", ["Primitives"]),
    room("AtomicFile", ["Primitives", systemPackage]),
    room("Transport", ["Primitives", systemPackage] + nio),
    // Level 2
    room("BGPSession", ["Primitives", "BGPWire"]),
    room("RIB", ["Primitives", "BGPWire"]),
    room("Metrics", ["Primitives", "Control"]),
    room("Tables", ["Primitives", "BGPWire"]),
    // Level 3
    room("ConfigFile", ["Primitives", "BGPWire", "Export", "Tables"]),
    room("Presentation", ["Primitives", "Control", "Export"]),
    // Level 4
    room(
      "Engine",
      ["Primitives", "BGPWire", "BGPSession", "RIB", "Tables", "Export", "ConfigFile", "Control", "Metrics"]),
    // Level 5
    program(
      "nftbgpd",
      ["Primitives", "BGPWire", "BGPSession", "Tables", "ConfigFile", "Engine", "Netfilter", "Control", "Export"]
        + ["Snapshot", "Metrics", "AtomicFile", "Transport", "CMalloc"] + nio + [nioHTTP] + serviceLifecycle
        + [systemPackage, logging, argumentParser, .product(name: "Subprocess", package: "swift-subprocess")]),
    program(
      "nftbgpctl",
      ["Primitives", "Control", "Presentation", "Export", "Metrics", "AtomicFile"] + nio
        + [systemPackage, argumentParser]),
    program(
      "feedserver",
      ["Primitives", "BGPWire", "BGPSession", "AtomicFile", "Transport"] + nio + [systemPackage, argumentParser]),
    // Tests
    tests("PrimitivesTests", ["Primitives"]),
    tests("BGPWireTests", ["BGPWire", "Primitives"]),
    tests("BGPSessionTests", ["BGPSession", "BGPWire", "Primitives"]),
    tests("RIBTests", ["RIB", "BGPWire", "Primitives"]),
    tests("TablesTests", ["Tables", "BGPWire", "Primitives"]),
    tests("ConfigFileTests", ["ConfigFile", "Export", "Tables", "BGPWire", "Primitives"]),
    tests("ControlTests", ["Control", "Primitives"]),
    tests("NftbgpctlTests", ["nftbgpctl", "Control", "Primitives"] + nio),
    tests("PresentationTests", ["Presentation", "Control", "Primitives"]),
    tests("ExportTests", ["Export", "Primitives"]),
    tests(
      "TransportTests",
      [
        "Transport", "Primitives", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ]),
    tests("MetricsTests", ["Metrics", "Control", "Primitives"]),
    tests("SnapshotTests", ["Snapshot", "Primitives"]),
    tests("AtomicFileTests", ["AtomicFile", "Primitives"]),
    .target(
      name: "TestSupport", dependencies: ["Tables", "Primitives"], path: "Tests/TestSupport", swiftSettings: house),
    tests(
      "NftbgpdTests", ["TestSupport", "nftbgpd", "Engine", "Transport", "Primitives", logging, systemPackage] + nio),
    tests(
      "EngineTests",
      [
        "TestSupport", "Engine", "ConfigFile", "Control", "Export", "Metrics", "Tables", "RIB", "BGPSession", "BGPWire",
        "Primitives",
      ]),
    tests("KernelTests", ["TestSupport", "Netfilter", "Primitives"]),
    tests("InteropTests", ["TestSupport", "nftbgpd", "nftbgpctl", "feedserver", "Primitives"]),
  ]
)

// Tools/fuzz builds these; libFuzzer brings the main function.
if Context.environment["NFTBGPD_FUZZ"] != nil {
  func fuzz(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
      name: name, dependencies: dependencies + ["Primitives"], path: "Tests/Fuzz/\(name)",
      swiftSettings: house + [.unsafeFlags(["-parse-as-library"])])
  }
  package.targets += [
    fuzz("FuzzWire", ["BGPWire"]), fuzz("FuzzConfig", ["ConfigFile"]), fuzz("FuzzControl", ["Control"]),
    fuzz("FuzzSnapshot", ["Snapshot"]),
    fuzz("FuzzEngine", ["TestSupport", "Engine", "ConfigFile", "Control", "Tables", "BGPSession", "BGPWire"]),
  ]
}
