public import RecordSchema

/// What a writer puts before the values of each row: the same for all of them.
public struct RowStamp: Sendable {
  /// Names and texts; nil is what is not known.
  let values: [(name: String, text: String?)]

  /// The host and the moment of the reading, so that rows of many hosts can lie in one place.
  public init(_ host: HostIdentity) {
    let time = Timestamp(nanoseconds: host.time, precision: .nanoseconds)
    let texts = [host.name, host.bootID, time.description]
    values = Array(zip(Self.columns, texts)).map { (name: $0, text: $1) }
  }

  /// The moment of a look, nanoseconds since 1970.
  public init(look time: UInt64) {
    values = [("_time", Timestamp(nanoseconds: time).description)]
  }

  /// The columns that a host's stamp adds.
  public static let columns = ["host", "boot_id", "time"]

  /// `"host":"a","boot_id":null,` as JSON has it, before a row's own keys.
  var json: [UInt8] {
    var output = ByteBuffer(capacity: 128)
    for (name, text) in values {
      output.append("\"")
      output.append(string: name)
      output.append("\":")
      if let text { output.append(json: text) } else { output.append("null") }
      output.append(",")
    }
    return Array(output.bytes)
  }

  /// `a,,` as CSV has it, before a row's own values.
  var csv: [UInt8] {
    var output = ByteBuffer(capacity: 128)
    for value in values {
      output.append(csv: value.text ?? "")
      output.append(",")
    }
    return Array(output.bytes)
  }
}
