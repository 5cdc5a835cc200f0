import Glibc

/// `storm [CGROUP]`: everything comes and goes, and some things stay: sockets and mappings.
///
/// How often each happened is in a file, eight bytes each in the order of `Gust`: `/proc/PID/fd/FD`.
func storm(_ arguments: [String]) throws -> KnownState {
  let counts = try Counts()
  let kept = try (0..<20).flatMap { _ in
    [try TCP.listen(on: .loopback4), try UDP.bound(to: .loopback4)]
  }
  let mapper = try Announcement()
  let mapping = try Child { try mapStorm(counts, mapper) }
  let mappings = mapper.receive().split(separator: " ").map { JSON.digits(String($0)) }
  var children = [
    mapping, try Child { forkStorm(counts) }, try Child { try socketStorm(counts) },
    try Child { namespaceStorm(counts) },
  ]
  if let cgroup = arguments.first { children.append(try Child { cgroupStorm(counts, in: cgroup) }) }
  return KnownState(
    facts: [
      "children": .array(children.map { .number($0.pid) }), "mapper": .number(mapping.pid),
      "mappings": .array(mappings), "counts": .number(counts.file),
      "sockets": .array(try kept.map { .number(try inode("/proc/self/fd/\($0)")) }),
    ],
    resources: children)
}

/// What comes and goes.
private enum Gust: Int, CaseIterable {
  case forks, mappings, sockets, namespaces, cgroups
}

/// Numbers that all processes of the storm share.
private struct Counts {
  let file: Int32
  private let numbers: UnsafeMutablePointer<UInt64>

  init() throws {
    let size = 8 * Gust.allCases.count
    file = try check("memfd_create", linuxMemfd("counts", 0))
    try check("ftruncate", ftruncate(file, size))
    let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    _ = try check("mmap", Int(bitPattern: start))
    // SAFETY: the mapping is there, for as long as the process is.
    guard let start else { throw SystemError(call: "mmap", code: EFAULT) }
    numbers = start.assumingMemoryBound(to: UInt64.self)
  }

  /// One process each writes a number.
  func add(_ count: UInt64, to gust: Gust) { numbers[gust.rawValue] += count }
}

/// So many a second, as far as the machine can.
private struct Pace {
  let perSecond: UInt64
  private let start = Self.now()
  private var done: UInt64 = 0

  init(_ perSecond: UInt64) { self.perSecond = perSecond }

  /// Waits until it is time for `count` more.
  mutating func wait(_ count: UInt64) {
    done += count
    while (Self.now() - start) * perSecond < done * 1_000_000 { usleep(500) }
  }

  /// Microseconds.
  private static func now() -> UInt64 {
    var time = timespec()
    // SAFETY: the call fills the structure that it is given.
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec / 1000)
  }
}

/// Processes that end at once.
private func forkStorm(_ counts: Counts) -> Never {
  var pace = Pace(500)
  while true {
    for _ in 0..<5 where linuxFork() == 0 { _exit(0) }
    // SAFETY: no status is asked for. Ends when no child is left.
    while waitpid(-1, nil, 0) > 0 || errno == EINTR {}
    counts.add(5, to: .forks)
    pace.wait(5)
  }
}

/// Mappings that stay, which the kernel merges with no other, between some that come and go.
private func mapStorm(_ counts: Counts, _ announcement: Announcement) throws -> Never {
  let page = Int(getpagesize())
  let anonymous: Int32 = 0x20
  func map(_ place: UnsafeMutableRawPointer?, pages: Int) throws -> UnsafeMutableRawPointer {
    let protection = place == nil ? PROT_NONE : PROT_READ | PROT_WRITE
    let fixed = place == nil ? 0 : MAP_FIXED
    // SAFETY: the kernel chooses the place, or it lies in what it chose before.
    let start = mmap(place, pages * page, protection, MAP_PRIVATE | anonymous | fixed, -1, 0)
    _ = try check("mmap", Int(bitPattern: start))
    guard let start else { throw SystemError(call: "mmap", code: EFAULT) }
    return start
  }
  let count = 200
  let ground = try map(nil, pages: 8 * count)
  let kept = try (0..<count).map { try map(ground + ($0 * 8 + 1) * page, pages: 1) }
  announcement.send(kept.map { "\(UInt(bitPattern: $0))" }.joined(separator: " "))
  while true {
    for (number, start) in kept.enumerated() {
      let place = start + (2 + number % 3) * page
      _ = try map(place, pages: 1 + number % 2)
      munmap(place, 2 * page)
    }
    counts.add(UInt64(count), to: .mappings)
    usleep(1_000)
  }
}

/// Sockets, TCP and UDP.
private func socketStorm(_ counts: Counts) throws -> Never {
  var pace = Pace(5_000)
  while true {
    for _ in 0..<5 {
      close(try TCP.listen(on: .loopback4))
      close(try UDP.bound(to: .loopback4))
    }
    counts.add(10, to: .sockets)
    pace.wait(10)
  }
}

/// Processes with network, pid, mount and other namespaces of their own.
private func namespaceStorm(_ counts: Counts) -> Never {
  let all =
    Linux.cloneNewNetwork | Linux.cloneNewPID | Linux.cloneNewMount | Linux.cloneNewUTS
    | Linux.cloneNewIPC
  while true {
    if linuxFork() == 0 { _exit(linuxUnshare(all) == 0 ? 0 : 1) }
    // SAFETY: no status is asked for.
    while waitpid(-1, nil, 0) > 0 || errno == EINTR {}
    counts.add(1, to: .namespaces)
    usleep(20_000)
  }
}

/// Cgroups in cgroups.
private func cgroupStorm(_ counts: Counts, in directory: String) -> Never {
  while true {
    let names = (0..<10).map { "\(directory)/storm-\($0)" }
    for name in names {
      mkdir(name, 0o755)
      mkdir("\(name)/inner", 0o755)
    }
    for name in names {
      rmdir("\(name)/inner")
      rmdir(name)
    }
    counts.add(20, to: .cgroups)
    usleep(50_000)
  }
}
