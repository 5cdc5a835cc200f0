import IteratorCatalog
import RecordSchema

/// Which rows of a table are wanted, as the command line says it.
struct RowSelection: Equatable {
  var pids: [UInt32] = []
  var tids: [UInt32] = []
  var maps: [UInt32] = []
  /// Programs chosen by their flags; empty for all.
  var programs: [String] = []
  /// Values of the schema's parameters; a flag's is 1.
  var numbers: [NumberParameter] = []
  /// Paths of the files that the schema's parameters name.
  var files: [TextParameter] = []
  /// Is a row wanted for each process that holds an object?
  var owners = false
  /// Are rows of all network namespaces wanted?
  var allNetworks = false
  /// What fields must be equal to, as written.
  var filters: [TextParameter] = []

  // No dictionaries: the first of each costs kiter's start a search through all conformances.
  struct NumberParameter: Equatable {
    let name: String
    let value: UInt32
  }

  struct TextParameter: Equatable {
    let name: String
    let value: String
  }

  /// The first of the options that need programs loaded now: what was recorded cannot tell.
  var loadingOption: String? { owners ? "owners" : allNetworks ? "all_netns" : nil }

  /// The options that a table's schema declares: scopes, programs, parameters and filters.
  static func options(of schema: Schema) -> [TableOption] {
    schema.scopes.map { option($0) } + schema.programs.compactMap { option($0) }
      + schema.parameters.map { option($0) } + schema.filters.map { option($0) }
      + (schema.owners == nil ? [] : [ownersOption])
      + (schema.isOfNetworkNamespace ? [allNetworksOption] : [])
      + (ProcessTree.isPossible(schema) ? [treeOption] : [])
      + schema.fields.filter { $0.derivation == .foldedStack }.map { foldedOption($0.name) }
  }

  private static func foldedOption(_ column: String) -> TableOption {
    .flag("folded", "Each stack once, with the number of threads, as flamegraph.pl takes them.") {
      $0.query.groups = column
      $0.output.isFolded = true
    }
  }

  /// `map-elements 42` -> `map-elements --map 42`: the map may stand behind the command.
  static func spellingOut(_ words: [String]) -> [String] {
    guard words.count > 1, UInt32(words[1]) != nil,
      Catalog.table(command: words[0])?.schema.scopes.contains(.map) == true
    else { return words }
    return [words[0], "--map"] + words[1...]
  }

  private static var ownersOption: TableOption {
    .flag(
      "owners",
      "A row for each holder: pid, comm, fd; also tid, owner_cgroup, owner_container_id."
    ) { $0.rows.owners = true }
  }

  private static var allNetworksOption: TableOption {
    .flag("all-netns", "All network namespaces of the host, each once, with the column net_ns.") {
      $0.rows.allNetworks = true
    }
  }

  private static var treeOption: TableOption {
    .flag("tree", "Parents and children as a tree; what is above a row that matches stays.") {
      $0.query.tree = true
    }
  }

  private static func option(_ scope: Schema.Scope) -> TableOption {
    switch scope {
    case .pid:
      .number(
        "pid", value: "pid", "only this process; may be repeated.", isRepeatable: true
      ) { $0.rows.pids.append($1) }
    case .tid:
      .number(
        "tid", value: "tid", "only this thread; may be repeated.", isRepeatable: true
      ) { $0.rows.tids.append($1) }
    case .map:
      .number(
        "map", value: "id", "only this map; may be repeated. The first needs no --map.",
        isRepeatable: true
      ) { $0.rows.maps.append($1) }
    }
  }

  private static func option(_ program: Schema.Program) -> TableOption? {
    guard let summary = program.option else { return nil }
    let name = program.name
    return .flag(name.replacingUnderscores(), summary + ".") { $0.rows.programs.append(name) }
  }

  private static func option(_ parameter: Schema.Parameter) -> TableOption {
    let key = parameter.name
    let name = key.replacingUnderscores()
    let summary = parameter.summary + "."
    return switch parameter.form {
    case .flag: .flag(name, summary) { $0.rows.numbers.append(.init(name: key, value: 1)) }
    case .file: .file(name, summary) { $0.rows.files.append(.init(name: key, value: $1)) }
    case .number:
      .number(name, value: "number", maximum: parameter.maximum, summary) {
        $0.rows.numbers.append(.init(name: key, value: $1))
      }
    }
  }

  private static func option(_ field: Field) -> TableOption {
    let key = field.name
    let name = key.replacingUnderscores()
    return .text(name, value: "value", "only rows with this \(key).") {
      $0.rows.filters.append(.init(name: key, value: $1))
    }
  }
}
