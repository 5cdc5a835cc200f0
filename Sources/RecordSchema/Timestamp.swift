/// A moment, written as RFC 3339 in UTC, with milliseconds if not told otherwise:
/// 2026-11-22T19:50:29.123Z.
public struct Timestamp: CustomStringConvertible {
  /// How many digits a second's parts have.
  public enum Precision: Int, Sendable {
    case milliseconds = 3
    case nanoseconds = 9
  }

  private let nanoseconds: UInt64
  private let precision: Precision

  /// A moment, by nanoseconds since 1970.
  public init(nanoseconds: UInt64, precision: Precision = .milliseconds) {
    self.nanoseconds = nanoseconds
    self.precision = precision
  }

  /// Bytes that the text takes with milliseconds.
  public static let length = 24

  /// The text.
  public var description: String {
    var text: [UInt8] = []
    write { text.append($0) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Hands over the text byte by byte.
  public func write(_ put: (UInt8) -> Void) {
    let seconds = nanoseconds / 1_000_000_000
    let date = Self.date(day: Int(seconds / 86_400))
    let time = Int(seconds % 86_400)
    let fraction = Int(nanoseconds % 1_000_000_000)
    Self.write(date.year, 4, put)
    put(UInt8(ascii: "-"))
    Self.write(date.month, 2, put)
    put(UInt8(ascii: "-"))
    Self.write(date.day, 2, put)
    put(UInt8(ascii: "T"))
    Self.write(time / 3600, 2, put)
    put(UInt8(ascii: ":"))
    Self.write(time / 60 % 60, 2, put)
    put(UInt8(ascii: ":"))
    Self.write(time % 60, 2, put)
    put(UInt8(ascii: "."))
    Self.write(precision == .nanoseconds ? fraction : fraction / 1_000_000, precision.rawValue, put)
    put(UInt8(ascii: "Z"))
  }

  private static func write(_ number: Int, _ digits: Int, _ put: (UInt8) -> Void) {
    var scale = 1
    for _ in 1..<digits { scale *= 10 }
    while scale > 0 {
      put(UInt8(ascii: "0") + UInt8(number / scale % 10))
      scale /= 10
    }
  }

  /// The Gregorian date of a day since 1970 (H. Hinnant's civil_from_days).
  private static func date(day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
