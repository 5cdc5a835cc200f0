// What glibc has and Swift's `Glibc` module lacks: the functions declared for _GNU_SOURCE, the
// variadic ones, and `fork`. The Swift and the C calling conventions agree for up to six integers
// and pointers, so naming the symbol is enough and no C target is needed.
import Glibc

@_silgen_name("syscall") func linuxCall(
  _ number: Int, _ a: Int, _ b: Int, _ c: Int, _ d: Int, _ e: Int
) -> Int
@_silgen_name("fork") func linuxFork() -> pid_t
@_silgen_name("unshare") func linuxUnshare(_ flags: Int32) -> Int32
@_silgen_name("setns") func linuxSetns(_ descriptor: Int32, _ kind: Int32) -> Int32
@_silgen_name("prctl") func linuxPrctl(
  _ option: Int32, _ a: UInt, _ b: UInt, _ c: UInt, _ d: UInt
) -> Int32
@_silgen_name("ptrace") func linuxPtrace(
  _ request: Int, _ pid: Int, _ address: Int, _ data: Int
) -> Int
@_silgen_name("gettid") func linuxGettid() -> pid_t
@_silgen_name("pipe2") func linuxPipe(_ ends: UnsafeMutablePointer<Int32>, _ flags: Int32) -> Int32
@_silgen_name("memfd_create") func linuxMemfd(_ name: UnsafePointer<CChar>, _ flags: UInt32)
  -> Int32
@_silgen_name("eventfd") func linuxEventfd(_ initial: UInt32, _ flags: Int32) -> Int32
@_silgen_name("epoll_create1") func linuxEpollCreate(_ flags: Int32) -> Int32
@_silgen_name("epoll_ctl") func linuxEpollControl(
  _ epoll: Int32, _ operation: Int32, _ fd: Int32, _ event: UnsafeRawPointer
) -> Int32
@_silgen_name("timerfd_create") func linuxTimerfd(_ clock: Int32, _ flags: Int32) -> Int32
@_silgen_name("timerfd_settime") func linuxTimerfdSet(
  _ fd: Int32, _ flags: Int32, _ value: UnsafePointer<itimerspec>, _ old: UnsafeRawPointer?
) -> Int32
@_silgen_name("signalfd") func linuxSignalfd(
  _ fd: Int32, _ mask: UnsafePointer<sigset_t>, _ flags: Int32
) -> Int32
@_silgen_name("setgroups") func linuxSetgroups(_ count: Int, _ list: UnsafePointer<gid_t>) -> Int32
@_silgen_name("setresuid") func linuxSetresuid(_ r: uid_t, _ e: uid_t, _ s: uid_t) -> Int32
@_silgen_name("setresgid") func linuxSetresgid(_ r: gid_t, _ e: gid_t, _ s: gid_t) -> Int32
@_silgen_name("setfsuid") func linuxSetfsuid(_ uid: uid_t) -> Int32
@_silgen_name("setfsgid") func linuxSetfsgid(_ gid: gid_t) -> Int32
@_silgen_name("capset") func linuxCapset(
  _ header: UnsafeRawPointer, _ data: UnsafeRawPointer
) -> Int32
@_silgen_name("sched_setaffinity") func linuxSetAffinity(
  _ pid: pid_t, _ size: Int, _ mask: UnsafeRawPointer
) -> Int32

/// System calls without a glibc function; those above 423 have one number on all architectures.
enum CallNumber {
  #if arch(x86_64)
    static let signalAction = 13
    static let clone = 56
    static let exit = 60
    static let perfEventOpen = 298
    static let userfaultfd = 323
  #else
    static let signalAction = 134
    static let clone = 220
    static let exit = 93
    static let perfEventOpen = 241
    static let userfaultfd = 282
  #endif
  static let pidfdOpen = 434
}

/// Constants of the Linux ABI that the module does not import.
enum Linux {
  static let oPath: Int32 = 0o10_000_000
  static let oTemporaryFile = 0o20_000_000 | O_DIRECTORY
  #if arch(x86_64)
    static let oDirect: Int32 = 0o40_000
  #else
    static let oDirect: Int32 = 0o200_000
  #endif

  static let prSetDeathSignal: Int32 = 1
  static let prSetName: Int32 = 15
  static let prSetSeccomp: Int32 = 22
  static let prCapabilityBoundingDrop: Int32 = 24
  static let prSetChildSubreaper: Int32 = 36
  static let prSetSecureBits: Int32 = 28
  static let prSetNoNewPrivileges: Int32 = 38
  static let prCapabilityAmbient: Int32 = 47
  static let prSetVMA: Int32 = 0x5356_4d41

  static let cloneFiles: Int32 = 0x400
  static let cloneNewTime: Int32 = 0x80
  static let cloneNewMount: Int32 = 0x20000
  static let cloneNewCgroup: Int32 = 0x200_0000
  static let cloneNewUTS: Int32 = 0x400_0000
  static let cloneNewIPC: Int32 = 0x800_0000
  static let cloneNewUser: Int32 = 0x1000_0000
  static let cloneNewPID: Int32 = 0x2000_0000
  static let cloneNewNetwork: Int32 = 0x4000_0000
}

/// The file-like descriptors' own flags have the values of the open flags.
let closeOnExec = O_CLOEXEC
