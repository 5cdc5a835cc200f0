public import KernelIterators
public import RecordSchema

/// A table's pins in a folder: a file for each of its programs.
public struct TablePins: Sendable {
  /// Scratch slots of a pin: so many readers run at once, others wait for one to be free.
  static let slots: UInt32 = 8

  /// The table.
  public let schema: Schema
  /// Where its pins are.
  public let folder: PinFolder

  /// Names a table's pins, whether or not they are there.
  public init(_ schema: Schema, in folder: PinFolder) {
    self.schema = schema
    self.folder = folder
  }

  /// The file of a program: the table's name, and behind it the program's if there are several.
  public func file(of program: String) -> String {
    schema.programs.count == 1 ? schema.name : "\(schema.name)-\(program)"
  }

  /// The program whose file has this name; nil if none has.
  public func program(of file: String) -> String? {
    schema.programs.map(\.name).first { self.file(of: $0) == file }
  }

  /// Who may read the first of them that is there.
  var access: PinAccess? {
    schema.programs.lazy.compactMap { folder.permissions(of: file(of: $0.name)) }.first
  }

  /// Is any of the table's programs pinned?
  public var exist: Bool { schema.programs.contains { folder.contains(file(of: $0.name)) } }

  /// Loads all of the table's programs and prepares a pin of each; `commit` of the writer shows
  /// them.
  ///
  /// - Parameters:
  ///   - projection: the columns; a pin's are fixed.
  ///   - files: the table's program.
  ///   - access: who may read them.
  ///   - writer: makes the pins.
  /// - Throws: `IteratorError`.
  public func stage(
    _ projection: Projection, _ files: EmbeddedFiles, _ access: PinAccess,
    in writer: inout PinWriter
  ) throws(IteratorError) {
    let request = TableRequest(projection)
    let programs = try request.load(
      files, request.selectedPrograms.map(\.name), slots: Self.slots)
    for program in schema.programs {
      // Of version 1 a pin cannot have more than one hierarchy.
      let scope: IteratorScope = program.target == "cgroup" ? .cgroups(below: nil) : .all
      let link = try programs.attach(program.name, scope: scope)
      try writer.stage(link, as: file(of: program.name), access)
    }
  }

  /// Starts a walk of one program's pin and reads its beginning.
  ///
  /// - Throws: `IteratorError` if it cannot be opened, is not trusted, or this kiter cannot decode
  ///   it.
  func open(_ program: String) throws(IteratorError) -> PinnedWalk {
    let name = file(of: program)
    let reader = try folder.open(name, iterator: schema.name)
    let walk = try PinnedWalk(reader)
    guard let preamble = walk.preamble else {
      throw refusal(name, "does not begin as records of kiter do")
    }
    guard preamble.layoutHash == RecordLayout(schema).hash else {
      throw refusal(
        name,
        "has records of \"\(preamble.table)\" with another layout: it was made by another "
          + "version of kiter, or for another table")
    }
    return walk
  }

  private func refusal(_ name: String, _ why: String) -> IteratorError {
    IteratorError(
      iterator: schema.name, stage: .openPin, cause: .failed,
      advice: "\(folder.path(of: name)) \(why); make it anew: "
        + folder.command("pin", schema.name))
  }
}

/// A walk of a pin whose beginning has been read, to know what it is.
final class PinnedWalk {
  /// What the stream says of itself; nil if it begins otherwise.
  let preamble: Preamble?
  private var beginning: ArraySlice<UInt8>
  private var reader: IteratorReader<KernelCalls>

  init(_ reader: consuming IteratorReader<KernelCalls>) throws(IteratorError) {
    var bytes = [UInt8](repeating: 0, count: IteratorReader<KernelCalls>.kernelBuffer)
    var failure: IteratorError?
    let count = bytes.withUnsafeMutableBytes { buffer in
      do throws(IteratorError) { return try reader.read(into: buffer) } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    beginning = bytes[..<count]
    preamble = beginning.withUnsafeBytes { Preamble(startOf: $0) }
    self.reader = reader
  }

  /// Reads the next bytes; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int {
    guard !beginning.isEmpty else { return try reader.read(into: buffer) }
    let part = beginning.prefix(buffer.count)
    buffer.copyBytes(from: part)
    beginning = beginning.dropFirst(part.count)
    return part.count
  }
}
