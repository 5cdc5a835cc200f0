import Glibc
import RecordSchema
import Testing

@testable import kiter

@Suite struct ViewDifferenceTests {
  /// The lists that are made in turn: first, second, first, second.
  private func difference(_ lists: [[UInt64]]) -> ViewDifference {
    var rest = lists[...]
    func next() -> Set<SeenObject> { Set(rest.removeFirst().map { SeenObject(number: $0) }) }
    return ViewDifference(next, next)
  }

  @Test func equalListsDoNotDiffer() {
    let none = difference([[1, 2], [1, 2], [1, 2], [1, 2]])
    #expect(none.onlyFirst.isEmpty && none.onlySecond.isEmpty)
  }

  @Test func eachListMissesWhatTheOtherHas() {
    let both = difference([[1, 3], [2, 3], [1, 3], [2, 3]])
    #expect(both.onlyFirst.map(\.number) == [1])
    #expect(both.onlySecond.map(\.number) == [2])
  }

  /// 1 goes after the first list, 2 comes after the first, 3 goes after the second, 4 comes then.
  @Test func whatComesAndGoesIsNoDifference() {
    let none = difference([[1, 3], [2, 3], [2, 4], [2, 4]])
    #expect(none.onlyFirst.isEmpty && none.onlySecond.isEmpty)
  }

  /// Its number was given to another one between the two readings of the list.
  @Test func aReusedNumberIsAnotherObject() {
    var (start, others): (UInt64, UInt64) = (0, 100)
    let none = ViewDifference {
      start += 1
      return [SeenObject(number: 7, identity: start)]
    } _: {
      others += 1
      return [SeenObject(number: 8, identity: others)]
    }
    #expect(none.onlyFirst.isEmpty && none.onlySecond.isEmpty)
    let same = ViewDifference({ [SeenObject(number: 7, identity: 1)] }, { [] })
    #expect(same.onlyFirst == [SeenObject(number: 7, identity: 1)])
  }
}

@Suite struct RepeatedLooksTests {
  private func finding(_ pid: UInt32, started: UInt64 = 1) -> AuditFinding {
    AuditFinding(
      .processNotInProc, pid: pid, object: "process \(pid)", evidence: "", identity: [started])
  }

  @Test func onlyWhatEveryLookFindsLasts() {
    var looks = [
      [finding(1), finding(2), finding(3), finding(4)],
      [finding(1), finding(3), finding(4, started: 2)], [finding(2), finding(3), finding(4)],
    ]
    let lasting = RepeatedLooks(pauses: [0, 0]).lasting { looks.removeFirst() }
    #expect(lasting == [finding(3)])
    #expect(looks.isEmpty)
  }

  @Test func oneLookIsEnoughIfItFindsNothing() {
    var count = 0
    let lasting = RepeatedLooks().lasting {
      count += 1
      return []
    }
    #expect(lasting.isEmpty && count == 1)
  }
}

@Suite struct AuditTests {
  private struct Failure: Error {}

  @Test func aCheckThatFailsIsNoFindingAndKeepsNoOtherFromBeingMade() {
    var audit = Audit(checks: [
      .init(name: "broken") { throw Failure() },
      .init(name: "low") { [AuditFinding(.deletedCode, object: "a", evidence: "")] },
      .init(name: "high") { [AuditFinding(.memfdExecutable, object: "b", evidence: "")] },
    ])
    audit.looks = RepeatedLooks(pauses: [])
    let (findings, failures) = audit.run()
    #expect(findings.map(\.sort) == [.memfdExecutable, .deletedCode, .notChecked])
    #expect(failures.map(\.check) == ["broken"])
    #expect(findings.last?.object == Array("broken".utf8))
  }

  @Test func everySortHasANameOfItsOwn() {
    let sorts = AuditFinding.Sort.allCases
    #expect(Set(sorts.map(\.name)).count == sorts.count)
    #expect(sorts.filter { $0.severity == nil } == [.notChecked])
  }
}

@Suite struct ProcProcessTests {
  private func process(_ text: String) -> ProcProcess? { ProcProcess(stat: Array(text.utf8)) }
  private let rest = (3...52).map { $0 == 22 ? "987654321" : "\($0)" }.joined(separator: " ")

  @Test(arguments: ["sh", "a b", ") 1 (", "(", "", "\n"]) func namesOfAnyBytes(name: String) {
    let process = process("123 (\(name)) \(rest)\n")
    #expect(process?.pid == 123)
    #expect(process?.comm == Array(name.utf8))
    #expect(process?.start == 987_654_321)
  }

  @Test func whatIsNoSuchLineIsNoProcess() {
    let whole = "123 (sh) \(rest)"
    #expect(process("") == nil && process("1") == nil && process(") (") == nil)
    #expect(process("x (sh) \(rest)") == nil)
    #expect(process("123 (sh) 3 4 5") == nil)
    for length in whole.indices { _ = process(String(whole[..<length])) }
  }
}

@Suite struct SocketDiagnosisTests {
  /// The kernel's own numbers of sockets of this process.
  @Test func findsTheSocketsOfThisProcess() throws {
    let kinds: [(Int32, __socket_type, DiagnosedKind)] = [
      (AF_INET, SOCK_STREAM, .tcp), (AF_INET6, SOCK_STREAM, .tcp), (AF_INET, SOCK_DGRAM, .udp),
      (AF_INET6, SOCK_DGRAM, .udp),
    ]
    for (family, type, kind) in kinds {
      let socket = try BoundSocket(family, type)
      let found = try SocketDiagnosis.sockets(kind).filter { $0.cookie == socket.cookie }
      let name = "\(kind) port \(socket.port), to port 0, inode \(socket.inode)"
      #expect(found.map(\.name) == [name])
    }
  }

  /// A socket that listens, if it can, at a port that the kernel has chosen.
  private struct BoundSocket: ~Copyable {
    let number: Int32
    private(set) var (cookie, inode): (UInt64, UInt64) = (0, 0)
    private(set) var port: UInt16 = 0

    init(_ family: Int32, _ type: __socket_type) throws {
      number = socket(family, Int32(type.rawValue), 0)
      var address = [UInt8](repeating: 0, count: family == AF_INET ? 16 : 28)
      address[0] = UInt8(family)
      var size = socklen_t(address.count)
      // SAFETY: both families' addresses have the size that is passed.
      let isBound = address.withUnsafeMutableBytes { bytes in
        let place = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
        return bind(number, place, size) == 0 && getsockname(number, place, &size) == 0
      }
      try #require(isBound)
      if type == SOCK_STREAM { try #require(listen(number, 1) == 0) }
      port = UInt16(address[2]) << 8 | UInt16(address[3])
      var (length, status) = (socklen_t(8), stat())
      let cookieOption: Int32 = 57
      // SAFETY: SO_COOKIE has eight bytes; fstat fills the structure.
      try #require(getsockopt(number, SOL_SOCKET, cookieOption, &cookie, &length) == 0)
      // SAFETY: as above.
      try #require(fstat(number, &status) == 0)
      inode = UInt64(status.st_ino)
    }

    deinit { close(number) }
  }

  /// Whatever the bytes are: they end the list or are part of it.
  @Test func brokenAnswersAreErrors() {
    var cut = DiagnosisAnswer(about: .tcp)
    cut.read([80, 0, 0, 0, 20, 0, 0, 0][...] + [UInt8](repeating: 0, count: 20))
    #expect(cut.isDone && cut.error != 0)
    var refused = DiagnosisAnswer(about: .unix)
    let refusal: [UInt8] = [20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 254, 255, 255, 255]
    refused.read(refusal[...])
    #expect(refused.isDone && refused.error == ENOENT)
    for length in 0..<refusal.count {
      var answer = DiagnosisAnswer(about: .netlink)
      answer.read(refusal[..<length])
      #expect(answer.sockets.isEmpty)
    }
  }
}
