import CLibbpf
import Glibc

/// A network namespace, and the ways into it.
public struct NetworkNamespace: Sendable {
  /// What leads there as long as it lasts.
  public enum Door: Sendable, Equatable {
    /// A thread that is in it.
    case thread(UInt32)
    /// A thread's descriptor, open on it.
    case file(thread: UInt32, descriptor: UInt32)
    /// A thread's descriptor: a socket that is in it.
    case socket(thread: UInt32, isLeader: Bool, descriptor: UInt32)
    /// A path where it is mounted.
    case mount(String)

    /// Opens what is there: a descriptor, or a negative error number.
    fileprivate func opened() -> Int32 {
      switch self {
      case .thread(let thread): return openPath("/proc/\(thread)/ns/net")
      case .file(let thread, let descriptor): return openPath("/proc/\(thread)/fd/\(descriptor)")
      case .mount(let path): return openPath(path)
      case .socket(let thread, let isLeader, let descriptor):
        // A thread's own table can be asked from Linux 6.9 on.
        let process = kiter_pidfd_open(Int32(bitPattern: thread), isLeader ? 0 : UInt32(O_EXCL))
        guard process >= 0 else { return -errno }
        defer { close(process) }
        let socket = kiter_pidfd_getfd(process, descriptor)
        guard socket >= 0 else { return socket }
        defer { close(socket) }
        return kiter_network_of_socket(socket)
      }
    }
  }

  /// Its inode, which the kernel gives to no other as long as it lasts.
  public let number: UInt32
  /// The ways into it.
  public let doors: [Door]

  /// Creates one; the parameters are the properties.
  public init(number: UInt32, doors: [Door]) {
    self.number = number
    self.doors = doors
  }

  /// Opens it: a descriptor, or a negative error number; -ENOENT if it has gone.
  fileprivate func opened() -> Int32 {
    var refusal = ENOENT
    for door in doors {
      let descriptor = door.opened()
      if descriptor < 0 {
        // Whoever was there has gone, or has closed it.
        if ![ENOENT, ESRCH, EBADF, ENXIO, ENOTTY].contains(-descriptor) { refusal = -descriptor }
      } else if inode(descriptor) == number {
        return descriptor
      } else {
        close(descriptor)
      }
    }
    return -refusal
  }
}

/// The calling thread in a network namespace, from which it goes back to its own when this goes.
struct NetworkVisit: ~Copyable {
  /// Nil if it is there anyway.
  private let home: Descriptor?

  /// Enters a namespace; nil if it has gone.
  ///
  /// - Throws: the error number of what keeps it out.
  init?(_ network: NetworkNamespace) throws(Refusal) {
    let own = openPath("/proc/thread-self/ns/net")
    guard own >= 0 else { throw Refusal(code: -own) }
    let home = Descriptor(own)
    if inode(own) == network.number {
      self.home = nil
      return
    }
    let entry = network.opened()
    if entry == -ENOENT { return nil }
    guard entry >= 0 else { throw Refusal(code: -entry) }
    defer { close(entry) }
    let code = kiter_enter_network(entry)
    guard code == 0 else { throw Refusal(code: -code) }
    self.home = consume home
  }

  deinit {
    guard let home else { return }
    // The thread came from there: nothing but a bug can keep it from going back.
    let code = kiter_enter_network(home.number)
    precondition(code == 0, "cannot return to the own network namespace: \(errorText(-code))")
  }

  /// Why a namespace cannot be entered.
  struct Refusal: Error {
    let code: Int32
  }
}

private func inode(_ descriptor: Int32) -> UInt32? {
  var status = stat()
  // SAFETY: fstat fills the structure.
  return fstat(descriptor, &status) == 0 ? UInt32(truncatingIfNeeded: status.st_ino) : nil
}

/// A descriptor, or a negative error number.
private func openPath(_ path: String) -> Int32 {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  return descriptor < 0 ? -errno : descriptor
}
