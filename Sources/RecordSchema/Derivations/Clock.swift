func wallClock(_ sinceBoot: FieldValue, in host: HostFacts) -> FieldValue {
  guard let time = sinceBoot.number else { return .missing(sinceBoot) }
  return .unsigned(UInt64(clamping: Int64(clamping: time) &+ host.wallClockOffset))
}

/// `now` is the stream's opening: what started later has the age 0.
func ageSeconds(_ sinceBoot: FieldValue, now: UInt64) -> FieldValue {
  guard let time = sinceBoot.number else { return .missing(sinceBoot) }
  return .unsigned((now > time ? now - time : 0) / 1_000_000_000)
}
