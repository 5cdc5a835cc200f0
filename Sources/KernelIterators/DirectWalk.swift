import CLibbpf
import Glibc

/// How much memory a program that walks by itself is given (bpf/direct.h).
public struct DirectMemorySize: Sendable {
  /// Pieces of mapped memory for records.
  public var chunks: UInt32
  /// Pieces of the list of tasks.
  public var lists: UInt32

  /// Tasks in a piece of the list.
  static let tasksInList = 1024

  /// Bytes of a chunk (`struct kiter_chunk`), of which the first eight say how many are in use.
  static let chunkSize = 128 << 10
  /// Bytes of a chunk that are surely used before the next one is begun.
  private static let chunkRoom = chunkSize - 8 - 0x7e00

  /// For a walk in parts: room for some more tasks than there are now.
  public init(tasks: Int) {
    chunks = UInt32(DirectWalk.readers * DirectWalk.chunksOfReader)
    lists = UInt32((tasks + tasks / 4) / Self.tasksInList + 1)
  }

  /// For a walk in one run, which needs about so many bytes.
  public init(bytes: Int) {
    chunks = UInt32(bytes / Self.chunkRoom + 1)
    lists = 1
  }

  /// For a walk in one run that would have filled so many chunks: some more, for there may be more
  /// tasks by then.
  init(filled chunks: Int) {
    self.chunks = UInt32(chunks + chunks / 4 + 1)
    lists = 1
  }
}

/// Walks with a program that goes through the tasks by itself (`SEC("syscall")`, bpf/direct.h), and
/// shows what it has written into memory that is mapped here.
///
/// Either all in one run, or in parts: then the first run lists the tasks, and several readers at once
/// may each store parts of the list, with a scratch slot and chunks of their own. Programs and memory
/// stay for the next walk: making the memory costs more than a walk.
public final class DirectWalk {
  private let program: String
  private let iterator: String
  private let load: (DirectMemorySize) throws(IteratorError) -> LoadedPrograms
  private let onStall: (@Sendable (StallPlace) -> Void)?
  private var memory: DirectMemory
  private var watch: StallWatch?

  /// How many readers there may be.
  public static let readers = 2
  /// How many chunks each has.
  public static let chunksOfReader = 3

  /// Loads the program.
  ///
  /// - Parameters:
  ///   - program: the C function.
  ///   - iterator: the table's name, for errors.
  ///   - size: a guess. A wrong one costs another load.
  ///   - onStall: called from another thread when a run takes more than 2 seconds.
  ///   - load: loads the program with so much memory; is called again when it is too little.
  /// - Throws: what `load` throws, and `IteratorError` if the memory cannot be mapped.
  public init(
    _ program: String, iterator: String, size: DirectMemorySize,
    onStall: (@Sendable (StallPlace) -> Void)? = nil,
    load: @escaping (DirectMemorySize) throws(IteratorError) -> LoadedPrograms
  ) throws(IteratorError) {
    self.program = program
    self.iterator = iterator
    self.load = load
    self.onStall = onStall
    memory = try DirectMemory(load(size), iterator: iterator)
    watchReaders()
  }

  private func watchReaders() {
    watch = onStall.flatMap { memory.programs.watch(readers: Self.readers, $0) }
  }

  /// Lists the tasks of the reader's pid namespace in the order of an iterator. No reader may be
  /// storing what an earlier list has.
  ///
  /// - Returns: how many they are.
  /// - Throws: `IteratorError`.
  public func list() throws(IteratorError) -> Int {
    while true {
      let count = Int(try memory.run(program, DirectRun()).end)
      if count <= memory.tasks {
        memory.sortTasks(count)
        return count
      }
      try enlarge(DirectMemorySize(tasks: count))
    }
  }

  private func enlarge(_ size: DirectMemorySize) throws(IteratorError) {
    memory = try DirectMemory(load(size), iterator: iterator)
    watchReaders()
  }

  /// Stores all tasks in one run, as they began.
  ///
  /// - Returns: how many chunks have records.
  /// - Throws: `IteratorError`; one with cause `stuck` as the other.
  public func storeAll() throws(IteratorError) -> Int {
    let start = clockTime(CLOCK_MONOTONIC)
    while true {
      let result = try memory.run(program, DirectRun())
      let filled = Int(result.chunk) + 1
      if filled > memory.chunkCount {
        try enlarge(DirectMemorySize(filled: filled))
      } else if result.torn == 0 {
        return filled
      } else if clockTime(CLOCK_MONOTONIC) - start >= walkPatience {
        throw stuck()
      }
    }
  }

  /// The records in a chunk that the latest run has filled: whole ones, in a row, which stay until the
  /// next run.
  public func records(in chunk: Int) -> UnsafeRawBufferPointer { memory.records(in: chunk) }

  /// Stores the records of tasks in a chunk, as many as there is room for.
  ///
  /// - Parameters:
  ///   - part: which of the list.
  ///   - chunk: which of the reader's.
  ///   - reader: which one this is.
  /// - Returns: the first task that is not stored, and the records: whole ones, in a row, which stay
  ///   until the chunk is used again. The first part begins with the preamble.
  /// - Throws: `IteratorError`; one with cause `stuck` if a task changes whenever it is looked at, for
  ///   10 seconds.
  public func store(_ part: Range<Int>, chunk: Int, reader: Int) throws(IteratorError)
    -> (next: Int, records: UnsafeRawBufferPointer)
  {
    let clock = watch?.clocks[reader]
    let start = clockTime(CLOCK_MONOTONIC)
    let number = reader * Self.chunksOfReader + chunk
    while true {
      clock?.readBegins()
      defer { clock?.readEnds() }
      let result = try memory.run(
        program,
        DirectRun(
          first: UInt32(part.lowerBound), end: UInt32(part.upperBound), chunk: UInt32(number),
          slot: UInt32(reader)))
      let next = Int(result.first)
      if next > part.lowerBound || part.isEmpty { return (next, memory.records(in: number)) }
      if clockTime(CLOCK_MONOTONIC) - start >= walkPatience { throw stuck() }
      sched_yield()
    }
  }

  private func stuck() -> IteratorError {
    IteratorError(
      iterator: iterator, stage: .read, cause: .stuck,
      advice: "a task changed each time it was looked at for 10 seconds; try again")
  }
}

/// `struct kiter_run`: what a run is to do, and has done.
private struct DirectRun {
  var task: UInt64 = 0
  var tid: UInt32 = 0
  var order: UInt32 = 0
  var first: UInt32 = 0
  var end: UInt32 = 0
  var chunk: UInt32 = 0
  var slot: UInt32 = 0
  var torn: UInt32 = 0
  var at: UInt32 = 0
}

/// A program and the memory that it shares with this process.
private struct DirectMemory: ~Copyable {
  let programs: LoadedPrograms
  private let iterator: String
  private let chunks: MappedMap
  /// Only of a program that walks in parts.
  private let lists: MappedMap

  init(_ programs: consuming LoadedPrograms, iterator: String) throws(IteratorError) {
    let chunks = try MappedMap(programs.descriptor(of: "kiter_chunks"), PROT_READ, iterator)
    let lists = try MappedMap(
      programs.descriptor(of: "kiter_lists"), PROT_READ | PROT_WRITE, iterator)
    self.iterator = iterator
    self.chunks = chunks
    self.lists = lists
    self.programs = programs
  }

  /// How many there is room for.
  var tasks: Int { lists.bytes.count / 8 }
  var chunkCount: Int { chunks.bytes.count / DirectMemorySize.chunkSize }

  /// Puts the listed tasks into the order of their numbers, as an iterator has them: the kernel lists
  /// them as they began.
  borrowing func sortTasks(_ count: Int) {
    var tasks = UnsafeMutableBufferPointer(
      rebasing: lists.bytes.bindMemory(to: UInt64.self)[..<count])
    for index in tasks.indices.dropFirst() where tasks[index] < tasks[index - 1] {
      tasks.sort()
      return
    }
  }

  borrowing func run(_ program: String, _ run: DirectRun) throws(IteratorError) -> DirectRun {
    var run = run
    let size = UInt32(MemoryLayout<DirectRun>.size)
    // SAFETY: the program writes to the structure only, which has the size that it says.
    let code = kiter_program_run(programs.descriptor(of: program) ?? -1, &run, size)
    guard code == 0 else {
      throw IteratorError(
        iterator: iterator, stage: .read, cause: .failed, code: code < 0 ? -code : EBUSY)
    }
    return run
  }

  /// The used bytes of a chunk.
  borrowing func records(in chunk: Int) -> UnsafeRawBufferPointer {
    let size = DirectMemorySize.chunkSize
    let bytes = UnsafeRawBufferPointer(
      rebasing: chunks.bytes[chunk * size..<(chunk + 1) * size])
    // SAFETY: a chunk begins with how many bytes behind that are used.
    let used = bytes.load(as: UInt64.self)
    return UnsafeRawBufferPointer(rebasing: bytes[8..<8 + min(Int(used), size - 8)])
  }
}

/// A map whose elements this process sees as memory; nothing, if there is no map.
private struct MappedMap: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  init(_ map: Int32?, _ protection: Int32, _ iterator: String) throws(IteratorError) {
    guard let map else {
      bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      return
    }
    var info = bpf_map_info()
    var infoSize = UInt32(MemoryLayout<bpf_map_info>.size)
    // SAFETY: the kernel writes at most `infoSize` bytes.
    let code = bpf_obj_get_info_by_fd(map, &info, &infoSize)
    let size = code == 0 ? Int(info.max_entries) * Int(info.value_size) : 0
    // SAFETY: a new mapping; nothing else knows of it, and it goes with this object.
    let start = mmap(nil, size, protection, MAP_SHARED | MAP_POPULATE, map, 0)
    guard let start, start != MAP_FAILED else {
      throw IteratorError(iterator: iterator, stage: .start, cause: .failed, code: errno)
    }
    bytes = UnsafeMutableRawBufferPointer(start: start, count: size)
  }

  deinit {
    // SAFETY: what was mapped in init; views of it are used no longer than it.
    if let start = bytes.baseAddress { munmap(start, bytes.count) }
  }
}
