import CLibbpf
import Glibc

/// What the running kernel offers to iterators.
public struct KernelSupport: ~Copyable {
  private let types: OpaquePointer

  /// Where the kernel describes its types.
  public static let typesPath = "/sys/kernel/btf/vmlinux"

  /// Reads the kernel's type information (BTF); nil if it has none.
  public init?() {
    LibbpfLog.capture()
    guard let types = btf__load_vmlinux_btf() else { return nil }
    self.types = types
  }

  deinit { btf__free(types) }

  /// Has the kernel this iterator target? Each is declared as a function `bpf_iter_TARGET`.
  public borrowing func hasIterator(_ target: String) -> Bool {
    kiter_btf_find_function(types, "bpf_iter_\(target)") > 0
  }

  /// Is it Linux 6.1 or later, which all programs need? That has the iterator over cgroups.
  public borrowing func isNewEnough() -> Bool { hasIterator("cgroup") }

  /// Has the kernel this function?
  public borrowing func hasFunction(_ name: String) -> Bool {
    kiter_btf_find_function(types, name) > 0
  }

  /// All iterator targets, by name: a program of each gets a `struct bpf_iter__TARGET`.
  public borrowing func iterators() -> [String] {
    var targets: [String] = []
    for id in 1..<btf__type_cnt(types) {
      // SAFETY: ids below the count are valid, and so is each name's offset.
      guard let type = btf__type_by_id(types, id), kiter_btf_is_struct(type) != 0,
        let name = btf__name_by_offset(types, type.pointee.name_off)
      else { continue }
      let text = String(cString: name)
      if text.hasPrefix("bpf_iter__") { targets.append(String(text.dropFirst(10))) }
    }
    return targets.sorted()
  }
}
