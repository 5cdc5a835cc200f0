/// What a field means, and so how it is shown. JSON type in brackets.
@frozen public enum Kind: String, Sendable, Codable, BitwiseCopyable, CaseIterable {
  /// A number of things [number].
  case count
  /// A signed number without a unit, such as a nice value [number].
  case integer
  /// A number that names a kernel object [number].
  case id
  /// A process or thread, in the reader's pid namespace unless the name says otherwise [number].
  case pid
  case uid, gid
  /// An amount of memory or data [number; a table shows 1.5M].
  case bytes
  /// A position in a file [number].
  case offset
  case nanoseconds, microseconds, milliseconds, seconds
  /// Nanoseconds of CLOCK_BOOTTIME since boot [number].
  case bootTime = "boot_time"
  /// Nanoseconds since 1970, shown as RFC 3339 in UTC [string].
  case timestamp
  /// Tenths of a percent [number with one decimal].
  case percent
  /// A kernel or user address [hexadecimal string].
  case address
  /// A set of bits without names [hexadecimal string].
  case mask
  /// An opaque 64-bit identity [hexadecimal string].
  case cookie
  case inode
  /// The kernel's dev_t: 12 bits major, 20 bits minor ["major:minor"].
  case device
  /// Type and permission bits as stat(2) has them ["0100644"].
  case mode
  /// An IPv4 or IPv6 address [string].
  case ip
  case port
  /// A file's path; any bytes but NUL [string].
  case path
  /// Any other text; any bytes [string].
  case text
  /// NUL-terminated strings in a row, shown with spaces between them as ps does [string].
  case arguments
  /// A value with a name [lower-case string].
  case enumeration = "enum"
  /// A set of bits with names [array of lower-case strings].
  case flags
  /// [true or false]
  case boolean
  /// Several numbers [array].
  case list
  /// Bytes that are no text [string of two hexadecimal digits each].
  case hex
  /// A value with a structure of its own, which only its type tells [any JSON]; always derived.
  case json
}

extension Kind {
  /// Is it an amount of something, of which more or less can be said?
  public var isAmount: Bool {
    switch self {
    case .count, .bytes, .nanoseconds, .microseconds, .milliseconds, .seconds, .percent: true
    default: false
    }
  }
}
