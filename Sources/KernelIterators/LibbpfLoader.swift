import CLibbpf
import Glibc
import Synchronization

/// Loads an object file through libbpf, and keeps what libbpf made of it.
struct LibbpfLoader {
  let object: ProgramObject
  /// The programs to load; the object's others are left out.
  let programs: [String]
  let settings: LoadSettings

  /// libbpf's list of handlers knows nothing of threads.
  private static let oneAtATime = Mutex<Void>(())

  /// Loads the programs.
  ///
  /// - Parameter keep: is given the image to load them from the next time; it is not called where a
  ///   program needs more than an image holds.
  /// - Returns: what is in the kernel now.
  /// - Throws: `IteratorError`.
  func load(keep: (ProgramImage) -> Void) throws(IteratorError) -> KernelObjects {
    LibbpfLog.capture()
    let recorder = LoadRecorder()
    let file = try Self.oneAtATime.withLock { _ throws(IteratorError) in
      recorder.begin()
      defer { recorder.end() }
      let file = try LibbpfObject(object)
      try file.select(programs)
      try file.set(settings)
      try file.load()
      return file
    }
    if let image = file.image(of: recorder.programs) { keep(image) }
    return try file.duplicates(of: programs)
  }
}

/// libbpf's view of an object file.
private struct LibbpfObject: ~Copyable {
  private let pointer: OpaquePointer
  private let iterator: String
  private let isOutside: Bool

  deinit { bpf_object__close(pointer) }

  init(_ object: ProgramObject) throws(IteratorError) {
    iterator = object.name
    isOutside = object.isOutside
    // A type that the kernel does not have is looked for in its modules too, which only
    // CAP_SYS_ADMIN may do; not so if the types are named, but then they are read twice.
    let types = Capabilities().contains(.sysAdmin) ? nil : KernelSupport.typesPath
    // SAFETY: libbpf copies the image; the pointer is used during the call only.
    let opened = object.bytes.withUnsafeBytes {
      kiter_object_open($0.baseAddress, $0.count, object.name, types)
    }
    guard let opened else {
      throw IteratorError(
        iterator: iterator, stage: .open, cause: .failed, code: errno, log: LibbpfLog.take())
    }
    pointer = opened
  }

  /// Chooses programs, and looks up what they are attached to.
  func select(_ names: [String]) throws(IteratorError) {
    var program = bpf_object__next_program(pointer, nil)
    // What the kernel need not have (weak kfuncs) is looked for in its modules likewise, and there a
    // refusal is an error. But modules are read once: so at first for something that is nowhere.
    if !Capabilities().contains(.sysAdmin) {
      _ = bpf_program__set_attach_target(program, 0, "no_such_iterator")
    }
    while let current = program {
      let isWanted = names.contains(String(cString: bpf_program__name(current)))
      bpf_program__set_autoload(current, isWanted)
      if isWanted, let target = LoadRecorder.target(of: current) {
        let code = -bpf_program__set_attach_target(current, 0, target)
        if code != 0 { throw loadError(code) }
      }
      program = bpf_object__next_program(pointer, current)
    }
  }

  func set(_ settings: LoadSettings) throws(IteratorError) {
    var hasConstants = false
    for map in maps {
      let name = mapName(map)
      if let entries = settings.entries(of: name) { bpf_map__set_max_entries(map, entries) }
      if bpf_map__max_entries(map) == 0 { bpf_map__set_autocreate(map, false) }
      var size = 0
      // SAFETY: libbpf gives the start and size of the memory that becomes the map's content.
      guard name == ProgramImage.constantsName,
        let memory = bpf_map__initial_value(map, &size), size == settings.constants.count
      else { continue }
      UnsafeMutableRawPointer(mutating: memory).copyMemory(
        from: settings.constants, byteCount: size)
      hasConstants = true
    }
    guard !hasConstants else { return }
    throw IteratorError(
      iterator: iterator, stage: .open, cause: .failed,
      advice: "the program has no \(ProgramImage.constantsName) of \(settings.constants.count) "
        + "bytes; it was built from another schema")
  }

  func load() throws(IteratorError) {
    let code = -bpf_object__load(pointer)
    if code != 0 { throw loadError(code) }
  }

  /// The loaded programs and all maps, which stay when libbpf's object has gone.
  func duplicates(of programs: [String]) throws(IteratorError) -> KernelObjects {
    var objects = KernelObjects()
    for map in maps where bpf_map__fd(map) >= 0 {
      objects.add(mapName(map), try duplicate(bpf_map__fd(map)))
    }
    for name in programs {
      guard let program = bpf_object__find_program_by_name(pointer, name) else { continue }
      objects.add(name, try duplicate(bpf_program__fd(program)))
    }
    return objects
  }

  private func duplicate(_ descriptor: Int32) throws(IteratorError) -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    if copy < 0 { throw loadError(errno) }
    return copy
  }

  /// What was loaded, with maps by number; nil if an image cannot hold it.
  func image(of programs: [RecordedProgram]) -> ProgramImage? {
    var image = ProgramImage()
    var size: UInt32 = 0
    // SAFETY: libbpf gives the start and size of the types, which live as long as the object.
    guard let types = bpf_object__btf(pointer), let bytes = btf__raw_data(types, &size) else {
      return nil
    }
    image.types = Array(UnsafeRawBufferPointer(start: bytes, count: Int(size)))
    let maps = maps
    image.maps = maps.map { describe($0) }
    for recorded in programs {
      guard recorded.isWhole else { return nil }
      var program = recorded.program
      let isWhole = program.instructions.withUnsafeMutableBytes { instructions in
        Instructions.replace(in: instructions) { descriptor in
          maps.firstIndex { bpf_map__fd($0) == descriptor }.map { Int32($0) }
        }
      }
      guard isWhole else { return nil }
      image.programs.append(program)
    }
    return image
  }

  private func describe(_ map: OpaquePointer) -> ProgramImage.Map {
    let name = mapName(map)
    var size = 0
    var content: [UInt8] = []
    // SAFETY: libbpf gives the start and size of the map's content.
    if name != ProgramImage.constantsName, let memory = bpf_map__initial_value(map, &size) {
      content = Array(UnsafeRawBufferPointer(start: memory, count: size))
    }
    return ProgramImage.Map(
      name: name, type: bpf_map__type(map).rawValue, keySize: bpf_map__key_size(map),
      valueSize: bpf_map__value_size(map), entries: bpf_map__max_entries(map),
      flags: bpf_map__map_flags(map), content: content)
  }

  private var maps: [OpaquePointer] {
    var maps: [OpaquePointer] = []
    while let next = bpf_object__next_map(pointer, maps.last) { maps.append(next) }
    return maps
  }

  /// The name that the kernel gets. libbpf puts the object's before that of a section.
  private func mapName(_ map: OpaquePointer) -> String {
    let name = String(cString: bpf_map__name(map))
    return name.hasSuffix(ProgramImage.constantsName)
      ? ProgramImage.constantsName : String(name.prefix(15))
  }

  private func loadError(_ code: Int32) -> IteratorError {
    var error = IteratorError.loading(iterator, code, log: LibbpfLog.take())
    if isOutside {
      error.advice =
        error.cause == .notPermitted
        ? permissionAdvice(canBePinned: false) : outsideAdvice(error)
    }
    return error
  }

  /// For the program's author: the end of what was said of it.
  private func outsideAdvice(_ error: IteratorError) -> String {
    let lines = LibbpfLog.lastLines(of: error.log)
    if lines.isEmpty { return error.advice }
    return (["the end of what was said of it (--verbose shows all):"] + lines)
      .joined(separator: "\n  ")
  }
}

extension IteratorError {
  /// Why libbpf or the kernel refused to load a program.
  fileprivate static func loading(_ iterator: String, _ code: Int32, log: String) -> IteratorError {
    switch code {
    // To root, EACCES is the verifier's refusal. Under lockdown helpers are missing: EINVAL.
    case _ where code == EPERM || (code == EACCES && geteuid() != 0) || isLockedDown():
      return IteratorError(
        iterator: iterator, stage: .load, cause: .notPermitted, code: code,
        advice: permissionAdvice(), log: log)
    case _ where descriptorLimit < descriptorsNeeded:
      // libbpf asks the kernel what it can do, and takes EMFILE for a no.
      return IteratorError(
        iterator: iterator, stage: .load, cause: .failed, code: EMFILE,
        advice: "this process may have \(descriptorLimit) only; ulimit -n \(descriptorsNeeded)",
        log: log)
    case ENOMEM, EMFILE, ENFILE, EAGAIN, EINTR, EIO:
      return IteratorError(
        iterator: iterator, stage: .load, cause: .failed, code: code,
        advice: "try again; ulimit -a shows what this process may have", log: log)
    case ESRCH where log.contains("failed to find valid kernel BTF") && hasTypes:
      return IteratorError(
        iterator: iterator, stage: .load, cause: .failed,
        advice:
          "\(KernelSupport.typesPath) cannot be read; is there too little memory (ulimit -v)?",
        log: log)
    case ESRCH, ENOENT:
      return IteratorError(
        iterator: iterator, stage: .load, cause: .unsupported, code: code,
        advice: hasTypes
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

/// Does the kernel show its types?
private var hasTypes: Bool { access(KernelSupport.typesPath, R_OK) == 0 }

/// More than a table's maps and programs, twice: libbpf's and ours.
private let descriptorsNeeded: UInt = 64

/// How many descriptors this process may have.
private var descriptorLimit: UInt {
  var limit = rlimit()
  // SAFETY: the call fills the structure that it is given.
  return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit.rlim_cur : .max
}
