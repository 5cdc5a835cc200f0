import CLibbpf
import Glibc

/// Walks with an iterator that stores records in memory instead of its file (bpf/stored.h), because
/// the kernel gives no more than one buffer of such a file.
///
/// The program stays for the next walk.
public struct StoredWalk: ~Copyable {
  private let program: String
  private let iterator: String
  private let scopes: [IteratorScope]
  private let load: (DirectMemorySize) throws(IteratorError) -> LoadedPrograms
  private var chunks: Int
  private var programs: LoadedPrograms
  /// What the latest walk stored; nil if the next read is to walk.
  private var records: [UInt8]?
  private var position = 0

  /// Loads the program.
  ///
  /// - Parameters:
  ///   - program: the C function.
  ///   - iterator: the table's name, for errors.
  ///   - scopes: what it walks over, one after another.
  ///   - size: about how many bytes there will be. A wrong guess costs another load and walk.
  ///   - load: loads the program with so much memory; is called again when it is too little.
  /// - Throws: what `load` throws.
  public init(
    _ program: String, iterator: String, scopes: [IteratorScope], size: Int,
    load: @escaping (DirectMemorySize) throws(IteratorError) -> LoadedPrograms
  ) throws(IteratorError) {
    self.program = program
    self.iterator = iterator
    self.scopes = scopes
    self.load = load
    let memory = DirectMemorySize(bytes: size)
    chunks = Int(memory.chunks)
    programs = try load(memory)
  }

  /// Makes the next read walk anew.
  public mutating func restart() { records = nil }

  /// Walks at the first call, and gives the next bytes; 0 at the end.
  ///
  /// - Throws: `IteratorError`.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int
  {
    if records == nil {
      records = try walk()
      position = 0
    }
    let part = (records ?? []).dropFirst(position).prefix(buffer.count)
    buffer.copyBytes(from: part)
    position += part.count
    return part.count
  }

  private mutating func walk() throws(IteratorError) -> [UInt8] {
    var tries = 0
    while true {
      guard let needed = try run() else {
        tries += 1
        if tries < mostTries { continue }
        throw IteratorError(
          iterator: iterator, stage: .read, cause: .stuck, code: EAGAIN,
          advice:
            "what it shows changed so often that the kernel began again and again; try again, "
            + "or take rows twice and miss some with --engine seq")
      }
      if needed <= chunks { return try stored(needed) }
      let memory = DirectMemorySize(filled: needed)
      chunks = Int(memory.chunks)
      programs = try load(memory)
    }
  }

  /// Walks, and says how many chunks that takes; nil if so much changed meanwhile that the kernel left
  /// objects out.
  private borrowing func run() throws(IteratorError) -> Int? {
    let walks = programs.descriptor(of: "kiter_walks") ?? -1
    var first: UInt32 = 0
    var walk = StoredPlace()
    // SAFETY: the key and the value have the sizes that the map says, here and below.
    guard bpf_map_update_elem(walks, &first, &walk, 0) == 0 else { throw failed() }
    let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { byte.deallocate() }
    for scope in scopes {
      var reader = try programs.attach(program, scope: scope).open()
      // The walk happens in the read, which finds the end at once.
      _ = try reader.read(into: byte)
    }
    guard bpf_map_lookup_elem(walks, &first, &walk) == 0 else { throw failed() }
    return walk.isTorn == 0 ? Int(walk.chunk) + 1 : nil
  }

  /// The records of the first `count` chunks.
  private borrowing func stored(_ count: Int) throws(IteratorError) -> [UInt8] {
    let map = programs.descriptor(of: "kiter_chunks") ?? -1
    let chunk = UnsafeMutableRawBufferPointer.allocate(
      byteCount: DirectMemorySize.chunkSize, alignment: 8)
    defer { chunk.deallocate() }
    var records: [UInt8] = []
    for index in 0..<count {
      var key = UInt32(index)
      // SAFETY: the map's values are as large as the buffer.
      guard bpf_map_lookup_elem(map, &key, chunk.baseAddress) == 0 else { throw failed() }
      let used = Int(clamping: chunk.load(as: UInt64.self))
      records.append(contentsOf: chunk.dropFirst(8).prefix(used))
    }
    return records
  }

  private borrowing func failed() -> IteratorError {
    IteratorError(iterator: iterator, stage: .read, cause: .failed, code: errno)
  }
}

/// How often a walk is begun anew that was disturbed.
private let mostTries = 10

/// `struct kiter_walk`.
private struct StoredPlace {
  var chunk: UInt32 = 0
  var at: UInt32 = 0
  var partChunk: UInt32 = 0
  var partAt: UInt32 = 0
  var part: UInt64 = 0
  var version: UInt64 = 0
  var hasReturned: UInt32 = 0
  var isTorn: UInt32 = 0
}
