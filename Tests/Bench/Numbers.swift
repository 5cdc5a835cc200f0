/// A number with about three digits that count.
func number(_ value: Double) -> String {
  guard value.isFinite else { return "?" }
  let digits = abs(value) >= 99.95 ? 0 : abs(value) >= 9.995 ? 1 : 2
  let scale = [1.0, 10, 100][digits]
  let rounded = Int((abs(value) * scale).rounded())
  let whole = (value < 0 && rounded > 0 ? "-" : "") + grouped(rounded / Int(scale))
  let rest = String(rounded % Int(scale))
  guard digits > 0 else { return whole }
  return whole + "." + String(repeating: "0", count: digits - rest.count) + rest
}

/// A whole number with commas between thousands.
func grouped(_ value: Int) -> String {
  let digits = String(value)
  guard digits.count > 3 else { return digits }
  return grouped(value / 1000) + "," + digits.suffix(3)
}

/// A quotient: as a number if it is large, as one divided by a number if it is small.
func fraction(_ value: Double) -> String {
  guard value.isFinite, value > 0 else { return "?" }
  guard value < 0.2 else { return number(value) }
  // Rounded down, so that what is a little more than a fiftieth does not look like one.
  let parts = 1 / value * 1.000_000_1
  return "1/" + (parts < 10 ? number(parts) : grouped(Int(parts)))
}
