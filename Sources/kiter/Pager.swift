import Glibc

/// The user's pager between standard output and the terminal.
struct Pager: ~Copyable {
  private let pid: pid_t

  /// Starts `$PAGER`, or less, and sends standard output to it.
  ///
  /// - Returns: nil if standard output is no terminal, or the pager cannot be started.
  init?() {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    defer { for end in ends { close(end) } }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    guard let pid = Self.start(input: ends[0]) else { return nil }
    self.pid = pid
    dup2(ends[1], STDOUT_FILENO)
    // It is the pager that an interrupt is meant for.
    signal(SIGINT, SIG_IGN)
  }

  /// Waits until the user has seen enough.
  consuming func wait() {
    close(STDOUT_FILENO)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
  }

  private static func start(input: Int32) -> pid_t? {
    // As git: leave at the end of a short output, show colours, cut long lines.
    setenv("LESS", "FRSX", 0)
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    // SAFETY: both are initialised here, and destroyed when the child has been started.
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    var ours = sigset_t()
    sigemptyset(&ours)
    sigaddset(&ours, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &ours)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    // SAFETY: the environment's strings end with a NUL, and nothing changes them meanwhile.
    let words = ["sh", "-c", getenv("PAGER").map { String(cString: $0) } ?? "less"]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    // SAFETY: the list of strings ends with nil and outlives the call.
    let code = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &arguments, environ)
    return code == 0 ? pid : nil
  }
}
