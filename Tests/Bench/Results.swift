/// All that a run of the benchmark has measured.
struct Results {
  var comparisons: [ComparisonRow] = []
  var starts: [StartRow] = []
  var loads: [ProgramLoadRow] = []
  var effects: [EffectRow] = []
  var growths: [Growth] = []
}

extension Workbench {
  /// Makes one scene after another, and measures in each what belongs there.
  ///
  /// - Throws: if something could not be measured.
  func run() throws -> Results {
    let cases = comparisons(
      processes: processes, programs: programs, sockets: sockets, mapped: mapped
    ).filter { includes($0.name) }
    var results = Results()
    if includes("growth") { results.growths = Growth.all(on: self) }
    // First what is judged by its memory: the peak of this process counts as the child's.
    let sizes = includes("growth") ? self.sizes : [processes]
    var scenes = cases.prefix(1).map(\.scene) + [.asItIs, .sockets(sockets)]
    scenes += sizes.map { .processes($0) } + cases.map(\.scene)
    var done: Set<Scene> = []
    for scene in scenes where done.insert(scene).inserted {
      try measure(scene, cases.filter { $0.scene == scene }, &results)
    }
    // The table is in the order of the cases, not of the scenes.
    let order = Dictionary(uniqueKeysWithValues: cases.enumerated().map { ($1.title, $0) })
    results.comparisons.sort { order[$0.title, default: .max] < order[$1.title, default: .max] }
    return results
  }

  private func measure(_ scene: Scene, _ cases: [Comparison], _ results: inout Results) throws {
    let isMain = scene == .processes(processes)
    let others =
      ["starts", "loads"].filter { scene == .asItIs && includes($0) }
      + ["library", "columns"].filter { isMain && includes($0) }
    guard !cases.isEmpty || !others.isEmpty || size(of: scene, in: results) != nil else { return }
    say("making \(scene.title)")
    let load = try Load(scene, fixture: options.fixture)
    for item in cases {
      say("measuring \(item.name)")
      results.comparisons += try item.measure(on: self, load)
    }
    for name in others {
      say("measuring \(name)")
      switch name {
      case "starts": results.starts = try measureStarts(on: self)
      case "loads": results.loads = try measureProgramLoads(on: self)
      case "library": results.comparisons += try measureLibrary(on: self, processes: processes)
      default: results.effects = try measureEffects(on: self, load)
      }
    }
    if let size = size(of: scene, in: results) {
      say("measuring growth")
      for index in results.growths.indices {
        try results.growths[index].measure(on: self, processes: size)
      }
    }
    try load.end()
  }

  /// The number of processes of a scene that growth is shown over.
  private func size(of scene: Scene, in results: Results) -> Int? {
    guard !results.growths.isEmpty, case .processes(let count) = scene else { return nil }
    return count
  }
}
