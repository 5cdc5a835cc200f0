public import KernelIterators
public import RecordSchema

/// The running kernel as a source that can be read again and again: its programs are loaded once.
///
/// A class, so that it stays when a stream over it has ended.
public final class RepeatedSource: RecordSource {
  private var source: KernelSource

  /// Loads what the request needs.
  ///
  /// - Parameters:
  ///   - files: the table's program.
  ///   - request: what to read.
  ///   - onStall: called from another thread when a read takes more than 2 seconds.
  /// - Throws: `IteratorError`.
  public init(
    _ files: EmbeddedFiles, _ request: TableRequest,
    onStall: (@Sendable (StallPlace) -> Void)? = nil
  ) throws(IteratorError) {
    source = try KernelSource(files, request, isRepeated: true, onStall: onStall)
  }

  /// Begins again: what is read then is the kernel as it is then.
  public func restart() { source.restart() }

  /// Reads the next bytes; 0 at the end.
  ///
  /// - Throws: `IteratorError`.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try source.read(into: buffer)
  }
}
