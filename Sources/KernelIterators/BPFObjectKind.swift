import CLibbpf
import Glibc

/// A kind of BPF objects that have numbers, by which bpf(2) lists them.
public enum BPFObjectKind: String, Sendable, CaseIterable {
  case map, prog, link

  /// The numbers of all objects, as bpf(2) lists them (BPF_MAP_GET_NEXT_ID and its like).
  ///
  /// - Throws: `IteratorError`; with cause `notPermitted` without CAP_SYS_ADMIN.
  public func ids() throws(IteratorError) -> [UInt32] {
    var ids: [UInt32] = []
    var next: UInt32 = 0
    while true {
      let code = -self.next(after: ids.last ?? 0, &next)
      if code == ENOENT { return ids }
      guard code == 0 else {
        let isRefused = code == EPERM || code == EACCES
        throw IteratorError(
          iterator: "bpf(2), \(rawValue) numbers", stage: .read,
          cause: isRefused ? .notPermitted : .failed, code: code,
          advice: isRefused ? "it needs CAP_SYS_ADMIN; run as root (sudo kiter …)" : "")
      }
      ids.append(next)
    }
  }

  /// The number behind another one; 0, or a negated error number.
  private func next(after id: UInt32, _ next: inout UInt32) -> Int32 {
    switch self {
    case .map: bpf_map_get_next_id(id, &next)
    case .prog: bpf_prog_get_next_id(id, &next)
    case .link: bpf_link_get_next_id(id, &next)
    }
  }
}
