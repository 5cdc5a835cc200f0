/// Names by number, from a file with the shape of /etc/passwd.
///
/// The file is read directly: the name service of a static glibc cannot load its modules, so users
/// that only a directory service knows have no name here.
public struct NameTable: Sendable {
  private let numbers: [UInt64: Int]
  private let names: NamePool

  /// Reads `name:…:number:…` lines; the first of several names of one number counts, as with
  /// getpwuid(3).
  public init(passwd: [UInt8]) {
    var numbers: [UInt64: Int] = [:]
    var names: [ArraySlice<UInt8>] = []
    for line in passwd.split(separator: UInt8(ascii: "\n")) {
      let parts = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
      guard parts.count >= 3, !parts[0].isEmpty,
        let number = UInt64(String(decoding: parts[2], as: UTF8.self)), numbers[number] == nil
      else { continue }
      numbers[number] = names.count
      names.append(parts[0])
    }
    self.numbers = numbers
    self.names = NamePool(names)
  }

  /// The number that has this name; nil if none has.
  func number(of name: String) -> UInt64? {
    numbers.first { names.bytes($0.value).elementsEqual(name.utf8) }?.key
  }

  func bytes(_ number: UInt64) -> UnsafeRawBufferPointer? { numbers[number].map(names.bytes) }
}

func userName(_ uid: FieldValue, in host: HostFacts) -> FieldValue {
  guard let number = uid.number else { return .missing(uid) }
  guard let name = host.users.bytes(number) else { return .absent }
  return .bytes(name)
}
