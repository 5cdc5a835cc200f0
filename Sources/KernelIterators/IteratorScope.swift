import CLibbpf
import Glibc

/// What part of a walk is wanted (`union bpf_iter_link_info`, Linux 6.1).
public enum IteratorScope: Sendable, Equatable {
  /// Everything.
  case all
  /// One process, in the reader's pid namespace.
  case pid(UInt32)
  /// One thread, in the reader's pid namespace.
  case tid(UInt32)
  /// The cgroups below a directory of a cgroup file system, and its own; nil for the root of the
  /// version 2 hierarchy, wherever that is mounted. Each comes before those in it.
  case cgroups(below: String?)
  /// The elements of one BPF map.
  case map(UInt32)

  /// Attaches a program: the link's descriptor, or a negative error number.
  func attach(_ program: Int32) -> Int32 {
    switch self {
    case .all: return kiter_iterator_attach(program, 0, 0)
    case .pid(let pid): return kiter_iterator_attach(program, pid, 0)
    case .tid(let tid): return kiter_iterator_attach(program, 0, tid)
    // Needs the map's descriptor: `LoadedPrograms` does it.
    case .map: return -EINVAL
    case .cgroups(below: nil): return kiter_cgroup_iterator_attach(program, 0)
    case .cgroups(let path?):
      let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard directory >= 0 else { return -errno }
      defer { close(directory) }
      return kiter_cgroup_iterator_attach(program, directory)
    }
  }
}
