import Foundation
import KernelIterators
import Testing

/// A test of the real kernel, which all tests share.
///
/// It needs root and BTF. Elsewhere it is skipped, unless the environment says
/// KITER_KERNEL_TESTS=require: then it runs, and fails.
struct KernelTrait: SuiteTrait, TestTrait, TestScoping {
  /// What a test does to the others on the same host.
  enum Company {
    /// Nothing: it runs beside the others.
    case shared
    /// What it makes would be seen in their output (a process that makes each reader wait).
    case alone
    /// It neither sees nor troubles the others, and takes long.
    case apart
  }

  let company: Company
  let isRecursive = true

  func prepare(for test: Test) async throws {
    let isRequired = ProcessInfo.processInfo.environment["KITER_KERNEL_TESTS"] == "require"
    let isPossible = geteuid() == 0 && access("/sys/kernel/btf/vmlinux", R_OK) == 0
    try await ConditionTrait.enabled(
      if: isRequired || isPossible, "needs root and a kernel with BTF"
    ).prepare(for: test)
  }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard company != .apart else { return try await function() }
    await Host.shared.enter(alone: company == .alone)
    let result: Result<Void, any Error>
    do { result = .success(try await function()) } catch { result = .failure(error) }
    await Host.shared.leave()
    try result.get()
  }
}

extension Trait where Self == KernelTrait {
  static var kernel: Self { KernelTrait(company: .shared) }
  static func kernel(_ company: KernelTrait.Company) -> Self { KernelTrait(company: company) }
}

extension Trait where Self == ConditionTrait {
  /// Skips what a kernel cannot show that has no such iterator; it is tested on those that have it.
  static func needsIterator(_ target: String, since version: String) -> Self {
    .enabled(if: KernelSupport()?.hasIterator(target) == true, "needs Linux \(version)")
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips what a kernel does not do right that has no such function.
  static func needsFunction(_ name: String, since version: String) -> Self {
    .enabled(if: KernelSupport()?.hasFunction(name) == true, "needs Linux \(version)")
  }
}

/// Lets tests in: many at once, or one alone. Who asked first goes first.
private actor Host {
  static let shared = Host()

  private var inside = 0
  private var isAlone = false
  private var queue: [(alone: Bool, enter: CheckedContinuation<Void, Never>)] = []

  func enter(alone: Bool) async {
    await withCheckedContinuation { continuation in
      queue.append((alone, continuation))
      admit()
    }
  }

  func leave() {
    inside -= 1
    isAlone = false
    admit()
  }

  private func admit() {
    while let first = queue.first, !isAlone, !first.alone || inside == 0 {
      queue.removeFirst()
      inside += 1
      isAlone = first.alone
      first.enter.resume()
    }
  }
}
