import CLibbpf
import Glibc

/// An attached program (`bpf_link`): each walk that it starts sees the kernel anew.
public struct IteratorLink: ~Copyable {
  private let descriptor: Descriptor
  private let iterator: String

  init(_ descriptor: consuming Descriptor, iterator: String) {
    self.descriptor = descriptor
    self.iterator = iterator
  }

  /// Starts a walk. It sees the pid and network namespaces of the calling thread.
  ///
  /// - Throws: `IteratorError`.
  public borrowing func open() throws(IteratorError) -> IteratorReader<KernelCalls> {
    let walk = bpf_iter_create(descriptor.number)
    guard walk >= 0 else {
      throw IteratorError(iterator: iterator, stage: .start, cause: .failed, code: -walk)
    }
    return IteratorReader(Descriptor(walk), iterator: iterator, calls: KernelCalls())
  }

  /// Keeps the link under a name on the BPF file system: opening that file starts a walk, and needs
  /// no more than the file's mode allows.
  ///
  /// - Throws: `IteratorError`.
  public borrowing func pin(at path: String) throws(IteratorError) {
    let code = -bpf_obj_pin(descriptor.number, path)
    if code != 0 {
      throw IteratorError(iterator: iterator, stage: .pin, cause: .failed, code: code)
    }
  }
}
