/// The number of the Kubernetes pod of a cgroup: `kubepods/burstable/podUID/…`, or with systemd
/// `kubepods-burstable-podUID.slice/…`, whose dashes are underscores there. Absent outside of a pod.
func podUID(_ names: FieldValue, scratch: UnsafeMutableRawBufferPointer) -> FieldValue {
  guard case .bytes(let bytes) = names else { return .missing(names) }
  let names = CgroupNames(bytes)
  var name = names.leaf
  while let current = name {
    if let uid = podUID(in: current) {
      for (index, byte) in uid.text.enumerated() {
        scratch[index] = byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte
      }
      return .bytes(UnsafeRawBufferPointer(rebasing: scratch[..<uid.text.count]))
    }
    name = names.parent(of: current)
  }
  return .absent
}

private func podUID(in name: CgroupName) -> CgroupName? {
  // `SLICE:cri-containerd:ID` where systemd was expected and is not used.
  let slice = name.split(atLast: ":")?.before.split(atLast: ":")?.before ?? name
  let pod = slice.without(suffix: ".slice")?.split(atLast: "-")?.behind ?? slice
  return pod.without(prefix: "pod").flatMap { $0.isPodUID ? $0 : nil }
}
