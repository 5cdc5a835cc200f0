import Glibc
import KernelIterators
import RecordSchema

/// The hierarchies of cgroups: that of version 2, which is always there, and where they are mounted,
/// those of version 1. What is mounted twice is one.
///
/// - Throws: `IteratorError` if it cannot be told which those are.
func cgroupHierarchies(iterator: String) throws(IteratorError) -> [IteratorScope] {
  var scopes: [IteratorScope] = [.cgroups(below: nil)]
  var controllers: Set<String> = []
  guard let mounts = fileContents("/proc/self/mounts") else {
    throw IteratorError(
      iterator: iterator, stage: .start, cause: .failed, code: errno,
      advice: "/proc/self/mounts, which tells the hierarchies of cgroups, cannot be read")
  }
  for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
    let words = line.split(separator: " ")
    guard words.count > 3, words[2] == "cgroup" else { continue }
    // The options that tell which: "memory", "cpu,cpuacct", "name=systemd".
    let general = ["rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime"]
    let own = words[3].split(separator: ",").filter { !general.contains(String($0)) }
    if controllers.insert(own.joined(separator: ",")).inserted {
      scopes.append(.cgroups(below: String(words[1])))
    }
  }
  return scopes
}

/// About how many cgroups there are, in all hierarchies with a controller: /proc/cgroups.
func cgroupCount() -> Int {
  var counts: [(hierarchy: Substring, number: Int)] = []
  let text = String(decoding: fileContents("/proc/cgroups") ?? [], as: UTF8.self)
  for line in text.split(separator: "\n") {
    let words = line.split { $0 == "\t" || $0 == " " }
    guard words.count > 2, let number = Int(words[2]) else { continue }
    if !counts.contains(where: { $0.hierarchy == words[1] }) { counts.append((words[1], number)) }
  }
  return counts.reduce(0) { $0 + $1.number }
}

extension Projection {
  /// About how many bytes a record has, with the names of a cgroup some levels deep.
  var storedSize: Int { fixedSize + 64 * wantedTexts }
}
