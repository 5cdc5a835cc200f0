extension Schema {
  /// By what processes hold the objects of a table: their open files, which `files` shows.
  public struct Owners: Sendable, Equatable {
    /// What the files stand for; the raw value is what `files` calls them in `anon`.
    public enum Held: String, Sendable, CaseIterable {
      /// Sockets, known by their inode.
      case socket
      /// BPF maps, known by their number.
      case bpfMap = "bpf-map"
      /// BPF programs, likewise.
      case bpfProg = "bpf-prog"
      /// BPF links, likewise.
      case bpfLink = "bpf_link"
    }

    /// The field of the table that a holder's file is known by.
    public var key: String
    /// What the files stand for.
    public var held: Held

    /// Creates the connection between a table and `files`.
    public init(on key: String, held: Held) {
      self.key = key
      self.held = held
    }
  }

  /// The schema of the table with a row for each holder of each object; an object that no process
  /// holds has one row, without values for the holder. The same as this one where there are no
  /// holders.
  public var withOwners: Schema {
    guard owners != nil else { return self }
    var schema = self
    schema.fields += OwnerColumn.fields
    schema.key += OwnerColumn.key
    return schema
  }

  /// Is it a schema `withOwners`?
  public var showsOwners: Bool { owners != nil && field(OwnerColumn.names) != nil }

  /// The table's own schema.
  var withoutOwners: Schema {
    var schema = self
    schema.fields.removeLast(OwnerColumn.fields.count)
    schema.key.removeLast(OwnerColumn.key.count)
    return schema
  }
}

extension Projection {
  /// What a table's own programs must store for columns of a schema `withOwners`: the fields have
  /// the same bits and places, because the owners' are behind them, and leave room for those.
  ///
  /// - Parameter key: the field by which the holders are found.
  /// - Returns: the columns of the table's own schema.
  public func withoutOwners(findingBy key: String) -> Projection {
    let own = schema.withoutOwners
    let stored = own.storedFields.enumerated().filter { bit, _ in
      wanted[bit / 64] >> UInt64(bit % 64) & 1 == 1
    }
    var projection = Projection(
      own, fields: columns.map(\.field).filter { own.field($0.name) != nil },
      filters: stored.map(\.element.name) + [key])
    projection.fixedSize = max(projection.fixedSize, fixedSize)
    return projection
  }
}

/// What a row of `withOwners` says of the holder.
public enum OwnerColumn {
  /// The stored fields, each with the column of `files` that it is, or whose input it is.
  public static let sources: [(field: String, column: String)] = [
    ("pid", "pid"), ("comm", "comm"), ("tid", "tid"), ("fd", "fd"), (names, "container_id"),
  ]

  /// What tells the holders of one object apart.
  static let key = ["tid", "fd"]

  /// The field with the names of the holder's cgroup.
  static let names = "owner_cgroup_names"

  /// The fields, behind the table's own.
  public static let fields: [Field] = [
    Field(
      name: "pid", type: .u32, kind: .pid,
      summary: "process that holds it, in the reader's pid namespace; null if none does",
      source: "task_struct.signal->pids[PIDTYPE_TGID]", oracle: "ss -p, bpftool pids",
      isDefault: true),
    Field(
      name: "comm", type: .text, kind: .text, summary: "name of that process, at most 15 bytes",
      source: "task_struct.group_leader->comm", oracle: "ss -p, bpftool pids", isDefault: true),
    Field(
      name: "tid", type: .u32, kind: .pid,
      summary: "thread whose table of files holds it; the pid, but for threads with their own",
      source: "task_struct.thread_pid", oracle: "/proc/PID/task/TID/fd"),
    Field(
      name: "fd", type: .u32, kind: .count, summary: "descriptor by which the process holds it",
      source: "fdtable.fd, the index", oracle: "ss -p, /proc/PID/fd", isDefault: true),
    Field(
      name: names, type: .text, kind: .text,
      summary: "names of the process's cgroup, and of those above it",
      source: "task_struct.cgroups: the memory controller's of version 1, else that of version 2",
      oracle: "none: seen through owner_cgroup", isHidden: true),
    Field(
      name: "owner_cgroup", type: nil, kind: .path,
      summary: "path of the process's cgroup (version 1: that of the memory controller)",
      source: "task_struct.cgroups", oracle: "/proc/PID/cgroup", derivation: .reversedPath,
      inputs: [names]),
    Field(
      name: "owner_container_id", type: nil, kind: .text,
      summary: "number of the process's container, by that cgroup",
      source: "task_struct.cgroups", oracle: "none: as container_id of files", title: "CONTAINER",
      derivation: .containerID, inputs: [names]),
  ]
}
