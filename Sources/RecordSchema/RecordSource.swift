/// Where a stream of records comes from: the kernel, a pin, a file, a test.
///
/// The bytes are preambles and records in a row. They may end anywhere: whoever reads them carries
/// the unfinished record over.
public protocol RecordSource: ~Copyable {
  /// Why it can fail.
  associatedtype Failure: Error

  /// Reads the next bytes.
  ///
  /// - Returns: how many were stored; 0 at the end.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int
}
