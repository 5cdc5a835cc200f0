import FuzzTargets
import Glibc

/// libFuzzer without a main of its own (https://llvm.org/docs/LibFuzzer.html).
@_silgen_name("LLVMFuzzerRunDriver") private func runLibFuzzer(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// The value of `--NAME=`, which libFuzzer passes over.
private func option(_ name: String) -> String? {
  let start = "--\(name)="
  return CommandLine.arguments.first { $0.hasPrefix(start) }.map {
    String($0.dropFirst(start.count))
  }
}

/// Writes what the target begins with, as files of a folder.
private func writeSeeds(to folder: String) {
  for (number, seed) in target.seeds.enumerated() {
    guard let file = fopen("\(folder)/seed-\(number)", "w") else { continue }
    // SAFETY: the array has the count that is passed.
    fwrite(seed, 1, seed.count, file)
    fclose(file)
  }
}

/// The target that was named: libFuzzer hands over nothing but the input.
private let target: FuzzTarget = {
  if let target = option("target").flatMap(FuzzTarget.init(rawValue:)) { return target }
  let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")
  print("usage: kiter-fuzz --target=\(names) [--seeds=FOLDER] [FOLDER …] [-OPTION=VALUE …]")
  exit(64)
}()

if let folder = option("seeds") { writeSeeds(to: folder) }
var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
let status = runLibFuzzer(&count, &arguments) { bytes, count in
  // SAFETY: libFuzzer gives a readable buffer of that size.
  target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
exit(status)
