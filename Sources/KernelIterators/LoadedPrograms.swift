import CLibbpf
import Glibc

/// A table's object file, loaded into the kernel: its programs can be attached.
public struct LoadedPrograms: ~Copyable {
  private let object: ObjectFile
  private let iterator: String

  /// Loads programs through libbpf.
  ///
  /// - Parameters:
  ///   - iterator: the table's name, for errors.
  ///   - image: the object file.
  ///   - programs: C functions to load; the object's others are left out.
  ///   - constants: bytes of `struct kiter_config`.
  ///   - slots: scratch slots: 1 for one reader, more for a pin with many.
  /// - Throws: `IteratorError`: `unsupported` if this kernel lacks the iterator or what the program
  ///   needs, `notPermitted` without CAP_BPF and CAP_PERFMON.
  public init(
    iterator: String, image: [UInt8], programs: [String], constants: [UInt8], slots: UInt32
  ) throws(IteratorError) {
    LibbpfLog.capture()
    // A type that the kernel does not have is looked for in its modules too, which only
    // CAP_SYS_ADMIN may do; not so if the types are named, but then they are read twice.
    let types = Capabilities().contains(.sysAdmin) ? nil : KernelSupport.typesPath
    // SAFETY: libbpf copies the image; the pointer is used during the call only.
    let opened = image.withUnsafeBytes {
      kiter_object_open($0.baseAddress, $0.count, iterator, types)
    }
    guard let opened else {
      throw IteratorError(
        iterator: iterator, stage: .open, cause: .failed, code: errno, log: LibbpfLog.take())
    }
    let object = ObjectFile(pointer: opened, iterator: iterator)
    object.select(programs)
    try object.setConstants(constants)
    try object.resizeSlots(slots)
    try object.load()
    self.object = object
    self.iterator = iterator
  }

  /// Attaches a program: a link, from which walks are started.
  ///
  /// - Throws: `IteratorError`.
  public borrowing func attach(_ program: String, scope: IteratorScope) throws(IteratorError)
    -> IteratorLink
  {
    guard let found = bpf_object__find_program_by_name(object.pointer, program) else {
      throw IteratorError(
        iterator: iterator, stage: .attach, cause: .failed, advice: "no program \(program)")
    }
    let descriptor = kiter_iterator_attach(bpf_program__fd(found), scope.pid, scope.tid)
    guard descriptor >= 0 else {
      throw IteratorError(
        iterator: iterator, stage: .attach, cause: -descriptor == EPERM ? .notPermitted : .failed,
        code: -descriptor, advice: -descriptor == EPERM ? permissionAdvice() : "",
        log: LibbpfLog.take())
    }
    return IteratorLink(Descriptor(descriptor), iterator: iterator)
  }

  /// Calls `report` from another thread when a read takes more than 2 seconds.
  borrowing func watch(_ report: @escaping @Sendable (StallPlace) -> Void) -> StallWatch {
    let map = bpf_object__find_map_by_name(object.pointer, "kiter_slots")
    let probe = ProgressProbe(map: bpf_map__fd(map), valueSize: Int(bpf_map__value_size(map)))
    return StallWatch(probe, report: report)
  }
}

/// libbpf's view of an object file.
private struct ObjectFile: ~Copyable {
  let pointer: OpaquePointer
  let iterator: String

  deinit { bpf_object__close(pointer) }

  func select(_ names: [String]) {
    var program = bpf_object__next_program(pointer, nil)
    while let current = program {
      let name = String(cString: bpf_program__name(current))
      bpf_program__set_autoload(current, names.contains(name))
      program = bpf_object__next_program(pointer, current)
    }
  }

  func setConstants(_ bytes: [UInt8]) throws(IteratorError) {
    var map = bpf_object__next_map(pointer, nil)
    while let current = map {
      var size = 0
      // SAFETY: libbpf gives the start and size of the memory that becomes the map's content.
      if let memory = bpf_map__initial_value(current, &size), size == bytes.count,
        String(cString: bpf_map__name(current)).hasSuffix(".rodata.config")
      {
        UnsafeMutableRawPointer(mutating: memory).copyMemory(from: bytes, byteCount: size)
        return
      }
      map = bpf_object__next_map(pointer, current)
    }
    throw IteratorError(
      iterator: iterator, stage: .open, cause: .failed,
      advice: "the program has no .rodata.config of \(bytes.count) bytes; it was built from "
        + "another schema")
  }

  func resizeSlots(_ count: UInt32) throws(IteratorError) {
    let map = bpf_object__find_map_by_name(pointer, "kiter_slots")
    let code = bpf_map__set_max_entries(map, count)
    if code != 0 {
      throw IteratorError(iterator: iterator, stage: .open, cause: .failed, code: -code)
    }
  }

  func load() throws(IteratorError) {
    let code = -bpf_object__load(pointer)
    if code != 0 { throw loadError(code) }
  }

  private func loadError(_ code: Int32) -> IteratorError {
    let log = LibbpfLog.take()
    switch code {
    // To root, EACCES is the verifier's refusal. Under lockdown helpers are missing: EINVAL.
    case _ where code == EPERM || (code == EACCES && geteuid() != 0) || isLockedDown():
      return IteratorError(
        iterator: iterator, stage: .load, cause: .notPermitted, code: code,
        advice: permissionAdvice(), log: log)
    case ESRCH, ENOENT:
      return IteratorError(
        iterator: iterator, stage: .load, cause: .unsupported, code: code,
        advice: access(KernelSupport.typesPath, R_OK) == 0
          ? "this kernel does not have the iterator; kiter list shows those that it has"
          : "this kernel shows no type information (BTF); kiter doctor says what to do",
        log: log)
    default:
      return IteratorError(
        iterator: iterator, stage: .load, cause: .unsupported, code: code,
        advice: "this kernel refuses the program; kiter --verbose shows why", log: log)
    }
  }
}
