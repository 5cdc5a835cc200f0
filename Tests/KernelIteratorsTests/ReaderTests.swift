import Glibc
import KernelIterators
import Synchronization
import Testing

/// Answers each read with the next of a list; the clock advances a second at each look.
private final class ScriptedCalls: SystemCalls {
  private struct State {
    var answers: [Int]
    var time: UInt64 = 0
    var yields = 0
  }
  private let state: Mutex<State>

  init(_ answers: [Int]) { state = Mutex(State(answers: answers)) }

  var yields: Int { state.withLock { $0.yields } }
  var left: Int { state.withLock { $0.answers.count } }

  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    state.withLock { $0.answers.isEmpty ? 0 : $0.answers.removeFirst() }
  }

  func yield() { state.withLock { $0.yields += 1 } }

  func now() -> UInt64 {
    state.withLock {
      $0.time += 1_000_000_000
      return $0.time
    }
  }
}

@Suite struct ReaderTests {
  private static func read(_ calls: ScriptedCalls) throws(IteratorError) -> Int {
    var reader = IteratorReader(Descriptor(-1), iterator: "things", calls: calls)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { buffer.deallocate() }
    return try reader.read(into: buffer)
  }

  @Test func anInterruptionIsRetried() throws {
    #expect(try Self.read(ScriptedCalls([-Int(EINTR), -Int(EINTR), 7])) == 7)
  }

  @Test func anotherTryIsMadeWhenTheKernelAsksForIt() throws {
    let calls = ScriptedCalls([-Int(EAGAIN), -Int(EINTR), -Int(EAGAIN), 9])
    #expect(try Self.read(calls) == 9)
    #expect(calls.yields == 2)
  }

  @Test func triesEndAfterTenSeconds() {
    let calls = ScriptedCalls(Array(repeating: -Int(EAGAIN), count: 100))
    let error = #expect(throws: IteratorError.self) { try Self.read(calls) }
    #expect(error?.cause == .stuck)
    #expect(calls.left > 80)
    #expect("\(error.map(\.description) ?? "")".contains("things"))
  }

  @Test(arguments: [
    (E2BIG, IteratorError.Cause.incomplete), (EPERM, .notPermitted), (EIO, .failed),
  ])
  func failuresAreNamed(code: Int32, cause: IteratorError.Cause) {
    let error = #expect(throws: IteratorError.self) { try Self.read(ScriptedCalls([-Int(code)])) }
    #expect(error?.cause == cause)
    #expect(error?.code == code)
    #expect(error?.stage == .read)
  }

  @Test func aReadIsNeverLongerThanTheKernelsBuffer() {
    #expect(IteratorReader<KernelCalls>.kernelBuffer == 8 * Int(getpagesize()))
  }
}
