// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "kiter",
  products: [
    .executable(name: "kiter", targets: ["kiter"]),
    .executable(name: "kiter-exporter", targets: ["kiter-exporter"]),
    .library(name: "KernelIterators", targets: ["KernelIterators"]),
    .library(name: "IteratorCatalog", targets: ["IteratorCatalog"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .systemLibrary(
      name: "CLibbpf", providers: [.apt(["libbpf-dev", "libelf-dev", "zlib1g-dev"])]),
    .target(name: "RecordSchema", swiftSettings: settings),
    .target(name: "TypeInformation", swiftSettings: settings),
    .target(name: "KernelIterators", dependencies: ["CLibbpf"], swiftSettings: settings),
    .executableTarget(
      name: "kiter-gen", dependencies: ["RecordSchema"], swiftSettings: settings),
    .plugin(
      name: "KiterBuildPlugin", capability: .buildTool(), dependencies: ["kiter-gen"],
      path: "Sources/KiterBuildPlugin"),
    .plugin(
      name: "VersionPlugin", capability: .buildTool(), dependencies: ["kiter-gen"],
      path: "Sources/VersionPlugin"),
    .target(
      name: "IteratorCatalog",
      dependencies: ["RecordSchema", "KernelIterators", "TypeInformation"],
      swiftSettings: settings, plugins: ["KiterBuildPlugin"]),
    .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
    .target(
      name: "RecordQuery", dependencies: ["CSQLite", "RecordOutput", "RecordSchema"],
      swiftSettings: settings),
    .systemLibrary(name: "CLibedit", providers: [.apt(["libedit-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "RecordSnapshot", dependencies: ["CZlib", "RecordSchema"], swiftSettings: settings),
    .target(
      name: "LiveQuery", dependencies: ["IteratorCatalog", "KernelIterators", "RecordQuery"],
      swiftSettings: settings),
    .target(name: "CStart"),
    .target(name: "RecordOutput", dependencies: ["RecordSchema"], swiftSettings: settings),
    .executableTarget(
      name: "kiter",
      dependencies: [
        "CLibedit", "CStart", "IteratorCatalog", "KernelIterators", "LiveQuery", "RecordOutput",
        "RecordQuery", "RecordSchema", "RecordSnapshot", argumentParser,
      ],
      swiftSettings: settings, plugins: ["VersionPlugin"]),
    .target(name: "MetricsText", swiftSettings: settings),
    .executableTarget(
      name: "kiter-exporter",
      dependencies: [
        "IteratorCatalog", "KernelIterators", "LiveQuery", "MetricsText", "RecordQuery",
        "RecordSchema", argumentParser,
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings, plugins: ["VersionPlugin"]),
    .executableTarget(
      name: "print-tasks", dependencies: ["IteratorCatalog"], path: "Examples/PrintTasks",
      swiftSettings: settings),
    .target(
      name: "TestRecords", dependencies: ["RecordSchema"], path: "Tests/TestRecords",
      swiftSettings: settings),
    .testTarget(
      name: "RecordSchemaTests", dependencies: ["RecordSchema", "TestRecords"],
      swiftSettings: settings),
    .testTarget(
      name: "KiterGenTests", dependencies: ["kiter-gen", "RecordSchema", "TestRecords"],
      exclude: ["Snapshots"], swiftSettings: settings),
    .testTarget(
      name: "RecordOutputTests", dependencies: ["RecordOutput", "RecordSchema", "TestRecords"],
      swiftSettings: settings),
    .testTarget(
      name: "RecordQueryTests",
      dependencies: ["RecordOutput", "RecordQuery", "RecordSchema", "TestRecords"],
      swiftSettings: settings),
    .testTarget(
      name: "RecordSnapshotTests",
      dependencies: [
        "IteratorCatalog", "RecordOutput", "RecordQuery", "RecordSchema", "RecordSnapshot",
        "TestRecords",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "TypeInformationTests", dependencies: ["TypeInformation"], swiftSettings: settings),
    .testTarget(
      name: "MetricsTextTests", dependencies: ["MetricsText"], swiftSettings: settings),
    .testTarget(
      name: "KernelIteratorsTests", dependencies: ["KernelIterators"], swiftSettings: settings),
    .testTarget(
      name: "KiterTests",
      dependencies: [
        "kiter", "IteratorCatalog", "RecordQuery", "RecordSchema", "TestRecords", argumentParser,
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "kiter-bench", dependencies: ["IteratorCatalog", "RecordSchema"], path: "Tests/Bench",
      swiftSettings: settings),
    .testTarget(name: "BenchTests", dependencies: ["kiter-bench"], swiftSettings: settings),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "CSQLite", "KernelIterators", "RecordOutput", "RecordQuery", "RecordSchema",
        "RecordSnapshot", "TestRecords", "TypeInformation",
      ],
      path: "Tests/Fuzz/Targets", swiftSettings: settings),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets"], swiftSettings: settings),
    .executableTarget(name: "kiter-fixture", path: "Tests/Fixture", swiftSettings: settings),
    .testTarget(
      name: "KernelTests",
      dependencies: [
        "kiter", "kiter-exporter", "kiter-fixture", "print-tasks", "IteratorCatalog",
        "KernelIterators", "RecordSchema",
      ],
      exclude: ["Programs"], swiftSettings: settings),
  ]
)

// libFuzzer's part of the toolchain is linked only where `make fuzz` asks for it.
if let libFuzzer = Context.environment["KITER_LIBFUZZER"] {
  package.targets.append(
    .executableTarget(
      name: "kiter-fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Runner",
      swiftSettings: settings, linkerSettings: [.unsafeFlags([libFuzzer, "-lstdc++"])]))
}
