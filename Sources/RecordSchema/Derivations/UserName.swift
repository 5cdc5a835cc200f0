/// Names by number, from a file with the shape of /etc/passwd.
///
/// The file is read directly: the name service of a static glibc cannot load its modules, so users
/// that only a directory service knows (LDAP, systemd's dynamic users) have no name here.
public struct NameTable: Sendable {
  /// Rising; `names` has the same order. A search in 30 of them takes less than hashing one.
  private let numbers: [UInt64]
  private let names: NamePool
  /// False where there may be names that could not be read.
  public private(set) var isReadable = true

  /// The names of a host that does not let them be read.
  public static var unreadable: Self {
    var table = Self(passwd: [])
    table.isReadable = false
    return table
  }

  /// Reads `name:…:number:…` lines; the first of several names of one number counts, as with
  /// getpwuid(3).
  public init(passwd: [UInt8]) {
    var entries: [(number: UInt64, name: ArraySlice<UInt8>)] = []
    for line in passwd.split(separator: UInt8(ascii: "\n")) {
      if let entry = Self.entry(line) { entries.append(entry) }
    }
    // Sorting is stable: of equal numbers the first line's name stays in front.
    entries.sort { $0.number < $1.number }
    var numbers: [UInt64] = []
    var names: [ArraySlice<UInt8>] = []
    for entry in entries where entry.number != numbers.last {
      numbers.append(entry.number)
      names.append(entry.name)
    }
    self.numbers = numbers
    self.names = NamePool(names)
  }

  private static func entry(_ line: ArraySlice<UInt8>) -> (UInt64, ArraySlice<UInt8>)? {
    let colon = UInt8(ascii: ":")
    let name = line.prefix { $0 != colon }
    let digits = line[name.endIndex...].dropFirst().drop { $0 != colon }.dropFirst()
      .prefix { $0 != colon }
    guard !name.isEmpty, !digits.isEmpty else { return nil }
    var number: UInt64 = 0
    for digit in digits {
      // A user id has 32 bits: no sum of ten digits leaves 64.
      guard case UInt8(ascii: "0")...UInt8(ascii: "9") = digit, number <= UInt32.max else {
        return nil
      }
      number = number * 10 + UInt64(digit - UInt8(ascii: "0"))
    }
    return (number, name)
  }

  /// The names in the shape of /etc/passwd, with nothing but what is used of it.
  public var passwd: [UInt8] {
    var lines: [UInt8] = []
    for (index, number) in numbers.enumerated() {
      lines += names.bytes(index)
      lines += Array("::\(number)\n".utf8)
    }
    return lines
  }

  /// The name of a number; nil if it has none.
  public func name(_ number: UInt64) -> String? {
    bytes(number).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The number that has this name; nil if none has.
  public func number(of name: String) -> UInt64? {
    numbers.indices.first { names.bytes($0).elementsEqual(name.utf8) }.map { numbers[$0] }
  }

  func bytes(_ number: UInt64) -> UnsafeRawBufferPointer? {
    var low = 0
    var high = numbers.count
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low < numbers.count && numbers[low] == number ? names.bytes(low) : nil
  }
}

func userName(_ uid: FieldValue, in host: HostFacts) -> FieldValue {
  guard let number = uid.number else { return .missing(uid) }
  guard let name = host.users.bytes(number) else {
    return host.users.isReadable ? .absent : .unreadable
  }
  return .bytes(name)
}
