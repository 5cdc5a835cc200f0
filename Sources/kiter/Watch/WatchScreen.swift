import Glibc
import IteratorCatalog
import KernelIterators
import RecordOutput
import RecordQuery
import RecordSchema

/// A terminal that is drawn on, and the thread that puts it back when a signal ends kiter.
struct WatchTerminal {
  let terminal = RawTerminal()
  let signals: WatchSignals

  /// To be made before any other thread is started.
  init() { signals = WatchSignals(terminal) }
}

/// Draws a table in place, and does what keys say.
final class WatchScreen {
  private let looker: Looker
  private let terminal: RawTerminal
  private let changes: Int32
  private let output: OutputOptions
  private let interval: UInt64
  private let host: HostFacts
  private var keys = KeyParser()
  /// What the columns have been wide at most: they do not dance.
  private var widths: [String: Int] = [:]
  /// Rows that fitted on the screen when it was last drawn.
  private var page = 1

  init(
    _ looker: Looker, _ terminal: WatchTerminal, _ output: OutputOptions, every interval: UInt64,
    host: HostFacts
  ) {
    self.looker = looker
    self.terminal = terminal.terminal
    changes = terminal.signals.changes
    self.output = output
    self.interval = interval
    self.host = host
  }

  /// Draws until the user quits, or the terminal goes.
  ///
  /// - Throws: why the table cannot be read; the first look's errors leave the screen untouched.
  func run(_ query: RowQuery) throws -> RowPump.End {
    var look = try looker.look(query, anew: true)
    var view = WatchView(query, columns: look.projection.columns.map(\.field))
    terminal.enter()
    defer { terminal.leave() }
    var next = clockTime(CLOCK_MONOTONIC) + interval
    while true {
      try draw(look, &view)
      switch wait(until: next, &view) {
      case .quitting: return end(look)
      case .asking: look = try answer(&view, look, anew: false)
      case .drawing: break
      case .nothing:
        look = try answer(&view, look, anew: true)
        next = max(next + interval, clockTime(CLOCK_MONOTONIC))
      }
    }
  }

  /// Looks as the view says; a filter that cannot be is said, and the one before stays.
  private func answer(_ view: inout WatchView, _ last: Look, anew: Bool) throws -> Look {
    do {
      let look = try looker.look(view.query, anew: anew)
      accepted = view.query
      return look
    } catch let error as QueryError {
      guard let accepted, accepted != view.query else { throw error }
      view.query = accepted
      view.message = error.message
      return try looker.look(accepted, anew: anew)
    }
  }

  /// The query that was last answered.
  private var accepted: RowQuery?

  private func end(_ look: Look) -> RowPump.End {
    // Marks were seen; nothing is left to be said of them.
    let notes = JSONWriter(look.projection, host: host, lines: true).notes
    return RowPump.End(notes: notes, preamble: look.rows.preamble, isClosed: true, error: nil)
  }

  /// Waits for a key, another size of the terminal or the time for the next look: `nothing`.
  private func wait(until time: UInt64, _ view: inout WatchView) -> WatchView.Effect {
    let hasKeys = isatty(STDIN_FILENO) == 1
    while true {
      var events = [
        pollfd(fd: hasKeys ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: changes, events: Int16(POLLIN), revents: 0),
      ]
      // Half a sequence is completed at once, or not at all.
      let patience: Int32 = keys.isUndecided ? 50 : .max
      let left = millisecondsLeft(until: time)
      // SAFETY: the array has the count that is passed.
      let count = poll(&events, nfds_t(events.count), min(left, patience))
      if events[1].revents != 0 {
        _ = readSome(changes)
        return .drawing
      }
      var pressed = count == 0 ? keys.decide() : []
      if events[0].revents != 0 {
        guard let bytes = readSome(STDIN_FILENO) else { return .quitting }
        pressed = keys.keys(bytes)
      }
      let effect = take(pressed, &view)
      if effect != .nothing || left == 0 { return effect }
    }
  }

  /// The greatest of the effects of some keys.
  private func take(_ pressed: [Key], _ view: inout WatchView) -> WatchView.Effect {
    var effect = WatchView.Effect.nothing
    for key in pressed {
      let next = view.take(key, page: page)
      if next == .quitting { return next }
      if next == .asking || effect == .nothing { effect = next }
    }
    return effect
  }

  /// What there is to read; nil at the end.
  private func readSome(_ descriptor: Int32) -> ArraySlice<UInt8>? {
    var bytes = [UInt8](repeating: 0, count: 256)
    // SAFETY: read is given the size of the buffer.
    let count = read(descriptor, &bytes, bytes.count)
    if count < 0 && errno == EINTR { return [] }
    return count > 0 ? bytes[..<count] : nil
  }
}

// MARK: - Drawing

extension WatchScreen {
  private func draw(_ look: Look, _ view: inout WatchView) throws {
    guard let size = terminalSize() else { return }
    page = max(1, size.rows - (output.noHeader ? 2 : 3))
    view.fit(rows: look.rows.count, page: page)
    let frame = try frame(look, view, size)
    try terminal.draw(frame.bytes)
  }

  /// The rows that are seen, as lines.
  private func frame(_ look: Look, _ view: WatchView, _ size: TerminalSize) throws -> Frame {
    let change = look.projection.schema.storedFields.firstIndex {
      $0.name == DeltaSchema.change
    }.map { look.projection.layout.slots[$0] }
    let projection = try Projection(
      look.projection.schema, columns: view.columns[view.left...].map(\.name))
    var style = TableStyle(hasHeader: !output.noHeader, isRaw: output.raw)
    style.width = max(1, size.columns - (change == nil ? 0 : Frame.margin))
    style.leastWidths = projection.columns.map { widths[$0.field.name] ?? 0 }
    var writer = TableWriter(projection, host: host, style: style)
    var marks: [Frame.Mark] = []
    let rows = look.rows.part(view.top..<min(look.rows.count, view.top + page))
    var stream = RecordStream(rows, schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ record, preamble in
      marks.append(change.map { mark(record.value($0)) } ?? .none)
      writer.append(record, preamble)
    }) {}
    writer.end()
    for (column, width) in zip(projection.columns, writer.wantedWidths) {
      widths[column.field.name] = width
    }
    var lines = Array(writer.output.bytes.dropLast())
      .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
    let header = output.noHeader ? nil : lines.popFirst()
    return Frame(
      size: size,
      title: view.title(
        look.projection.schema.name, rows: look.rows.count, every: seconds(interval)),
      footer: view.footer, isPrompt: view.prompt != nil, header: header,
      rows: zip(lines, marks).map { (line: $0, mark: $1) }, hasMarks: change != nil)
  }

  private func mark(_ change: FieldValue) -> Frame.Mark {
    guard case .bytes(let text) = change else { return .none }
    return text.elementsEqual("new".utf8) ? .new : .gone
  }
}

/// 1, 2.5
private func seconds(_ nanoseconds: UInt64) -> String {
  let milliseconds = nanoseconds / 1_000_000
  return milliseconds % 1000 == 0
    ? "\(milliseconds / 1000)" : "\(Double(milliseconds) / 1000)"
}
