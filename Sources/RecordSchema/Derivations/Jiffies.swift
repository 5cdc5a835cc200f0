/// Milliseconds from jiffies. The length of a jiffy follows from a setting that the kernel keeps in
/// jiffies and shows in seconds; a negative time (a timer that is due) is 0.
func jiffiesMilliseconds(_ jiffies: FieldValue, finTimeout: FieldValue, in host: HostFacts)
  -> FieldValue
{
  guard case .signed(let ticks) = jiffies, let timeout = finTimeout.number else {
    return .missing(jiffies, finTimeout)
  }
  guard let seconds = host.tcpFinTimeout, seconds > 0, timeout >= seconds else {
    return .unreadable
  }
  let perSecond = timeout / seconds
  return .unsigned(UInt64(max(0, ticks)) &* 1000 / perSecond)
}
