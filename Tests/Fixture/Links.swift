import Glibc

/// `links FUNCTION ITERATOR [OPERATIONS …]`: BPF links of every type that this kernel can make, each
/// held by one descriptor. The arguments are the numbers of the function `bpf_fentry_test1` and of
/// `bpf_iter_bpf_map_elem` in the kernel's types, and what `CongestionTypes` takes.
///
/// A link's facts are the columns of `kiter links` that are not null.
func links(_ arguments: [String]) throws -> KnownState {
  let (function, iterator) = (try number(arguments, at: 0), try number(arguments, at: 1))
  try check("unshare", linuxUnshare(Linux.cloneNewNetwork | Linux.cloneNewMount))
  let directory = try TemporaryDirectory()
  let probed = try directory.file("probed", size: 4096)
  let links =
    [
      try rawTracepoint(), try iteration(iterator), try cgroup(), try tracepointEvent(),
      try softwareEvent(), try uprobeEvent(probed, isReturn: false),
      try uprobeEvent(probed, isReturn: true),
    ] + (try since("6.10", sockmap)) + (try since("6.6") { try uprobes(probed) })
    + (try tracing(function)) + (try kprobes()) + structOperations(arguments.dropFirst(2))
    + (try networkLinks()) + (try netkit())
  return KnownState(facts: ["links": .array(links)], resources: [directory])
}

/// A link of a type that is not as old as the oldest kernel here: none where there cannot be one.
private func since(_ version: String, _ link: () throws -> JSON) throws -> [JSON] {
  try kernelIsAtLeast(version) ? [link()] : []
}

private func kernelIsAtLeast(_ version: String) -> Bool {
  var name = utsname()
  // SAFETY: the call fills the structure, in which each text ends with a NUL.
  uname(&name)
  let release = withUnsafeBytes(of: name.release) {
    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
  }
  func numbers(_ text: String) -> [Int] {
    text.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
  }
  return !numbers(release).lexicographicallyPrecedes(numbers(version))
}

/// A link's facts, with those that every link has.
private func facts(
  _ link: Int32, _ type: String, program: Int32, _ facts: [String: JSON]
) throws(SystemError) -> JSON {
  JSON.object(facts).merging([
    "id": .number(try BPF.info("link_id", of: link)), "type": .string(type),
    "prog_id": .number(try BPF.info("prog_id", of: program)), "refcount": .number(1),
  ])
}

private func attach(
  _ program: Int32, to target: Int32, _ attachType: Int,
  _ rest: (Attributes) -> Attributes = { $0 }
) throws(SystemError) -> Int32 {
  try BPF.call(
    .createLink,
    rest(
      Attributes().with(Int(program), at: 0).with(Int(target), at: 4).with(attachType, at: 8)))
}

private func rawTracepoint() throws(SystemError) -> JSON {
  let program = try BPF.program("raw", type: 17)
  let (name, takesCookie) = ("cgroup_mkdir", kernelIsAtLeast("6.10"))
  let link = try BPF.withPointer(Array("\(name)\0".utf8)) { (name) throws(SystemError) in
    let attributes = Attributes().with(wide: name, at: 0).with(Int(program), at: 8)
    return try BPF.call(
      .openRawTracepoint, takesCookie ? attributes.with(wide: 0x1234, at: 16) : attributes)
  }
  return try facts(
    link, "raw_tracepoint", program: program,
    ["target": .string(name)].merging(takesCookie ? ["cookie": .string("0x1234")] : [:]) { $1 })
}

/// Some kernels that have trampolines refuse them (6.18 without kprobes: EPERM).
private func tracing(_ function: Int) throws(SystemError) -> [JSON] {
  guard let program = try? BPF.program("traced", type: 26, attachType: 24, function: function)
  else { return [] }
  let cookie = 0x1122_3344_5566_7788
  let link = try attach(program, to: 0, 24) { $0.with(wide: cookie, at: 24) }
  let tracing = try facts(
    link, "tracing", program: program,
    [
      "attach_type": .string("trace_fentry"), "target": .string("bpf_fentry_test1"),
      "target_btf_id": .number(function), "target_id": .number(1),
      "cookie": .string("0x1122334455667788"),
    ])
  return [tracing]
}

/// None before Linux 6.4.
private func structOperations(_ arguments: ArraySlice<String>) -> [JSON] {
  guard let types = CongestionTypes(arguments), let control = try? congestionControl(types),
    let (link, map) = try? (
      BPF.info("link_id", of: control.link), BPF.info("map_id", of: control.map)
    )
  else { return [] }
  return [
    .object([
      "id": .number(link), "type": .string("struct_ops"), "refcount": .number(1),
      "attach_type": .string("struct_ops"), "map_id": .number(map), "target": .string("kiter_ops"),
    ])
  ]
}

private func iteration(_ iterator: Int) throws(SystemError) -> JSON {
  let program = try BPF.program("walk", type: 26, attachType: 28, function: iterator)
  let map = try BPF.map("walked", type: 1)
  let information = Attributes(size: 4).with(Int(map), at: 0)
  let link = try BPF.withPointer(information.bytes) { (information) throws(SystemError) in
    try attach(program, to: 0, 28) { $0.with(wide: information, at: 16).with(4, at: 24) }
  }
  return try facts(
    link, "iter", program: program,
    [
      "attach_type": .string("trace_iter"), "target": .string("bpf_map_elem"),
      "map_id": .number(try BPF.info("map_id", of: map)),
    ])
}

private func sockmap() throws(SystemError) -> JSON {
  let program = try BPF.program("message", type: 16, attachType: 7, returning: 1)
  let map = try BPF.map("kiter_sockmap", type: 15)
  let link = try attach(program, to: map, 7)
  return try facts(
    link, "sockmap", program: program,
    [
      "attach_type": .string("sk_msg_verdict"), "target": .string("kiter_sockmap"),
      "map_id": .number(try BPF.info("map_id", of: map)),
    ])
}

private func cgroup() throws -> JSON {
  let root = try cgroupRoot()
  let program = try BPF.program("packet", type: 8, attachType: 0, returning: 1)
  let link = try attach(program, to: try openFile(root), 0)
  return try facts(
    link, "cgroup", program: program,
    ["attach_type": .string("cgroup_inet_ingress"), "cgroup_id": .number(try inode(root))])
}

/// Where the second version of cgroups is mounted.
private func cgroupRoot() throws(SystemError) -> String {
  let file = try openFile("/proc/self/mounts")
  defer { close(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 16)
  // SAFETY: read is given the size of the buffer.
  let count = try check("read mounts", read(file, &bytes, bytes.count))
  let mounts = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
  let fields = mounts.map { $0.split(separator: " ") }
  guard let mount = fields.first(where: { $0.count > 2 && $0[2] == "cgroup2" }) else {
    throw SystemError(call: "cgroup2", code: ENOENT)
  }
  return String(mount[1])
}

/// Opens a perf event of processor 0; the offsets are those of `struct perf_event_attr`.
private func perfEvent(_ attributes: Attributes) throws(SystemError) -> Int32 {
  let sized = attributes.with(112, at: 4)
  let result = try BPF.withPointer(sized.bytes) { (address) throws(SystemError) in
    linuxCall(CallNumber.perfEventOpen, address, -1, 0, -1, 0)
  }
  return Int32(try check("perf_event_open", result))
}

private func eventLink(
  _ event: Attributes, program: Int32, cookie: Int, _ rest: [String: JSON]
) throws(SystemError) -> JSON {
  let link = try attach(program, to: try perfEvent(event), 41) { $0.with(wide: cookie, at: 16) }
  let common: [String: JSON] = [
    "attach_type": .string("perf_event"), "cookie": .string("0x" + String(cookie, radix: 16)),
  ]
  return try facts(link, "perf_event", program: program, rest.merging(common) { $1 })
}

private func tracepointEvent() throws(SystemError) -> JSON {
  let folder = "/sys/kernel/tracing"
  // SAFETY: the strings outlive the calls.
  try check("mount /", mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
  let result = mount("tracefs", folder, "tracefs", 0, nil)
  // It is there already on many hosts.
  if errno != EBUSY { try check("mount tracefs", result) }
  let number = try contents("\(folder)/events/cgroup/cgroup_rmdir/id")
  return try eventLink(
    Attributes(size: 112).with(2, at: 0).with(wide: number, at: 8),
    program: try BPF.program("point", type: 5), cookie: 7,
    [
      "event": .string("tracepoint"), "perf_type": .number(2),
      "perf_config": .string("0x" + String(number, radix: 16)), "target": .string("cgroup_rmdir"),
    ])
}

/// The number that a file holds.
private func contents(_ path: String) throws(SystemError) -> Int {
  let file = try openFile(path)
  defer { close(file) }
  var bytes = [UInt8](repeating: 0, count: 64)
  // SAFETY: read is given the size of the buffer.
  let count = try check("read \(path)", read(file, &bytes, bytes.count))
  return Int(String(decoding: bytes.prefix(count).filter { $0 != 0x0a }, as: UTF8.self)) ?? 0
}

/// Minor faults, of which a billion make one sample.
private func softwareEvent() throws(SystemError) -> JSON {
  try eventLink(
    Attributes(size: 112).with(1, at: 0).with(wide: 5, at: 8).with(wide: 1_000_000_000, at: 16),
    program: try BPF.program("sample", type: 7), cookie: 8,
    ["event": .string("event"), "perf_type": .number(1), "perf_config": .string("0x5")])
}

private func uprobeEvent(_ path: String, isReturn: Bool) throws(SystemError) -> JSON {
  let type = try contents("/sys/bus/event_source/devices/uprobe/type")
  return try BPF.withPointer(Array("\(path)\0".utf8)) { (name) throws(SystemError) in
    try eventLink(
      Attributes(size: 112).with(type, at: 0).with(wide: isReturn ? 1 : 0, at: 8)
        .with(wide: name, at: 56).with(wide: 64, at: 64),
      program: try BPF.program("user", type: 2), cookie: 9,
      [
        "event": .string(isReturn ? "uretprobe" : "uprobe"), "perf_type": .number(type),
        "perf_config": .string(isReturn ? "0x1" : "0x0"), "target": .string(path),
        "offset": .number(64),
      ])
  }
}

/// A probe of a kernel's function, one of its return, and one of two functions; none in a kernel
/// without kprobes.
private func kprobes() throws -> [JSON] {
  let device = "/sys/bus/event_source/devices/kprobe/type"
  guard access(device, R_OK) == 0 else { return [] }
  let type = try contents(device)
  let events = try [false, true].map { (isReturn) throws(SystemError) in
    try BPF.withPointer(Array("bpf_fentry_test2\0".utf8)) { (name) throws(SystemError) in
      try eventLink(
        Attributes(size: 112).with(type, at: 0).with(wide: isReturn ? 1 : 0, at: 8)
          .with(wide: name, at: 56),
        program: try BPF.program("kernel", type: 2), cookie: 10,
        [
          "event": .string(isReturn ? "kretprobe" : "kprobe"), "perf_type": .number(type),
          "perf_config": .string(isReturn ? "0x1" : "0x0"), "target": .string("bpf_fentry_test2"),
          "offset": .number(0),
        ])
    }
  }
  return events + (try manyKprobes())
}

private func manyKprobes() throws(SystemError) -> [JSON] {
  let program = try BPF.program("kernels", type: 2, attachType: 42)
  let link: Int32
  do { link = try kprobeLink(program) } catch {
    // Without CONFIG_FPROBE the kernel has none.
    if error.code == EOPNOTSUPP { return [] }
    throw error
  }
  return [
    try facts(
      link, "kprobe_multi", program: program,
      ["attach_type": .string("trace_kprobe_multi"), "count": .number(2), "flags": .string("0x1")])
  ]
}

private func kprobeLink(_ program: Int32) throws(SystemError) -> Int32 {
  let names = Array("bpf_fentry_test3\0bpf_fentry_test4\0".utf8)
  return try BPF.withPointer(names) { (first) throws(SystemError) in
    let pointers = Attributes(size: 16).with(wide: first, at: 0).with(wide: first + 17, at: 8)
    return try BPF.withPointer(pointers.bytes) { (symbols) throws(SystemError) in
      // BPF_F_KPROBE_MULTI_RETURN
      try attach(program, to: 0, 42) {
        $0.with(1, at: 16).with(2, at: 20).with(wide: symbols, at: 24)
      }
    }
  }
}

/// Two places of a file, for this process alone.
private func uprobes(_ path: String) throws(SystemError) -> JSON {
  let program = try BPF.program("users", type: 2, attachType: 48)
  let offsets = Attributes(size: 16).with(wide: 128, at: 0).with(wide: 256, at: 8)
  let link = try BPF.withPointer(Array("\(path)\0".utf8)) { (name) throws(SystemError) in
    try BPF.withPointer(offsets.bytes) { (offsets) throws(SystemError) in
      try attach(program, to: 0, 48) {
        $0.with(wide: name, at: 16).with(wide: offsets, at: 24).with(2, at: 48).with(1, at: 52)
          .with(Int(getpid()), at: 56)
      }
    }
  }
  return try facts(
    link, "uprobe_multi", program: program,
    [
      "attach_type": .string("trace_uprobe_multi"), "target": .string("probed"),
      "count": .number(2), "flags": .string("0x1"), "host_pid": .number(getpid()),
    ])
}

/// Links in a network namespace of this process's own, and to its loopback device.
private func networkLinks() throws -> [JSON] {
  let namespace = "/proc/self/ns/net"
  let inNamespace: [String: JSON] = ["net_ns": .number(try inode(namespace))]
  let toDevice = inNamespace.merging(["ifindex": .number(1), "target": .string("lo")]) { $1 }
  let skb = 2
  let xdp = try BPF.program("frame", type: 6, attachType: 37, returning: 2)
  let xdpLink = try attach(xdp, to: 1, 37) { $0.with(skb, at: 12) }
  let lookup = try BPF.program("lookup", type: 30, attachType: 36, returning: 1)
  return [
    try facts(
      xdpLink, "xdp", program: xdp,
      toDevice.merging(["attach_type": .string("xdp"), "flags": .string("0x2")]) { $1 }),
    try facts(
      try attach(lookup, to: try openFile(namespace), 36), "netns", program: lookup,
      inNamespace.merging(["attach_type": .string("sk_lookup")]) { $1 }),
  ] + (try since("6.6") { try traffic(toDevice) }) + (try since("6.4") { try filter(inNamespace) })
}

private func traffic(_ place: [String: JSON]) throws -> JSON {
  let program = try BPF.program("traffic", type: 3, attachType: 47, returning: -1)
  return try facts(
    try attach(program, to: 1, 47), "tcx", program: program,
    place.merging(["attach_type": .string("tcx_egress")]) { $1 })
}

private func filter(_ place: [String: JSON]) throws -> JSON {
  let program = try BPF.program("filter", type: 32, attachType: 45, returning: 1)
  let link = try attach(program, to: 0, 45) {
    $0.with(2, at: 16).with(3, at: 20).with(-128, at: 24)
  }
  return try facts(
    link, "netfilter", program: program,
    place.merging([
      "attach_type": .string("netfilter"), "pf": .string("ipv4"), "hook": .string("local_out"),
      "priority": .number(-128),
    ]) { $1 })
}

/// A link to a pair of netkit devices (Linux 6.7, where it is configured).
private func netkit() throws(SystemError) -> [JSON] {
  let name = "kiter0"
  guard (try? makeDevice(name, kind: "netkit")) != nil else { return [] }
  let index = Int32(if_nametoindex(name))
  // BPF_NETKIT_PRIMARY
  let program = try BPF.program("kit", type: 3, attachType: 54, returning: -1)
  return [
    try facts(
      try attach(program, to: index, 54), "netkit", program: program,
      [
        "attach_type": .string("netkit_primary"), "ifindex": .number(index),
        "target": .string(name), "net_ns": .number(try inode("/proc/self/ns/net")),
      ])
  ]
}
