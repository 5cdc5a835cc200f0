@testable import RecordSchema
import Testing

@Suite struct FoldedStackTests {
  private func text(_ value: FieldValue) -> String? {
    guard case .bytes(let bytes) = value else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(
    arguments: [
      (
        "do_wait+0x5/0xf;kernel_wait4+0x1/0x2;do_syscall_64+0x1/0x9", "do_wait",
        "sh;do_syscall_64;kernel_wait4;do_wait"
      ),
      ("[unknown];f+0x1/0x2 [nf_tables]", "[unknown]", "sh;f;[unknown]"),
      ("f+0x1/0x2", "f", "sh;f"), ("", nil, "sh"), (";;", nil, "sh;;"),
    ] as [(String, String?, String)])
  func functionsAreTurnedRound(stack: String, first: String?, folded: String) {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    defer { scratch.deallocate() }
    Array(stack.utf8).withUnsafeBytes { stack in
      Array("sh".utf8).withUnsafeBytes { comm in
        #expect(text(firstFrame(.bytes(stack))) == first)
        let value = foldedStack(.bytes(stack), .bytes(comm), scratch: scratch)
        #expect(text(value) == folded)
      }
    }
  }

  @Test func namesAndMissingStacksAreNoFrames() {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
    defer { scratch.deallocate() }
    Array("a;b\n c".utf8).withUnsafeBytes { comm in
      #expect(text(foldedStack(.unreadable, .bytes(comm), scratch: scratch)) == "a_b_ c;[unknown]")
      #expect(text(foldedStack(.absent, .bytes(comm), scratch: scratch)) == nil)
    }
  }
}
