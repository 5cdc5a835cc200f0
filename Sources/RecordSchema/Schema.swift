/// What a table's records are: `schemas/NAME.json` as a value.
public struct Schema: Sendable, Equatable {
  /// The plural noun that names everything: command, SQL table, files, C struct.
  public var name: String
  /// Raised when a field is removed or changes its meaning.
  public var version: Int
  /// One line for `--help`.
  public var summary: String
  /// The BPF programs that write these records.
  public var programs: [Program]
  /// How a reader may narrow the walk in the kernel.
  public var scopes: [Scope]
  /// Constants of the program that a user can set; each is an option of the command.
  public var parameters: [Parameter]
  /// The fields that tell one row from another.
  public var key: [String]
  /// By what processes hold the table's objects; nil if they do not.
  public var owners: Owners?
  /// Names of values, by enum or flag set.
  public var names: [NameSet]
  /// All fields: stored, hidden and derived, in the order of the columns.
  public var fields: [Field]

  /// Creates a schema; the parameters are the properties.
  public init(
    name: String, version: Int, summary: String, programs: [Program], scopes: [Scope],
    parameters: [Parameter], key: [String], owners: Owners? = nil, names: [NameSet],
    fields: [Field]
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.programs = programs
    self.scopes = scopes
    self.parameters = parameters
    self.key = key
    self.owners = owners
    self.names = names
    self.fields = fields
  }

  /// A BPF iterator program of the table's object file.
  public struct Program: Sendable, Equatable {
    /// The C function.
    public var name: String
    /// The iterator target: the kernel's `bpf_iter_TARGET`.
    public var target: String
    /// Oldest kernel with everything that the program needs.
    public var since: String
    /// What its rows are, when the user may choose between programs: the help of its `--name`.
    public var option: String?
    /// The lock of a process that the kernel's walk takes by itself, whatever the columns.
    public var locks: String?
    /// Oldest kernel with what the program's other forms need, `NAME_whole` and `NAME_parts`: they
    /// write the same records from a walk of their own, in one run or in parts.
    /// Nil if there are none. The same as `since`: one form, `NAME_direct`, is used always, because
    /// the kernel gives no more than one buffer of the other.
    public var direct: String?

    /// Creates a program; the parameters are the properties.
    public init(
      name: String, target: String, since: String, option: String? = nil, locks: String? = nil,
      direct: String? = nil
    ) {
      self.name = name
      self.target = target
      self.since = since
      self.option = option
      self.locks = locks
      self.direct = direct
    }
  }

  /// A way to narrow an iterator's walk (`union bpf_iter_link_info`, Linux 6.1).
  public enum Scope: String, Sendable, Codable, CaseIterable {
    /// One process, all of its threads.
    case pid
    /// One thread.
    case tid
    /// One BPF map, by its number. The kernel knows no walk over all: those are walked in turn.
    case map
  }

  /// A constant of the program that a user can set.
  public struct Parameter: Sendable, Equatable {
    /// What the option takes.
    public enum Form: String, Sendable, Codable {
      /// Nothing: it is 1 when given.
      case flag
      /// A whole number.
      case number
      /// A path: the program gets a descriptor of the opened file (O_PATH), -1 if not given.
      case file
    }
    /// The option's name and the C member.
    public var name: String
    /// What it takes.
    public var form: Form
    /// The option's help.
    public var summary: String
    /// Highest value that a number may have.
    public var maximum: UInt32
    /// An SQL condition that is true of the same rows, with `?` for the value: what is asked of
    /// records that are there already. Nil if columns cannot tell.
    public var condition: String?

    /// Creates a parameter; the parameters are the properties.
    public init(
      name: String, form: Form, summary: String, maximum: UInt32 = .max, condition: String? = nil
    ) {
      self.name = name
      self.form = form
      self.summary = summary
      self.maximum = maximum
      self.condition = condition
    }
  }

  /// The names of an enum's values or of a flag set's bits.
  public struct NameSet: Sendable, Equatable {
    /// The name of the set itself.
    public var name: String
    /// Are the values bits that combine?
    public var isFlags: Bool
    /// Bits of the value that hold a number with names of its own (open(2)'s access mode is one).
    public var numberMask: UInt64
    /// Name and value, by rising value.
    public var values: [Value]

    /// Creates a set; the parameters are the properties.
    public init(name: String, isFlags: Bool, numberMask: UInt64 = 0, values: [Value]) {
      self.name = name
      self.isFlags = isFlags
      self.numberMask = numberMask
      self.values = values
    }

    /// A name and its value.
    public struct Value: Sendable, Equatable {
      /// Lower case, as shown.
      public var name: String
      /// The number that it stands for.
      public var value: UInt64
      /// What it means to whoever looks for trouble; nil for nothing.
      public var verdict: Verdict?

      /// Creates a named value.
      public init(_ name: String, _ value: UInt64, _ verdict: Verdict? = nil) {
        self.name = name
        self.value = value
        self.verdict = verdict
      }
    }
  }

  /// How a value looks to whoever looks for trouble.
  @frozen public enum Verdict: String, Sendable, Codable, CaseIterable, BitwiseCopyable {
    case good, warning, bad
  }

  /// The fields that a user can ask for.
  public var columns: [Field] { fields.filter { !$0.isHidden } }

  /// The fields that a record stores, in the order of their bits.
  public var storedFields: [Field] { fields.filter { $0.type != nil } }

  /// The field of that name, hidden or not.
  public func field(_ name: String) -> Field? {
    fields.firstIndex { $0.name == name }.map { fields[$0] }
  }

  /// The column of that name.
  ///
  /// - Throws: `UnknownColumn` if there is none that a user can ask for.
  public func column(_ name: String) throws(UnknownColumn) -> Field {
    guard let field = field(name), !field.isHidden else {
      throw UnknownColumn(name: name, schema: self)
    }
    return field
  }
}
