import CLibbpf

/// Looks at a loaded program's scratch slots from outside: the program leaves there which process
/// it looks at.
struct ProgressProbe: Sendable {
  /// Descriptor of the map kiter_slots; belongs to the loaded object, which must outlive this.
  let map: Int32

  /// Where a reader's walk is; nil if the map cannot be read.
  func place(of reader: Int) -> StallPlace? {
    var key = UInt32(reader)
    var place: StallPlace?
    guard let valueSize else { return nil }
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

  private var valueSize: Int? {
    var info = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    // SAFETY: the kernel writes at most `size` bytes.
    return bpf_obj_get_info_by_fd(map, &info, &size) == 0 ? Int(info.value_size) : nil
  }
}
