import CLibbpf
import Glibc

/// Walks with a program that goes through the objects by itself (`SEC("syscall")`, bpf/direct.h),
/// and shows what it has written into memory that is mapped here. Or with an iterator that writes
/// there instead of into its file: it keeps what it says of the walk in a map, `kiter_walks`.
///
/// Programs and memory stay for the next run: making the memory costs more than a walk.
public struct DirectWalk: ~Copyable {
  private let program: String
  private let iterator: String
  private let scopes: [IteratorScope]
  private let load: (UInt32) throws(IteratorError) -> LoadedPrograms
  private var memory: DirectMemory
  /// Chunks that the latest run has filled.
  private var filled = 0
  /// How many records the latest run has stored.
  public private(set) var records = 0

  /// Bytes of a chunk (`struct kiter_chunk`), of which the first eight say how many are in use.
  static let chunkSize = 128 << 10
  /// Bytes of a chunk that are surely used before the next one is begun.
  static let chunkRoom = chunkSize - 8 - 0x3000

  /// Loads the program.
  ///
  /// - Parameters:
  ///   - program: the C function.
  ///   - iterator: the table's name, for errors.
  ///   - scopes: what an iterator walks over, one after another.
  ///   - size: about how many bytes there will be. A wrong guess costs another load and run.
  ///   - load: loads the program with so many chunks; is called again when they are too few.
  /// - Throws: what `load` throws, and `IteratorError` if the memory cannot be mapped.
  public init(
    _ program: String, iterator: String, scopes: [IteratorScope] = [], size: Int,
    load: @escaping (UInt32) throws(IteratorError) -> LoadedPrograms
  ) throws(IteratorError) {
    self.program = program
    self.iterator = iterator
    self.scopes = scopes
    self.load = load
    memory = try DirectMemory(load(UInt32(size / Self.chunkRoom + 1)), iterator: iterator)
  }

  /// Walks once. What an earlier run has left is gone then.
  ///
  /// - Throws: `IteratorError`; one with cause `stuck` if an object changes whenever it is looked
  ///   at, for 10 seconds.
  public mutating func run() throws(IteratorError) {
    let start = clockTime(CLOCK_MONOTONIC)
    filled = 0
    while true {
      let result = try memory.run(program, scopes)
      let needed = Int(result.chunk) + 1
      if result.tooLong > 0 { throw tooLong(result.tooLong) }
      if needed > memory.chunks {
        // Some more: there may be more of them by then.
        memory = try DirectMemory(load(UInt32(needed + needed / 4 + 1)), iterator: iterator)
      } else if result.torn == 0 {
        filled = needed
        records = Int(result.records)
        return
      } else if clockTime(CLOCK_MONOTONIC) - start >= walkPatience {
        throw stuck()
      }
    }
  }

  /// Shows each piece of memory that the latest run has filled: whole records, in a row. The bytes
  /// are valid during the call.
  public borrowing func forEachPiece<Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    for index in 0..<filled { try body(memory.chunk(index)) }
  }

  private func tooLong(_ count: UInt32) -> IteratorError {
    IteratorError(
      iterator: iterator, stage: .read, cause: .incomplete,
      advice: "\(count) records are longer than 12 KiB; use --engine seq")
  }

  private func stuck() -> IteratorError {
    IteratorError(
      iterator: iterator, stage: .read, cause: .stuck,
      advice: "an object changed each time it was looked at for 10 seconds; try again")
  }
}

/// A program and the memory that it writes to.
private struct DirectMemory: ~Copyable {
  private let programs: LoadedPrograms
  private let iterator: String
  private let mapped: UnsafeRawBufferPointer
  let chunks: Int

  /// `struct kiter_walk`: what a run says of itself.
  struct Result {
    var object: UInt64 = 0
    var at: UInt64 = 0
    var chunk: UInt32 = 0
    var records: UInt32 = 0
    var torn: UInt32 = 0
    var tooLong: UInt32 = 0
  }

  init(_ programs: consuming LoadedPrograms, iterator: String) throws(IteratorError) {
    self.iterator = iterator
    let map = programs.descriptor(of: "kiter_chunks") ?? -1
    chunks = Int(mapEntries(map))
    let size = chunks * DirectWalk.chunkSize
    // SAFETY: a new mapping; nothing else knows of it, and it goes with this object.
    let start = mmap(nil, size, PROT_READ, MAP_SHARED | MAP_POPULATE, map, 0)
    let code = errno
    self.programs = programs
    guard let start, start != MAP_FAILED else {
      mapped = UnsafeRawBufferPointer(start: nil, count: 0)
      throw IteratorError(iterator: iterator, stage: .start, cause: .failed, code: code)
    }
    mapped = UnsafeRawBufferPointer(start: start, count: size)
  }

  deinit {
    // SAFETY: what was mapped in init; views of it live no longer than a call.
    if mapped.count > 0 {
      munmap(UnsafeMutableRawPointer(mutating: mapped.baseAddress), mapped.count)
    }
  }

  borrowing func run(_ program: String, _ scopes: [IteratorScope]) throws(IteratorError)
    -> Result
  {
    var result = Result()
    if let walks = programs.descriptor(of: "kiter_walks") {
      return try iterate(program, scopes, walks)
    }
    let size = UInt32(MemoryLayout<Result>.size)
    // SAFETY: the program writes to the structure only, which has the size that it says.
    let code = kiter_program_run(programs.descriptor(of: program) ?? -1, &result, size)
    guard code == 0 else {
      throw IteratorError(
        iterator: iterator, stage: .read, cause: .failed, code: code < 0 ? -code : EBUSY)
    }
    return result
  }

  /// Walks with an iterator, which writes nothing to its file; `walks` is the map with its result.
  private borrowing func iterate(_ program: String, _ scopes: [IteratorScope], _ walks: Int32)
    throws(IteratorError) -> Result
  {
    var (first, result) = (UInt32(0), Result())
    // SAFETY: the key and the value have the sizes that the map says, here and below.
    guard bpf_map_update_elem(walks, &first, &result, 0) == 0 else { throw failed() }
    let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { byte.deallocate() }
    for scope in scopes {
      var reader = try programs.attach(program, scope: scope).open()
      // The walk happens in the read, which finds the end at once.
      _ = try reader.read(into: byte)
    }
    guard bpf_map_lookup_elem(walks, &first, &result) == 0 else { throw failed() }
    return result
  }

  private borrowing func failed() -> IteratorError {
    IteratorError(iterator: iterator, stage: .read, cause: .failed, code: errno)
  }

  /// The used bytes of a chunk.
  borrowing func chunk(_ index: Int) -> UnsafeRawBufferPointer {
    let start = index * DirectWalk.chunkSize
    // SAFETY: `index` is one of `chunks`.
    let used = mapped.load(fromByteOffset: start, as: UInt64.self)
    let room = DirectWalk.chunkSize - 8
    return UnsafeRawBufferPointer(rebasing: mapped[start + 8..<start + 8 + min(Int(used), room)])
  }
}

/// Elements that a map has room for; 0 if it is none.
private func mapEntries(_ map: Int32) -> UInt32 {
  var info = bpf_map_info()
  var size = UInt32(MemoryLayout<bpf_map_info>.size)
  // SAFETY: the kernel writes at most `size` bytes.
  return bpf_obj_get_info_by_fd(map, &info, &size) == 0 ? info.max_entries : 0
}
