/// The systemd unit of a cgroup, as `ps -o unit` has it: the first below the slices, unless that is
/// none. So what a user's own systemd runs is of `user@1000.service`.
func systemdUnit(_ names: FieldValue) -> FieldValue {
  guard case .bytes(let bytes) = names else { return .missing(names) }
  let names = CgroupNames(bytes)
  var unit: CgroupName?
  var name = names.leaf
  while let current = name {
    // From the leaf upwards: what counts is the last one that is no slice, with only slices above.
    if !current.hasSuffix(".slice") { unit = current }
    name = names.parent(of: current)
  }
  // systemd puts an underscore before names that the kernel's files have, too.
  guard let unit = unit.map({ $0.without(prefix: "_") ?? $0 }), isUnit(unit) else {
    return .absent
  }
  return .bytes(unit.text)
}

private func isUnit(_ name: CgroupName) -> Bool {
  name.hasSuffix(".service") || name.hasSuffix(".scope") || name.hasSuffix(".socket")
    || name.hasSuffix(".mount") || name.hasSuffix(".swap")
}
