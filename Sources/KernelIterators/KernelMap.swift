import CLibbpf
import Glibc

/// A BPF map of the running kernel, opened by its number.
public struct KernelMap: ~Copyable {
  /// Opens the map.
  let descriptor: Descriptor
  private let information: bpf_map_info

  /// Opens a map (`BPF_MAP_GET_FD_BY_ID`, which needs CAP_SYS_ADMIN).
  ///
  /// - Returns: nil if there is none of that number.
  /// - Throws: `IteratorError` if it cannot be opened.
  public init?(_ number: UInt32, iterator: String) throws(IteratorError) {
    let opened = bpf_map_get_fd_by_id(number)
    guard opened >= 0 else {
      if -opened == ENOENT { return nil }
      throw Self.error(iterator, -opened)
    }
    let descriptor = Descriptor(opened)
    var information = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    // SAFETY: the kernel is told the size of the structure, and fills no more.
    let result = bpf_obj_get_info_by_fd(descriptor.number, &information, &size)
    guard result == 0 else {
      throw IteratorError(iterator: iterator, stage: .attach, cause: .failed, code: -result)
    }
    self.descriptor = descriptor
    self.information = information
  }

  /// Is there a map of that number, as far as is known?
  public static func exists(_ number: UInt32) -> Bool {
    let descriptor = bpf_map_get_fd_by_id(number)
    if descriptor >= 0 { close(descriptor) }
    return descriptor != -ENOENT
  }

  /// The numbers of all maps that there are now (needs CAP_SYS_ADMIN).
  ///
  /// - Throws: `IteratorError`.
  public static func numbers(iterator: String) throws(IteratorError) -> [UInt32] {
    var numbers: [UInt32] = []
    var next: UInt32 = 0
    while true {
      let code = -bpf_map_get_next_id(next, &next)
      if code == ENOENT { return numbers }
      if code != 0 { throw error(iterator, code) }
      numbers.append(next)
    }
  }

  private static func error(_ iterator: String, _ code: Int32) -> IteratorError {
    IteratorError(
      iterator: iterator, stage: .attach, cause: code == EPERM ? .notPermitted : .failed,
      code: code,
      advice: "maps are opened by number with CAP_SYS_ADMIN; try root")
  }

  /// What kind of map it is: `lpm_trie`, or a number that libbpf does not know.
  var kind: String {
    let name = libbpf_bpf_map_type_str(bpf_map_type(rawValue: information.type))
    // SAFETY: libbpf's names are constants.
    return name.map { String(cString: $0) } ?? "\(information.type)"
  }

  /// Bytes of one value.
  public var valueSize: Int { Int(information.value_size) }
  /// Has it a value for each processor?
  public var isPerCPU: Bool {
    [BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY]
      .contains { $0.rawValue == information.type }
  }
  /// The number of the key's type in the map's BTF; 0 if it has none.
  public var keyType: Int { Int(information.btf_key_type_id) }
  /// The number of the value's type; 0 if it has none.
  public var valueType: Int { Int(information.btf_value_type_id) }

  /// The map's type information; nil if it has none, or it cannot be read.
  public func types() -> [UInt8]? {
    let opened = bpf_btf_get_fd_by_id(information.btf_id)
    guard information.btf_id != 0, opened >= 0 else { return nil }
    let descriptor = Descriptor(opened)
    // Asked without room, the kernel says how many bytes there are.
    guard let size = Self.readTypes(descriptor.number, into: nil), size < 64 << 20 else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: size)
    let filled = bytes.withUnsafeMutableBytes { Self.readTypes(descriptor.number, into: $0) }
    return filled == size ? bytes : nil
  }

  private static func readTypes(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer?)
    -> Int?
  {
    var information = bpf_btf_info()
    information.btf = UInt64(UInt(bitPattern: buffer?.baseAddress))
    information.btf_size = UInt32(buffer?.count ?? 0)
    var size = UInt32(MemoryLayout<bpf_btf_info>.size)
    // SAFETY: the kernel writes at most btf_size bytes, which the buffer has.
    guard bpf_obj_get_info_by_fd(descriptor, &information, &size) == 0 else { return nil }
    return Int(information.btf_size)
  }
}
