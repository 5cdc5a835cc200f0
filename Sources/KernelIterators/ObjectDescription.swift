import CLibbpf

/// What a BPF object file says of itself; nothing of it is loaded.
public struct ObjectDescription: Sendable {
  /// A C function in a section of its own.
  public struct Program: Sendable, Equatable {
    /// The function's name.
    public let name: String
    /// What libbpf takes it for: `iter/task`, `iter.s/task`, `syscall`.
    public let section: String

    /// The iterator that it is a program of; nil if of none.
    public var target: String? {
      let parts = section.split(separator: "/", maxSplits: 1)
      return parts.count == 2 && ["iter", "iter.s"].contains(parts[0]) ? String(parts[1]) : nil
    }
  }

  /// A member of a struct.
  public struct Member: Sendable, Equatable {
    /// The name in C.
    public let name: String
    /// The type as C has it, by its outermost name: `u32`, `struct kiter_text`; empty if it has none.
    public let type: String
    /// Bytes from the struct's start.
    public let offset: Int
    /// Bytes of its own.
    public let size: Int
  }

  /// The programs, in the file's order.
  public let programs: [Program]
  private let structures: [String: [Member]]

  /// The members of a struct by its name; nil if the object's types (BTF) do not have it.
  public func members(of structure: String) -> [Member]? { structures[structure] }

  /// Reads an object file, and the structs of these names from its types.
  ///
  /// - Throws: `IteratorError` if libbpf cannot make sense of the file.
  public init(_ object: ProgramObject, structures names: [String]) throws(IteratorError) {
    LibbpfLog.capture()
    // SAFETY: libbpf copies the image; the pointer is used during the call only.
    let opened = object.bytes.withUnsafeBytes {
      kiter_object_open($0.baseAddress, $0.count, object.name, nil)
    }
    guard let opened else {
      throw IteratorError(
        iterator: object.name, stage: .open, cause: .failed,
        advice: "it is no BPF object file; compile it with clang -target bpf -O2 -g -c",
        log: LibbpfLog.take())
    }
    defer { bpf_object__close(opened) }
    var programs: [Program] = []
    var program = bpf_object__next_program(opened, nil)
    while let current = program {
      programs.append(
        Program(
          name: String(cString: bpf_program__name(current)),
          section: String(cString: bpf_program__section_name(current))))
      program = bpf_object__next_program(opened, current)
    }
    self.programs = programs
    var structures: [String: [Member]] = [:]
    if let types = bpf_object__btf(opened) {
      for name in names { structures[name] = memberList(of: name, in: types) }
    }
    self.structures = structures
  }
}

private func memberList(of structure: String, in types: OpaquePointer)
  -> [ObjectDescription.Member]?
{
  let id = kiter_btf_find_struct(types, structure)
  guard id > 0, let type = btf__type_by_id(types, UInt32(id)) else { return nil }
  return (0..<kiter_btf_member_count(type)).map { index in
    let member = kiter_btf_member(type, index)
    return ObjectDescription.Member(
      name: text(types, member.name), type: typeName(types, member.type),
      offset: Int(member.bit_offset / 8), size: Int(btf__resolve_size(types, member.type)))
  }
}

/// A type's outermost name, with the word that C puts before it; empty if it has none.
private func typeName(_ types: OpaquePointer, _ id: UInt32) -> String {
  // SAFETY: ids of members are valid in the types that they are from.
  guard let type = btf__type_by_id(types, id) else { return "" }
  let name = text(types, type.pointee.name_off)
  return kiter_btf_is_struct(type) != 0 ? "struct \(name)" : name
}

private func text(_ types: OpaquePointer, _ offset: UInt32) -> String {
  btf__name_by_offset(types, offset).map { String(cString: $0) } ?? ""
}
