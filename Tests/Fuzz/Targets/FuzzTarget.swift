/// What is fed with bytes of any kind: the entry points of libFuzzer and of the tests.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// Streams of records.
  case records
  /// Values of records, through every writer.
  case writers
  /// Schemas, and text that is none.
  case schema
  /// Snapshot files.
  case snapshot
  /// Entries of the cache, and programs to be folded.
  case cache
  /// What --where takes.
  case condition
  /// What `kiter sql` takes.
  case statement
  /// What --columns takes.
  case columns
  /// Type information (BTF) of maps that others made.
  case types

  /// Inputs that are as they should be, to begin with.
  public var seeds: [[UInt8]] {
    switch self {
    case .records: RecordsTarget.seeds
    case .writers: WritersTarget.seeds
    case .schema: SchemaTarget.seeds
    case .snapshot: SnapshotTarget.seeds
    case .cache: CacheTarget.seeds
    case .condition: ConditionTarget.seeds
    case .statement: StatementTarget.seeds
    case .columns: ColumnsTarget.seeds
    case .types: TypesTarget.seeds
    }
  }

  /// Feeds it with an input; whatever it is, this returns unless there is something to be mended.
  public func run(_ input: [UInt8]) {
    switch self {
    case .records: RecordsTarget.run(input)
    case .writers: WritersTarget.run(input)
    case .schema: SchemaTarget.run(input)
    case .snapshot: SnapshotTarget.run(input)
    case .cache: CacheTarget.run(input)
    case .condition: ConditionTarget.run(input)
    case .statement: StatementTarget.run(input)
    case .columns: ColumnsTarget.run(input)
    case .types: TypesTarget.run(input)
    }
  }
}

/// Ends the process with what was found, which makes libFuzzer keep the input.
func finding(_ what: String) -> Never { fatalError("finding: \(what)") }

/// An input that is used up from its start; zeros follow its end.
struct Bytes {
  private var rest: ArraySlice<UInt8>

  init(_ input: [UInt8]) { rest = input[...] }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func word() -> Int { Int(byte()) | Int(byte()) << 8 }

  /// At most `count` bytes.
  mutating func take(_ count: Int) -> [UInt8] {
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// All that is left.
  mutating func takeAll() -> [UInt8] { take(rest.count) }
}
