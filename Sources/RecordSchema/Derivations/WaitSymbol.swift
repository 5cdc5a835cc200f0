/// The kernel's text symbols by address.
public struct KernelSymbols: Sendable {
  private let addresses: [UInt64]
  private let names: NamePool
  private let scheduler: Range<UInt64>

  /// Reads the shape of /proc/kallsyms; nil if the addresses are hidden from this reader.
  public init?(kallsyms: [UInt8]) {
    var symbols: [(address: UInt64, name: ArraySlice<UInt8>)] = []
    var start: UInt64 = 0
    var end: UInt64 = 0
    for line in kallsyms.split(separator: UInt8(ascii: "\n")) {
      guard line.count > 19, let address = hexadecimal(line.prefix(16)) else { continue }
      let type = line[line.startIndex + 17] | 0x20
      guard type == UInt8(ascii: "t") || type == UInt8(ascii: "w") else { continue }
      let name = line.dropFirst(19).prefix { $0 != UInt8(ascii: "\t") }
      if name.elementsEqual("__sched_text_start".utf8) { start = address }
      if name.elementsEqual("__sched_text_end".utf8) { end = address }
      symbols.append((address, name))
    }
    guard start > 0, start < end else { return nil }
    scheduler = start..<end
    // Of several names for one address the kernel, which lists them in this order, takes the first.
    let order = symbols.indices.sorted { (symbols[$0].address, $0) < (symbols[$1].address, $1) }
    var distinct: [Int] = []
    for index in order where distinct.last.map({ symbols[$0].address }) != symbols[index].address {
      distinct.append(index)
    }
    addresses = distinct.map { symbols[$0].address }
    names = NamePool(distinct.map { symbols[$0].name })
  }

  /// The function that holds an address; nil for the scheduler's own, in which everyone waits.
  func waitingFunction(_ address: UInt64) -> UnsafeRawBufferPointer? {
    guard !scheduler.contains(address) else { return nil }
    var low = 0
    var high = addresses.count
    while low < high {
      let middle = (low + high) / 2
      if addresses[middle] <= address { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? names.bytes(low - 1) : nil
  }
}

private func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
  var value: UInt64 = 0
  for digit in digits {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - 48)
    case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - 87)
    default: return nil
    }
  }
  return value
}

/// The innermost function of a sleeping task that is not the scheduler's (`get_wchan`).
func waitSymbol(_ stack: FieldValue, in host: HostFacts) -> FieldValue {
  guard case .bytes(let frames) = stack else { return .missing(stack) }
  guard let symbols = host.symbols else { return .unreadable }
  for offset in stride(from: 0, to: frames.count - frames.count % 8, by: 8) {
    // SAFETY: 8 bytes are left at each offset.
    let address = frames.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    if let name = symbols.waitingFunction(address) { return .bytes(name) }
  }
  return .absent
}
