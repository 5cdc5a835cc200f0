import CLibbpf
import Glibc

/// A folder of pinned links on a BPF file system: opening a file in it starts a walk, for whoever
/// may read that file.
public struct PinFolder: Sendable {
  /// Where kiter makes pins, and looks for them.
  public static let standardPath = "/run/kiter/pins"
  /// The folder's path.
  public let path: String

  /// Names a folder; whether it is there and can be trusted is asked when it is used.
  public init(_ path: String = standardPath) { self.path = path }

  /// Path of a pin.
  public func path(of name: String) -> String { "\(path)/\(name)" }

  /// Starts a walk of a pinned link. It needs no capability.
  ///
  /// Only what nobody but root can have put there is trusted: folder and pin belong to root, nobody
  /// else may write to them, and both lie on a BPF file system, whose files only BPF makes.
  ///
  /// - Parameters:
  ///   - name: the file in the folder.
  ///   - iterator: the table's name, for errors.
  /// - Returns: the walk.
  /// - Throws: `IteratorError` of stage `openPin`, `notPermitted` if the file's mode forbids it or
  ///   the pin is not trusted.
  public func open(_ name: String, iterator: String) throws(IteratorError)
    -> IteratorReader<KernelCalls>
  {
    let folder = Descriptor(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    guard folder.number >= 0 else { throw openError(name, iterator, errno) }
    try requireTrust(folder.number, path, iterator)
    let pin = Descriptor(openat(folder.number, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC))
    guard pin.number >= 0 else { throw openError(name, iterator, errno) }
    try requireTrust(pin.number, path(of: name), iterator)
    return IteratorReader(pin, iterator: iterator, calls: KernelCalls())
  }

  /// Is the folder there?
  public var exists: Bool { Glibc.access(path, F_OK) == 0 }

  /// Is there a file of that name, whatever it is?
  public func contains(_ name: String) -> Bool { access(path(of: name), F_OK) == 0 }

  /// Names of the files in the folder, sorted; none if it cannot be read.
  public func names() -> [String] { folderNames(path).sorted() }

  /// Who may do what with a pin; nil if it is not there.
  public func permissions(of name: String) -> PinAccess? {
    var info = stat()
    // SAFETY: the call fills the structure that it is given.
    guard lstat(path(of: name), &info) == 0 else { return nil }
    return PinAccess(mode: info.st_mode & 0o7777, owner: info.st_uid, group: info.st_gid)
  }

  /// Does the folder lie on a BPF file system?
  var isOnBPFFileSystem: Bool {
    let folder = Descriptor(Glibc.open(path, O_RDONLY | O_CLOEXEC))
    return kiter_is_on_bpffs(folder.number) == 1
  }

  /// Refuses a file or folder that another user can have made or changed.
  func requireTrust(_ descriptor: Int32, _ path: String, _ iterator: String) throws(IteratorError) {
    var info = stat()
    // SAFETY: the call fills the structure that it is given.
    guard fstat(descriptor, &info) == 0 else { throw pinError(iterator, path, code: errno) }
    let doubt: String
    if kiter_is_on_bpffs(descriptor) == 0 {
      doubt = "it is not on a BPF file system"
    } else if info.st_uid != 0 {
      doubt = "its owner is user \(info.st_uid), not root"
    } else if info.st_mode & 0o022 != 0 {
      doubt = "others than root may write to it (sudo chmod go-w \(path))"
    } else {
      return
    }
    throw pinError(iterator, "\(path) is not trusted: \(doubt)", cause: .notPermitted)
  }

  private func openError(_ name: String, _ iterator: String, _ code: Int32) -> IteratorError {
    let pin = path(of: name)
    switch code {
    case ENOENT, ENOTDIR:
      return pinError(iterator, "there is no pin \(pin); make it: \(command("pin", iterator))")
    case EACCES:
      let access = permissions(of: name).map { " has \($0)" } ?? ""
      return pinError(
        iterator, "\(pin)\(access); ask to be let in, or use sudo", cause: .notPermitted, code: code
      )
    case ELOOP:
      return pinError(
        iterator, "\(pin) is not trusted: it is a symbolic link", cause: .notPermitted)
    case EIO:
      return pinError(iterator, "\(pin) is no iterator")
    default:
      return pinError(iterator, pin, code: code)
    }
  }

  /// The command that makes or removes pins here.
  public func command(_ verb: String, _ arguments: String) -> String {
    "sudo kiter \(verb) \(arguments)" + (path == Self.standardPath ? "" : " --path \(path)")
  }
}

/// Owner, group and mode of a pin.
public struct PinAccess: Sendable, Equatable, CustomStringConvertible {
  /// Permission bits.
  public var mode: UInt32
  /// The user's number.
  public var owner: UInt32
  /// The group's number.
  public var group: UInt32

  /// Creates an access; the parameters are the properties.
  public init(mode: UInt32, owner: UInt32 = 0, group: UInt32) {
    self.mode = mode
    self.owner = owner
    self.group = group
  }

  /// The mode as chmod(1) takes it.
  public var octalMode: String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// Mode, and owner and group by number.
  public var description: String { "mode \(octalMode), user \(owner), group \(group)" }
}

/// An error of opening a pin, `failed` unless it says otherwise.
private func pinError(
  _ iterator: String, _ advice: String, cause: IteratorError.Cause = .failed, code: Int32 = 0
) -> IteratorError {
  IteratorError(iterator: iterator, stage: .openPin, cause: cause, code: code, advice: advice)
}
