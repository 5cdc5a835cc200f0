/// What part of a walk is wanted (`union bpf_iter_link_info`, Linux 6.1).
public enum IteratorScope: Sendable, Equatable {
  /// Everything.
  case all
  /// One process, in the reader's pid namespace.
  case pid(UInt32)
  /// One thread, in the reader's pid namespace.
  case tid(UInt32)
  /// The elements of one BPF map.
  case map(UInt32)

  var pid: UInt32 { if case .pid(let pid) = self { pid } else { 0 } }
  var tid: UInt32 { if case .tid(let tid) = self { tid } else { 0 } }
}
