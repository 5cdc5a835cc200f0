/// What a load is told, beside the program itself.
struct LoadSettings {
  /// Bytes of `struct kiter_config`: columns, slots, parameters.
  var constants: [UInt8]
  /// Scratch slots.
  var slots: UInt32 = 1
  /// For a program that walks by itself; without, its maps are not made.
  var memory: DirectMemorySize?

  /// The size of a map that is not what the object file says.
  func entries(of map: String) -> UInt32? {
    switch map {
    case "kiter_slots": slots
    case "kiter_chunks": memory?.chunks ?? 0
    case "kiter_lists": memory?.lists ?? 0
    default: nil
    }
  }
}

extension ProgramImage {
  /// The map whose content is the constants.
  static var constantsName: String { ".rodata.config" }
}
