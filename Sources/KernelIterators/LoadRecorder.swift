import CLibbpf

/// A program as libbpf was about to load it.
struct RecordedProgram {
  /// Its instructions have descriptors of maps.
  var program: ProgramImage.Program
  /// Needs it nothing from kernel modules?
  var isWhole: Bool
}

/// Listens to libbpf: sees each program at the moment before it is loaded, relocated and complete.
final class LoadRecorder {
  private(set) var programs: [RecordedProgram] = []
  private var handlers: [Int32] = []

  /// A handler that stays: libbpf 1.1 uses freed memory once its last one has gone (it takes what
  /// realloc(3) to no bytes returns for a failure).
  private static let lasting = kiter_handler_register("kiter", 0, nil, nil)

  /// Listens from now on. libbpf keeps its handlers for the whole process, so `end()` follows soon.
  func begin() {
    _ = Self.lasting
    // SAFETY: the handlers are gone before this object is: `end()` is called in the same function.
    let cookie = Unmanaged.passUnretained(self).toOpaque()
    for section in ["iter/", "iter.s/", "syscall"] {
      let prepare: libbpf_prog_prepare_load_fn_t = { program, options, cookie in
        guard let program, let options else { return 0 }
        // SAFETY: the cookie is what `begin()` gave.
        let recorder = UnsafeMutableRawPointer(bitPattern: cookie).map {
          Unmanaged<LoadRecorder>.fromOpaque($0).takeUnretainedValue()
        }
        // SAFETY: libbpf's structure lives during the call, and may be changed.
        recorder?.record(program, &options.pointee)
        return 0
      }
      let isIterator: Int32 = section == "syscall" ? 0 : 1
      handlers.append(kiter_handler_register(section, isIterator, prepare, cookie))
    }
  }

  /// Listens no longer.
  func end() {
    for handler in handlers { libbpf_unregister_prog_handler(handler) }
    handlers.removeAll()
  }

  /// What an iterator program is attached to; nil for a program that is not attached.
  static func target(of program: OpaquePointer) -> String? {
    let section = String(cString: bpf_program__section_name(program))
    guard let slash = section.firstIndex(of: "/") else { return nil }
    return String(section[section.index(after: slash)...])
  }

  /// Does what libbpf's own handler would have done, and copies the program.
  private func record(_ program: OpaquePointer, _ options: inout bpf_prog_load_opts) {
    let section = String(cString: bpf_program__section_name(program))
    if section.hasPrefix("iter.s/") || section == "syscall" {
      options.prog_flags |= UInt32(BPF_F_SLEEPABLE)
    }
    // SAFETY: libbpf gives pointers and counts of what it is about to load.
    let code = UnsafeRawBufferPointer(
      start: bpf_program__insns(program),
      count: bpf_program__insn_cnt(program) * Instructions.size)
    // SAFETY: as above.
    let functions = UnsafeRawBufferPointer(
      start: options.func_info, count: Int(options.func_info_cnt * options.func_info_rec_size))
    let instructions = Array(code)
    programs.append(
      RecordedProgram(
        program: ProgramImage.Program(
          name: String(cString: bpf_program__name(program)),
          type: bpf_program__type(program).rawValue,
          attachType: options.expected_attach_type.rawValue, attachID: options.attach_btf_id,
          flags: options.prog_flags, instructions: instructions, functions: Array(functions),
          functionSize: max(1, options.func_info_rec_size)),
        isWhole: options.attach_btf_obj_fd == 0 && !Instructions.callsModules(instructions)))
  }
}
