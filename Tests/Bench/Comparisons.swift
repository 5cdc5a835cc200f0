/// The columns of tasks that ps is asked for.
let fiveColumns = "pid,ppid,uid,gid,comm"

/// ps with the same columns.
let psFiveColumns = Peer(
  arguments: ["ps", "-e", "-o", fiveColumns], counting: .with("waiter"))

/// lsof with all files, and the rows of the scene's descriptors among its own.
let lsofFiles = Peer(
  arguments: ["lsof", "-n", "-P"], counting: .numbered(at: 3, name: "waiter"), accepted: [0, 1])

/// lsfd with all files.
let lsfdFiles = Peer(
  arguments: ["lsfd"], counting: .numbered(at: 3, name: "waiter"), accepted: [0, 1])

private let ss = Peer(arguments: ["ss", "-tuna"], counting: .all(titles: 1))
private let socketColumns =
  "protocol,state,receive_queue,send_queue,local_address,local_port,remote_address,remote_port"
private let allMappings = Peer(
  arguments: ["cat", "{maps}"], counting: .without("[vsyscall]", titles: 0), accepted: [0, 1])

/// The cases, in the order of the table. The processes of a scene are all called `waiter`.
func comparisons(processes: Int, programs: Int, sockets: Int, mapped: Int) -> [Comparison] {
  [
    Comparison(
      name: "memory", title: "`vmas -o jsonl`, \(mapped * 62_500) mappings",
      scene: .mappings(processes: mapped, each: 62_500), arguments: ["vmas", "-o", "jsonl"],
      counting: .all(titles: 0), peers: [allMappings], limit: .peakMiB(24), countsOwnMappings: true),
    Comparison(
      name: "few-tasks", title: "`tasks -c \(fiveColumns)`, the machine as it is", scene: .asItIs,
      arguments: ["tasks", "-c", fiveColumns], counting: .all(titles: 1),
      peers: [Peer(arguments: psFiveColumns.arguments, counting: .all(titles: 1))],
      limit: .ratio(0.4)),
    Comparison(
      name: "few-sockets", title: "`sockets --tcp --udp`, columns of ss, the machine as it is",
      scene: .asItIs, arguments: ["sockets", "--tcp", "--udp", "-c", socketColumns],
      counting: .all(titles: 1), peers: [ss], limit: .ratio(1.5)),
    // A program that kiter has loaded has a symbol while kiter runs.
    Comparison(
      name: "ksyms", title: "`ksyms`", scene: .asItIs, arguments: ["ksyms"],
      counting: .without("bpf", titles: 1),
      peers: [
        Peer(arguments: ["cat", "/proc/kallsyms"], counting: .without("[bpf]", titles: 0))
      ], limit: .ratio(1)),
    Comparison(
      name: "sockets", title: "`sockets --tcp --udp`, columns of ss, \(sockets) TCP sockets",
      scene: .sockets(sockets), arguments: ["sockets", "--tcp", "--udp", "-c", socketColumns],
      counting: .all(titles: 1), peers: [ss], limit: .ratio(0.5), expected: sockets + 1),
    Comparison(
      name: "tasks", title: "`tasks -c \(fiveColumns)`, \(processes) processes",
      scene: .processes(processes), arguments: ["tasks", "-c", fiveColumns],
      counting: .with("waiter"), peers: [psFiveColumns], limit: .ratio(1 / 50), expected: processes),
    Comparison(
      name: "tasks-full", title: "`tasks`, with command lines, \(processes) processes",
      scene: .processes(processes), arguments: ["tasks"], counting: .with("waiter"),
      peers: [Peer(arguments: ["ps", "-ef"], counting: .with("waiter"))], limit: .ratio(1 / 20),
      expected: processes),
    Comparison(
      name: "files", title: "`files -c all`, \(processes) processes with 10 files each",
      scene: .processes(processes), arguments: ["files", "-c", "all"], counting: .with("waiter"),
      peers: [lsofFiles, lsfdFiles], limit: .ratio(1 / 30), expected: processes * 10),
    Comparison(
      name: "files-pid", title: "`files --pid N` of \(processes) processes",
      scene: .processes(processes), arguments: ["files", "--pid", "{pid}"],
      counting: .all(titles: 1),
      peers: [
        Peer(
          arguments: ["lsof", "-n", "-P", "-p", "{pid}"], counting: .numbered(at: 3),
          accepted: [0, 1])
      ], limit: .ratio(0.1), expected: 10),
    Comparison(
      name: "vmas", title: "`vmas -o jsonl`, \(programs) processes", scene: .programs(programs),
      arguments: ["vmas", "-o", "jsonl"], counting: .all(titles: 0), peers: [allMappings],
      limit: .ratio(1 / 3), countsOwnMappings: true),
  ]
}
