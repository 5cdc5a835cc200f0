import Glibc

/// What there is on the machine besides what was there before.
enum Scene: Hashable {
  /// Nothing more.
  case asItIs
  /// Processes that wait, each with ten open files: their input, output and errors, and seven more.
  case processes(Int)
  /// Processes of a program with shared libraries, that wait.
  case programs(Int)
  /// Connected TCP sockets, in a network namespace of their own.
  case sockets(Int)
  /// Processes with so many mappings each.
  case mappings(processes: Int, each: Int)

  /// What the scene is, in words.
  var title: String {
    switch self {
    case .asItIs: "the machine as it is"
    case .processes(let count): "\(count) processes with 10 files each"
    case .programs(let count): "\(count) processes of cat(1)"
    case .sockets(let count): "\(count) TCP sockets"
    case .mappings(let count, let each): "\(count) processes with \(each) mappings each"
    }
  }
}

/// A scene while it lasts: processes that end when they are told to, or when this process ends.
final class Load {
  /// The processes to look at.
  let pids: [Int32]
  private var fixtures: [Fixture] = []
  private var outerNetwork: Int32?

  /// Makes the scene. Network namespaces are entered until `end`.
  ///
  /// - Throws: if the scene cannot be made.
  init(_ scene: Scene, fixture path: String) throws {
    switch scene {
    case .asItIs: pids = []
    case .processes(let count):
      fixtures = [try Fixture(path, ["many", "\(count)", "7"])]
      pids = fixtures[0].numbers("pids")
    case .programs(let count):
      guard let program = Command.find("cat") else { throw BenchError("no cat(1) here") }
      fixtures = [try Fixture(path, ["many", "\(count)", "0", program])]
      pids = fixtures[0].numbers("pids")
    case .sockets(let count):
      fixtures = [try Fixture(path, ["tcp", "\(count)"])]
      pids = fixtures[0].numbers("pid")
      outerNetwork = try check("open", open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC))
      try enter("/proc/\(pids[0])/ns/net")
    case .mappings(let count, let each):
      for _ in 0..<count { fixtures.append(try Fixture(path, ["memory", "maps", "\(each)"])) }
      pids = fixtures.flatMap { $0.numbers("pid") }
    }
  }

  /// Removes what was made, and waits until it is gone.
  ///
  /// - Throws: if this process cannot go back into its network namespace.
  func end() throws {
    if let outerNetwork {
      try check("setns", linuxSetns(outerNetwork, Linux.cloneNewNetwork))
      close(outerNetwork)
    }
    for fixture in fixtures { fixture.end() }
  }

  private func enter(_ path: String) throws {
    let namespace = try check("open \(path)", open(path, O_RDONLY | O_CLOEXEC))
    defer { close(namespace) }
    try check("setns", linuxSetns(namespace, Linux.cloneNewNetwork))
  }
}

/// A run of `kiter-fixture`: it makes something, says what, and keeps it until its input ends.
private struct Fixture {
  private let pid: pid_t
  private let input: Int32
  private let facts: String

  init(_ path: String, _ arguments: [String]) throws {
    let (input, output) = (try makePipe(), try makePipe())
    // Not in the group that an interrupt ends: it has to remove what it made.
    pid = try Command([path] + arguments).start(
      input: input.read, output: output.write, ownGroup: true)
    close(input.read)
    close(output.write)
    self.input = input.write
    facts = Self.line(of: output.read)
    close(output.read)
    guard facts.hasSuffix("\n") else {
      end()
      throw BenchError("`kiter-fixture \(arguments.joined(separator: " "))` failed")
    }
  }

  /// The number or the numbers that a fact consists of.
  func numbers(_ name: String) -> [Int32] {
    guard let start = facts.firstRange(of: "\"\(name)\":")?.upperBound else { return [] }
    let rest = facts[start...]
    let list = rest.first == "[" ? rest.dropFirst().prefix { $0 != "]" } : rest.prefix(12)
    let digits = list.split { !$0.isNumber }
    return (rest.first == "[" ? digits[...] : digits.prefix(1)).compactMap { Int32($0) }
  }

  func end() {
    close(input)
    // SAFETY: no status is asked for.
    while waitpid(pid, nil, 0) < 0 && errno == EINTR {}
  }

  private static func line(of descriptor: Int32) -> String {
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while line.last != 0x0a {
      // SAFETY: read is given the size of the buffer.
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      line += buffer.prefix(count)
    }
    return String(decoding: line, as: UTF8.self)
  }
}
