import CLibbpf

/// Looks at a loaded program's scratch slot from outside: the program leaves there which process
/// it looks at.
struct ProgressProbe: Sendable {
  /// Descriptor of the map kiter_slots; belongs to the loaded object, which must outlive this.
  let map: Int32
  let valueSize: Int

  /// Where the walk is; nil if the map cannot be read.
  func place() -> StallPlace? {
    var key: UInt32 = 0
    var place: StallPlace?
    withUnsafeTemporaryAllocation(byteCount: valueSize, alignment: 8) { value in
      // SAFETY: key and value have the sizes that the map has.
      guard bpf_map_lookup_elem(map, &key, value.baseAddress) == 0 else { return }
      // SAFETY: struct kiter_slot begins with u32 busy and u32 pid.
      let pid = value.load(fromByteOffset: 4, as: UInt32.self)
      // SAFETY: as above.
      place = value.load(as: UInt32.self) != 0 ? .inside(pid: pid) : .after(pid: pid)
    }
    return place
  }
}
