/// One field of a record: what a schema file says of it.
public struct Field: Sendable, Equatable {
  /// The JSON key, the SQL column and the C member.
  public var name: String
  /// The stored type; nil for a derived field, which is not stored.
  public var type: FieldType?
  /// What it means.
  public var kind: Kind
  /// One line for `--help` and the documentation.
  public var summary: String
  /// Where the kernel keeps it.
  public var source: String
  /// What knows it independently; "none: why" if nothing does.
  public var oracle: String
  /// Oldest kernel that has it, where that is newer than the table's own.
  public var since: String?
  /// Kernel members (`struct.member`) or functions (`name()`) without which it is lacking.
  public var requires: [String]
  /// Is it a column when none are named?
  public var isDefault: Bool
  /// Is it only an input of derived fields?
  public var isHidden: Bool
  /// Can the program leave out records in which it is not equal to a value? It is an option then.
  public var isFilter: Bool
  /// Does it only ever grow, so that its change per second says what is going on?
  public var isCounter: Bool
  /// `cheap`, or the name of a group that costs something to compute.
  public var cost: String
  /// Column title of a table; nil: made from the name.
  public var title: String?
  /// Name of the schema's enum or flag set.
  public var names: String?
  /// How a derived field is made.
  public var derivation: Derivation?
  /// The stored fields that the derivation reads, in its order.
  public var inputs: [String]

  /// Creates a field; the parameters are the properties.
  public init(
    name: String, type: FieldType?, kind: Kind, summary: String, source: String, oracle: String,
    since: String? = nil, requires: [String] = [], isDefault: Bool = false, isHidden: Bool = false,
    isFilter: Bool = false, isCounter: Bool = false, cost: String = "cheap", title: String? = nil,
    names: String? = nil,
    derivation: Derivation? = nil, inputs: [String] = []
  ) {
    self.name = name
    self.type = type
    self.kind = kind
    self.summary = summary
    self.source = source
    self.oracle = oracle
    self.since = since
    self.requires = requires
    self.isDefault = isDefault
    self.isHidden = isHidden
    self.isFilter = isFilter
    self.isCounter = isCounter
    self.cost = cost
    self.title = title
    self.names = names
    self.derivation = derivation
    self.inputs = inputs
  }
}
