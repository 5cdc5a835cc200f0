import Glibc

/// Why the kernel refuses, as far as it can be told, and what helps.
public func permissionAdvice(canBePinned: Bool = true) -> String {
  if isLockedDown() {
    return "the kernel is locked down (confidentiality), which forbids BPF to read kernel memory "
      + "even to root; boot with lockdown=integrity"
  }
  return "it needs CAP_BPF and CAP_PERFMON; run as root (sudo kiter …)"
    + (canBePinned ? ", or let root pin the table (kiter pin --help)" : "")
}

/// Does the kernel keep its memory from BPF (lockdown=confidentiality)?
func isLockedDown() -> Bool { kernelLockdown() == "confidentiality" }

/// The chosen word of /sys/kernel/security/lockdown; nil if it cannot be read.
public func kernelLockdown() -> String? {
  guard let bytes = fileContents("/sys/kernel/security/lockdown") else { return nil }
  let text = String(decoding: bytes, as: UTF8.self)
  guard let start = text.firstIndex(of: "["), let end = text.firstIndex(of: "]") else { return nil }
  return String(text[text.index(after: start)..<end])
}

/// Reads a whole file whose size stat(2) does not tell, such as those of procfs.
public func fileContents(_ path: String) -> [UInt8]? {
  let number = open(path, O_RDONLY | O_CLOEXEC)
  guard number >= 0 else { return nil }
  let descriptor = Descriptor(number)
  var bytes = [UInt8](repeating: 0, count: 4096)
  var used = 0
  while true {
    // Most such files are small: memory that is not needed is not touched.
    if used == bytes.count { bytes += [UInt8](repeating: 0, count: used) }
    let count = bytes.withUnsafeMutableBytes { buffer in
      KernelCalls().read(
        descriptor.number, UnsafeMutableRawBufferPointer(rebasing: buffer[used...]))
    }
    if count == -Int(EINTR) { continue }
    if count < 0 { return nil }
    if count == 0 { break }
    used += count
  }
  bytes.removeLast(bytes.count - used)
  return bytes
}
