import Glibc

/// `files`: one descriptor of every sort that can be had without devices of its own.
func openFiles(_ arguments: [String]) throws -> KnownState {
  let directory = try TemporaryDirectory()
  var shelf = DescriptorShelf()
  try shelf.addFiles(in: directory)
  try shelf.addFlagged(in: directory)
  try shelf.addPipes(in: directory)
  try shelf.addAnonymous(in: directory)
  try shelf.addSockets(in: directory)
  return KnownState(
    facts: ["files": .array(try shelf.entries()), "directory": .string(directory.path)],
    resources: [directory])
}

/// The descriptors that were opened, each with the name of its sort.
struct DescriptorShelf {
  private var descriptors: [(kind: String, fd: Int32)] = []

  /// Keeps a descriptor under the name of its sort.
  mutating func add(_ kind: String, _ fd: Int32) {
    descriptors.append((kind, fd))
  }

  /// Keeps a descriptor if the kernel gave one; the sort is left out when it did not.
  mutating func addIfPermitted(_ kind: String, _ fd: Int32) {
    if fd >= 0 { add(kind, fd) }
  }

  /// What is known of every descriptor, asked for once all are as they shall stay.
  func entries() throws -> [JSON] {
    try descriptors.map { try facts($0.kind, $0.fd) }
  }

  private func facts(_ kind: String, _ fd: Int32) throws -> JSON {
    var status = stat()
    // SAFETY: fstat fills the structure that it is given.
    try check("fstat \(kind)", fstat(fd, &status))
    let position = lseek(fd, 0, SEEK_CUR)
    let descriptorFlags = fcntl(fd, F_GETFD)
    let entry: JSON = [
      "kind": .string(kind), "fd": .number(fd),
      "link_hex": .hex(try linkTarget("/proc/self/fd/\(fd)")),
      "flags": .number(try check("fcntl", fcntl(fd, F_GETFL))),
      "close_on_exec": .bool(descriptorFlags & FD_CLOEXEC != 0),
      "position": position < 0 ? .null : .number(position),
      "inode": .number(status.st_ino), "device": .number(status.st_dev),
      "size": .number(status.st_size), "mode": .number(status.st_mode),
      "links": .number(status.st_nlink), "rdev": .number(status.st_rdev),
    ]
    guard status.st_mode & S_IFMT == S_IFSOCK else { return entry }
    return entry.merging(socketFacts(fd))
  }
}

extension DescriptorShelf {
  fileprivate mutating func addFiles(in directory: TemporaryDirectory) throws {
    let regular = try directory.file("regular", size: 1234)
    add("regular", try openFile(regular, O_RDWR))
    let positioned = try openFile(regular, O_RDONLY)
    try check("lseek", lseek(positioned, 789, SEEK_SET))
    add("positioned", positioned)
    add("directory", try openFile(directory.path, O_DIRECTORY))
    add("character_device", try openFile("/dev/null", O_RDWR))
    let link = "\(directory.path)/link"
    try check("symlink", symlink(regular, link))
    add("symlink", try openFile(link, Linux.oPath | O_NOFOLLOW))
    add("path_only", try openFile(regular, Linux.oPath))
    let unlinked = try directory.file("unlinked", size: 77)
    add("unlinked", try openFile(unlinked))
    try check("unlink", unlink(unlinked))
    add("named_deleted", try openFile(try directory.file("x (deleted)", size: 3)))
    add("odd_name", try openFile(try directory.file("space newline\nescape\u{1b}[31m\"")))
    addIfPermitted("temporary_file", open(directory.path, Linux.oTemporaryFile | O_RDWR, 0o600))
    // Loop devices are the only block devices that are safe to open; -1 when there are none.
    addIfPermitted("block_device", open("/dev/loop0", O_RDONLY | O_NONBLOCK))
  }

  fileprivate mutating func addFlagged(in directory: TemporaryDirectory) throws {
    let path = try directory.file("flagged", size: 4096)
    add("append", try openFile(path, O_WRONLY | O_APPEND))
    add("nonblock", try openFile(path, O_RDWR | O_NONBLOCK))
    add("close_on_exec", try openFile(path, O_RDONLY | O_CLOEXEC))
    add("sync", try openFile(path, O_WRONLY | O_SYNC))
    addIfPermitted("direct", open(path, O_RDONLY | Linux.oDirect))
  }

  fileprivate mutating func addPipes(in directory: TemporaryDirectory) throws {
    let fifo = "\(directory.path)/fifo"
    try check("mkfifo", mkfifo(fifo, 0o600))
    // Opening for both reading and writing does not wait for another process.
    add("fifo", try openFile(fifo, O_RDWR))
    let ends = try makePipe(O_NONBLOCK)
    add("pipe_read", ends.read)
    add("pipe_write", ends.write)
  }

  fileprivate mutating func addAnonymous(in directory: TemporaryDirectory) throws {
    let memory = try check("memfd_create", linuxMemfd("fixture memory", 0))
    try check("ftruncate", ftruncate(memory, 8192))
    add("memfd", memory)
    let event = try check("eventfd", linuxEventfd(42, 0))
    add("eventfd", event)
    add("epoll", try epoll(watching: event))
    add("timerfd", try timer())
    var mask = sigset_t()
    // SAFETY: the set is local, initialised by sigemptyset before use.
    sigemptyset(&mask)
    sigaddset(&mask, SIGUSR1)
    add("signalfd", try check("signalfd", linuxSignalfd(-1, &mask, closeOnExec)))
    let inotify = try check("inotify_init1", inotify_init1(0))
    try check("inotify_add_watch", inotify_add_watch(inotify, directory.path, UInt32(IN_CREATE)))
    add("inotify", inotify)
    let pidfd = linuxCall(CallNumber.pidfdOpen, Int(getpid()), 0, 0, 0, 0)
    add("pidfd", Int32(try check("pidfd_open", pidfd)))
    // Descriptor of faults in user mode only: allowed even where full ones are not.
    let faults = linuxCall(CallNumber.userfaultfd, Int(closeOnExec) | 1, 0, 0, 0, 0)
    addIfPermitted("userfaultfd", Int32(faults))
  }

  private func epoll(watching fd: Int32) throws -> Int32 {
    let epoll = try check("epoll_create1", linuxEpollCreate(closeOnExec))
    // struct epoll_event is packed to 12 bytes on x86-64 and is 16 elsewhere; EPOLLIN is 1.
    let event: [UInt32] = [1, UInt32(fd), 0, 0]
    // SAFETY: the kernel reads at most the 16 bytes of the array.
    try check("epoll_ctl", linuxEpollControl(epoll, 1, fd, event))
    return epoll
  }

  private func timer() throws -> Int32 {
    let timer = try check("timerfd_create", linuxTimerfd(CLOCK_MONOTONIC, O_NONBLOCK))
    var value = itimerspec()
    value.it_value.tv_sec = 100_000
    // SAFETY: the new value is a local structure; the old one is not asked for.
    try check("timerfd_settime", linuxTimerfdSet(timer, 0, &value, nil))
    return timer
  }

  fileprivate mutating func addSockets(in directory: TemporaryDirectory) throws {
    let listener = try TCP.listen(on: .loopback4)
    let pair = try TCP.connectedPair(to: listener)
    add("tcp4_listen", listener)
    add("tcp4_client", pair.client)
    add("tcp4_server", pair.server)
    if let listener6 = try? TCP.listen(on: .loopback6) { add("tcp6_listen", listener6) }
    let receiver = try UDP.bound(to: .loopback4)
    add("udp4_bound", receiver)
    add("udp4_connected", try UDP.connected(to: try SocketAddress(localOf: receiver)))
    let ends = try unixPair()
    add("unix_pair_a", ends.0)
    add("unix_pair_b", ends.1)
    add("unix_listen", try listenUnix(Array("\(directory.path)/socket".utf8) + [0]))
    add("netlink", try boundNetlink())
  }
}
