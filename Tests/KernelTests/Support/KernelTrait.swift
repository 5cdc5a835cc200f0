import Foundation
import Testing

extension Trait where Self == ConditionTrait {
  /// The suite needs a real kernel and root. Elsewhere it is skipped, unless the environment says
  /// KITER_KERNEL_TESTS=require: then it runs, and fails.
  static var kernel: Self {
    let isRequired = ProcessInfo.processInfo.environment["KITER_KERNEL_TESTS"] == "require"
    let isPossible = geteuid() == 0 && access("/sys/kernel/btf/vmlinux", R_OK) == 0
    return .enabled(if: isRequired || isPossible, "needs root and a kernel with BTF")
  }
}
