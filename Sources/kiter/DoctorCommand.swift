import ArgumentParser
import Glibc
import IteratorCatalog
import KernelIterators
import RecordSchema

/// `kiter doctor`: what is missing here, and the exact fix.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "What this host lacks for kiter, and how to mend it.")

  func run() throws {
    var findings = hostFindings()
    if KernelSupport()?.isNewEnough() != false {
      findings += Catalog.tables.map { tableFinding($0) }
    }
    for finding in findings { finding.print() }
    if let worst = findings.compactMap(\.code).max(by: { $0.rawValue < $1.rawValue }) {
      throw worst
    }
  }
}

/// One thing that was looked at.
struct Finding {
  let name: String
  let detail: String
  /// What to do, if something is to be done.
  var fix: String?
  /// The exit code that it causes, if it keeps kiter from working.
  var code: ExitCode?

  func print() {
    let state = code != nil ? "MISSING" : fix != nil ? "note" : "ok"
    let padding = String(repeating: " ", count: max(1, 9 - state.count))
    Swift.print("\(state)\(padding)\(name): \(detail)")
    if let fix { Swift.print("         fix: \(fix)") }
  }
}

/// What holds for all tables.
private func hostFindings() -> [Finding] {
  [
    kernelFinding(), typesFinding(), capabilityFinding(), lockdownFinding(), namespaceFinding(),
    functionsFinding(), cacheFinding(),
  ] + pinFindings()
}

private func kernelFinding() -> Finding {
  let file = fileContents("/proc/sys/kernel/osrelease") ?? []
  let release = String(decoding: file.dropLast(), as: UTF8.self)
  guard let kernel = KernelSupport(), !kernel.isNewEnough() else {
    return Finding(name: "kernel", detail: release)
  }
  return Finding(
    name: "kernel", detail: "\(release) is too old", fix: "boot Linux 6.1 or later",
    code: ExitStatus.unsupported)
}

private func typesFinding() -> Finding {
  let path = KernelSupport.typesPath
  if access(path, R_OK) == 0 { return Finding(name: "type information (BTF)", detail: path) }
  return Finding(
    name: "type information (BTF)", detail: "\(path): \(errorText(errno))",
    fix: "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount sysfs at /sys",
    code: ExitStatus.unsupported)
}

private func capabilityFinding() -> Finding {
  let held = Capabilities()
  let missing = [Capabilities.Name.bpf, .perfmon].filter { !held.contains($0) }
  guard !missing.isEmpty else {
    return Finding(name: "capabilities", detail: "CAP_BPF and CAP_PERFMON")
  }
  return Finding(
    name: "capabilities", detail: "no " + missing.map(\.description).joined(separator: ", no "),
    fix: "run kiter as root (sudo kiter …), or: sudo setcap cap_bpf,cap_perfmon+ep \(ownPath())",
    // Where pins serve, capabilities are not missed; a table that has none says so itself.
    code: Catalog.tables.contains { servingFinding($0.schema) != nil }
      ? nil : ExitStatus.notPermitted)
}

private func ownPath() -> String {
  // SAFETY: realpath allocates the path that it returns, or returns nil.
  guard let path = realpath("/proc/self/exe", nil) else { return "kiter" }
  defer { free(path) }
  return String(cString: path)
}

private func lockdownFinding() -> Finding {
  guard let mode = kernelLockdown() else {
    return Finding(name: "lockdown", detail: "none (or not to be seen)")
  }
  guard mode == "confidentiality" else { return Finding(name: "lockdown", detail: mode) }
  return Finding(
    name: "lockdown", detail: "confidentiality: BPF may not read kernel memory, even for root",
    fix: "boot with lockdown=integrity, or without it", code: ExitStatus.notPermitted)
}

/// The initial pid namespace has a fixed inode (PROC_PID_INIT_INO).
private func namespaceFinding() -> Finding {
  var info = stat()
  // SAFETY: the call fills the structure that it is given.
  guard stat("/proc/self/ns/pid", &info) == 0 else {
    return Finding(
      name: "procfs", detail: "/proc: \(errorText(errno))", fix: "mount -t proc proc /proc")
  }
  if info.st_ino == 0xefff_fffc {
    return Finding(name: "pid namespace", detail: "the host's: every task is seen")
  }
  return Finding(
    name: "pid namespace", detail: "not the host's: only tasks of this one are seen",
    fix: "run kiter on the host, or in a container with --pid=host")
}

private func functionsFinding() -> Finding {
  let name = "kernel functions"
  guard let kernel = KernelSupport() else { return Finding(name: name, detail: "not known") }
  let optional = ["bpf_rdonly_cast", "bpf_rcu_read_lock", "bpf_map_sum_elem_count"]
  let missing = optional.filter { !kernel.hasFunction($0) }
  if missing.isEmpty { return Finding(name: name, detail: "all that kiter can use") }
  return Finding(
    name: name, detail: "without " + missing.joined(separator: ", "),
    fix: "a newer kernel loads faster and knows more columns; this one works")
}

private func cacheFinding() -> Finding {
  let cache = ProgramCache.standard
  let name = "program cache"
  guard geteuid() == 0 else {
    return Finding(name: name, detail: "root's alone; each start goes through libbpf")
  }
  do {
    let state = try cache.state()
    return Finding(
      name: name,
      detail: "\(cache.path): \(state.entries) entries, \(state.bytes >> 10) KiB")
  } catch {
    return Finding(
      name: name, detail: "not used: \(error)", fix: "rm -r \(cache.path); kiter makes it anew")
  }
}

/// Loads a table's programs with every column and takes the stream's first bytes.
private func tableFinding(_ table: any KernelRecord.Type) -> Finding {
  let schema = table.schema
  let name = "table \(schema.name)"
  if let kernel = KernelSupport(),
    let program = schema.programs.first(where: { !kernel.hasIterator($0.target) })
  {
    return Finding(
      name: name, detail: "this kernel has no iterator \(program.target)",
      fix: "none but a newer kernel: Linux \(program.since) has it")
  }
  do {
    let projection = try Projection(schema, columns: schema.columns.map(\.name))
    if !Capabilities().mayLoad, let finding = servingFinding(schema) { return finding }
    let source = try KernelSource(table.files, TableRequest(projection))
    var stream = RecordStream(source, schema: schema, layout: projection.layout)
    _ = try stream.nextRecords { _, _ in }
    let lacking = lackingColumns(projection, stream.preamble)
    guard !lacking.isEmpty else { return Finding(name: name, detail: "all columns") }
    return Finding(
      name: name, detail: "this kernel lacks \(lacking.joined(separator: ", "))",
      fix: "the columns are null here; a kernel that has them is named by kiter schema")
  } catch {
    return Finding(
      name: name, detail: "\(error)",
      fix: "kiter \(schema.name.replacingUnderscores()) --verbose shows what the kernel says",
      code: ExitStatus.code(for: error))
  }
}

private func lackingColumns(_ projection: Projection, _ preamble: Preamble?) -> [String] {
  guard let preamble else { return [] }
  return projection.columns.filter { column in
    (column.slot.map { [$0] } ?? column.inputs).contains { preamble.lacks($0.bit) }
  }.map(\.field.name)
}
