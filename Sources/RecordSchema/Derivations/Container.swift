/// The container of a cgroup, as its names tell it: the innermost, where one is in another.
///
/// Each runtime has its own layout, and another for each way to make cgroups (itself, or by asking
/// systemd). What only watches over a container (conmon, lxc.monitor) is not in it.
struct Container {
  let id: CgroupName
  /// nil if the layout does not say: Kubernetes' without systemd is the same with each runtime.
  let runtime: StaticString?

  init?(_ names: CgroupNames) {
    var inner: CgroupName?
    var name = names.leaf
    while let current = name {
      let parent = names.parent(of: current)
      let found =
        Self.prefixed(current, inner)
        ?? Self.placed(current, parent, parent.flatMap { names.parent(of: $0) })
      if let found {
        self.init(id: found.id, runtime: found.runtime)
        return
      }
      (inner, name) = (current, parent)
    }
    return nil
  }

  private init(id: CgroupName, runtime: StaticString?) {
    self.id = id
    self.runtime = runtime
  }

  /// `docker-ID.scope` of systemd, `SLICE:docker:ID` where systemd was expected and is not used,
  /// `crio-ID`; the runtime's name is before the number.
  private static func prefixed(_ name: CgroupName, _ inner: CgroupName?) -> Container? {
    if let id = name.without(prefix: "lxc.payload.") { return Container(id: id, runtime: "lxc") }
    let unit = name.without(suffix: ".scope") ?? name
    guard let (before, id) = unit.split(atLast: ":") ?? unit.split(atLast: "-"), id.isHash,
      !before.hasSuffix("conmon"), !(inner == "conmon")
    else { return nil }
    let prefix = before.split(atLast: ":")?.behind ?? before
    return Container(id: id, runtime: runtime(ofPrefix: prefix))
  }

  private static func runtime(ofPrefix prefix: CgroupName) -> StaticString? {
    if prefix == "docker" { return "docker" }
    if prefix == "cri-containerd" || prefix == "nerdctl" { return "containerd" }
    if prefix == "crio" { return "cri-o" }
    // The latter with `--cgroups=split`, below the unit that has started it.
    if prefix == "libpod" || prefix == "libpod-payload" { return "podman" }
    return nil
  }

  /// A name that says nothing, in a place that does.
  private static func placed(_ name: CgroupName, _ parent: CgroupName?, _ above: CgroupName?)
    -> Container?
  {
    if parent == "lxc" || parent == "lxc.payload" { return Container(id: name, runtime: "lxc") }
    if parent == "buildkit" { return Container(id: name, runtime: "buildkit") }
    if isInGarden(name, parent, above) { return Container(id: name, runtime: "garden") }
    if above == "ecs", isOfTask(name, parent) {
      return Container(id: name, runtime: "containerd")
    }
    guard name.isHash else { return nil }
    if parent == "docker" || above == "ecs" { return Container(id: name, runtime: "docker") }
    if parent == "default" || parent == "k8s.io" {
      return Container(id: name, runtime: "containerd")
    }
    return Container(id: name, runtime: nil)
  }

  /// Cloud Foundry's: `garden/ID`, `garden/good/ID`.
  private static func isInGarden(_ name: CgroupName, _ parent: CgroupName?, _ above: CgroupName?)
    -> Bool
  {
    if parent == "garden" { return !(name == "good") && !(name == "bad") }
    return above == "garden" && (parent == "good" || parent == "bad")
  }

  /// On Fargate, `ecs/TASK/TASK-NUMBER`.
  private static func isOfTask(_ name: CgroupName, _ task: CgroupName?) -> Bool {
    guard let (before, _) = name.split(atLast: "-"), let task else { return false }
    return before.text.elementsEqual(task.text)
  }
}

/// The number of the container; absent outside of one.
func containerID(_ names: FieldValue) -> FieldValue {
  guard case .bytes(let bytes) = names else { return .missing(names) }
  guard let container = Container(CgroupNames(bytes)) else { return .absent }
  return .bytes(container.id.text)
}

/// What runs the container; absent outside of one, and where the layout does not say.
func containerRuntime(_ names: FieldValue) -> FieldValue {
  guard case .bytes(let bytes) = names else { return .missing(names) }
  guard let runtime = Container(CgroupNames(bytes))?.runtime else { return .absent }
  // SAFETY: a literal's bytes are there as long as the program.
  return .bytes(
    UnsafeRawBufferPointer(start: runtime.utf8Start, count: runtime.utf8CodeUnitCount))
}
