import KernelIterators
import RecordSchema
import TypeInformation

/// The types of a map's keys and values, asked of the running kernel.
final class LiveMapTypes: MapTypes {
  private let types: TypeTable
  private let keyType: Int
  private let valueType: Int
  private let valueSize: Int
  private let isPerCPU: Bool
  /// The latest text.
  private var text = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 10, alignment: 1)

  /// Asks for them; nil if the map has gone or has none.
  init?(_ number: UInt32) {
    guard let map = try? KernelMap(number, iterator: "map_elements"),
      let types = map.types().flatMap({ TypeTable($0) })
    else { return nil }
    self.types = types
    (keyType, valueType) = (map.keyType, map.valueType)
    (valueSize, isPerCPU) = (map.valueSize, map.isPerCPU)
  }

  deinit { text.deallocate() }

  func key(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    keep(ValueJSON.text(bytes, type: keyType, in: types))
  }

  func value(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    keep(isPerCPU ? values(bytes) : ValueJSON.text(bytes, type: valueType, in: types))
  }

  /// `[{"cpu":0,"value":…},…]`, as bpftool has it: the kernel hands them over together, as one
  /// element, and so they are one row.
  private func values(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    let stride = (valueSize + 7) / 8 * 8
    guard stride > 0 else { return nil }
    var list = Array("[".utf8)
    for cpu in 0..<(bytes.count / stride) {
      let part = UnsafeRawBufferPointer(rebasing: bytes[(cpu * stride)..<((cpu + 1) * stride)])
      guard let value = ValueJSON.text(part, type: valueType, in: types) else { return nil }
      list += Array("\(cpu == 0 ? "" : ","){\"cpu\":\(cpu),\"value\":".utf8)
      list += value + [UInt8(ascii: "}")]
    }
    return list + [UInt8(ascii: "]")]
  }

  private func keep(_ bytes: [UInt8]?) -> UnsafeRawBufferPointer? {
    guard let bytes else { return nil }
    if bytes.count > text.count {
      text.deallocate()
      text = .allocate(byteCount: bytes.count, alignment: 1)
    }
    text.copyBytes(from: bytes)
    return UnsafeRawBufferPointer(rebasing: text[..<bytes.count])
  }
}
