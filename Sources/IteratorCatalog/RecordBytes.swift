public import RecordSchema
import Synchronization

/// Many records in one piece of memory, shared by the typed records over it.
final class RecordStorage: @unchecked Sendable {
  // @unchecked: nothing changes after init, but for the evaluation, which is used under its lock.
  fileprivate let bytes: [UInt8]
  fileprivate let preamble: Preamble
  fileprivate let partialOffset: Int
  private let schema: Schema
  private let host: HostFacts
  private var evaluation: Evaluation?
  private let lock = Mutex(())

  init(
    _ bytes: [UInt8], preamble: Preamble?, schema: Schema, layout: RecordLayout, host: HostFacts
  ) {
    self.bytes = bytes
    self.preamble =
      preamble
      ?? Preamble(
        layoutHash: layout.hash, bootTime: 0, table: schema.name, wanted: [], lacking: [])
    partialOffset = layout.partialOffset
    self.schema = schema
    self.host = host
  }

  /// Uses what evaluates columns, one caller at a time. Most records are never evaluated: it is
  /// made when first used.
  fileprivate func evaluate<T>(_ body: (Evaluation) -> T) -> T {
    lock.withLock { _ in
      let ready = evaluation ?? Evaluation(Projection(allOf: schema), host: host)
      evaluation = ready
      return body(ready)
    }
  }
}

/// All columns of a table, whether or not they were asked for, and their evaluator.
private final class Evaluation {
  let columns: [Projection.Column]
  let evaluator: RecordEvaluator

  init(_ projection: Projection, host: HostFacts) {
    columns = projection.columns
    evaluator = RecordEvaluator(projection, host: host)
  }

  /// The number of the column with that name.
  func column(_ name: String) -> Int? { columns.firstIndex { $0.field.name == name } }
}

/// One record's bytes. Values are read when they are asked for; a value that does not apply, was
/// not asked for or could not be read is nil, and `presence(of:)` tells which.
public struct RecordBytes: Sendable {
  private let storage: RecordStorage
  private let start: Int

  /// The record that begins at `start`.
  init(_ storage: RecordStorage, start: Int) {
    self.storage = storage
    self.start = start
  }

  /// Why a field has a value or has none.
  public enum Presence: Sendable, Equatable {
    /// It has a value.
    case value
    /// It has a value that was cut.
    case cut
    /// It does not apply to this record.
    case notApplicable
    /// It applies but could not be read.
    case unreadable
    /// It was not among the columns.
    case notRequested
    /// This kernel does not have it.
    case unsupported
  }

  /// Why a stored field has a value or has none; of a derived field, its first input's.
  public func presence(of name: String) -> Presence? {
    let slot = storage.evaluate { evaluation in
      evaluation.column(name).flatMap {
        evaluation.columns[$0].slot ?? evaluation.columns[$0].inputs.first
      }
    }
    guard let slot else { return nil }
    if storage.preamble.lacks(slot.bit) { return .unsupported }
    if !storage.preamble.wants(slot.bit) { return .notRequested }
    return withRecord { record in
      switch record.value(slot) {
      case .absent: .notApplicable
      case .unreadable: .unreadable
      default: record.isCut(slot) ? .cut : .value
      }
    }
  }

  /// A number, if its bit says that it is there.
  @inline(__always)
  public func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int, bit: Int) -> T? {
    storage.bytes.withUnsafeBytes { bytes in
      let mask = start + RecordLayout.headerSize + (bit >> 6) * 8
      // SAFETY: the cutter has seen to size and masks.
      let present = bytes.loadUnaligned(fromByteOffset: mask, as: UInt64.self)
      guard present >> UInt64(bit & 63) & 1 == 1, offset + MemoryLayout<T>.size <= size(bytes)
      else {
        return nil
      }
      // SAFETY: just checked.
      return bytes.loadUnaligned(fromByteOffset: start + offset, as: T.self)
    }
  }

  /// A text; bytes that are not UTF-8 become U+FFFD. `rawText` has them as they are.
  public func text(_ slot: RecordLayout.Slot) -> String? {
    withRecord { record in
      guard case .bytes(let bytes) = record.value(slot) else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// A text's own bytes, by the name of its field.
  public func rawText(_ name: String) -> [UInt8]? {
    storage.evaluate { evaluation in
      evaluation.column(name).flatMap { column in
        evaluate(column, evaluation) { value in
          if case .bytes(let bytes) = value { Array(bytes) } else { nil }
        }
      }
    }
  }

  /// An IPv4 or IPv6 address as text.
  public func address(_ slot: RecordLayout.Slot) -> String? {
    withRecord { record in
      guard case .bytes(let bytes) = record.value(slot) else { return nil }
      return IPAddress(bytes)?.description
    }
  }

  /// The numbers of a list.
  public func list<T: BitwiseCopyable>(_ slot: RecordLayout.Slot) -> [T]? {
    withRecord { record in
      guard case .bytes(let bytes) = record.value(slot) else { return nil }
      let size = MemoryLayout<T>.size
      return stride(from: 0, to: bytes.count - bytes.count % size, by: size).map {
        // SAFETY: `size` bytes are left at each offset.
        bytes.loadUnaligned(fromByteOffset: $0, as: T.self)
      }
    }
  }

  /// The name of the value of enum number `column`; "unknown:7" for one that has none.
  public func name(_ column: Int) -> String? {
    storage.evaluate { evaluation in
      let plan = evaluation.evaluator.plans[column]
      guard let number = withRecord({ evaluation.evaluator.number(plan, of: $0) }) else {
        return nil
      }
      var text = "unknown:\(number)"
      _ = evaluation.evaluator.withName(of: number, plan) {
        text = String(decoding: $0, as: UTF8.self)
      }
      return text
    }
  }

  /// The names of the bits of flag set number `column`; bits that have none are one hexadecimal
  /// number at the end.
  public func names(_ column: Int) -> [String]? {
    storage.evaluate { evaluation in
      let plan = evaluation.evaluator.plans[column]
      guard let number = withRecord({ evaluation.evaluator.number(plan, of: $0) }) else {
        return nil
      }
      var list: [String] = []
      let rest = evaluation.evaluator.forEachName(of: number, plan) {
        list.append(String(decoding: $0, as: UTF8.self))
      }
      return rest == 0 ? list : list + ["0x" + String(rest, radix: 16)]
    }
  }

  /// The number of derived column number `column`.
  public func derivedNumber(_ column: Int) -> UInt64? {
    storage.evaluate { evaluate(column, $0) { $0.number } }
  }

  /// The text of derived column number `column`.
  public func derivedText(_ column: Int) -> String? {
    storage.evaluate {
      evaluate(column, $0) { value in
        switch value {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .unsigned(let number): Timestamp(nanoseconds: number).description
        default: nil
        }
      }
    }
  }

  private func evaluate<T>(_ column: Int, _ evaluation: Evaluation, _ body: (FieldValue) -> T?)
    -> T?
  {
    withRecord { record in
      let plan = evaluation.evaluator.plans[column]
      return body(evaluation.evaluator.value(plan, of: record, in: storage.preamble))
    }
  }

  private func withRecord<T>(_ body: (RawRecord) -> T) -> T {
    storage.bytes.withUnsafeBytes { bytes in
      let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + size(bytes)])
      return body(RawRecord(bytes: part, partialOffset: storage.partialOffset))
    }
  }

  /// Bytes of the record: what it begins with.
  @inline(__always)
  private func size(_ bytes: UnsafeRawBufferPointer) -> Int {
    // SAFETY: the cutter has found a whole record at `start`.
    Int(bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self))
  }
}
