import Glibc

/// A plot with both axes logarithmic, as SVG: lines with their labels at the end, and a grid.
struct LogPlot {
  /// One line.
  struct Series {
    let label: String
    let points: [(x: Double, y: Double)]
  }

  let title: String
  let horizontal: String
  let vertical: String
  let series: [Series]

  // Of the whole picture, and of the room around the axes; labels need most of it.
  private static let width = 876.0
  private static let height = 480.0
  private static let (left, right, top, bottom) = (80.0, 270.0, 44.0, 52.0)
  // Told apart by most eyes, on light and on dark.
  private static let colours = ["#d55e00", "#0072b2", "#009e73", "#cc79a7"]

  private var across: LogScale {
    LogScale(
      series.flatMap { $0.points.map(\.x) }, from: Self.left, to: Self.width - Self.right)
  }
  private var up: LogScale {
    LogScale(
      series.flatMap { $0.points.map(\.y) }, from: Self.height - Self.bottom, to: Self.top)
  }

  /// The picture. It has a background of its own, so that it can be read on any page.
  var svg: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
    font-family="sans-serif" font-size="13">
    <style>
    .page { fill: #ffffff } text { fill: #222222 } .grid { stroke: #d8d8d8 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #16191d } text { fill: #e6e6e6 } .grid { stroke: #3a4048 }
    }
    </style>
    <rect class="page" width="100%" height="100%"/>
    <text x="\(Self.left)" y="24" font-size="16">\(escaped(title))</text>
    \(grid)
    \(lines)
    </svg>

    """
  }

  private var grid: String {
    let (bottom, end) = (Self.height - Self.bottom, Self.width - Self.right)
    let columns = across.ticks.map { tick in
      let x = coordinate(across.position(tick))
      return """
        <path class="grid" d="M\(x) \(Self.top)V\(bottom)"/>
        <text x="\(x)" y="\(bottom + 18)" text-anchor="middle">\(label(tick))</text>
        """
    }
    let rows = up.ticks.map { tick in
      let y = coordinate(up.position(tick))
      return """
        <path class="grid" d="M\(Self.left) \(y)H\(end)"/>
        <text x="\(Self.left - 8)" y="\(y)" dy="4" text-anchor="end">\(label(tick))</text>
        """
    }
    let titles = """
      <text x="\((Self.left + end) / 2)" y="\(Self.height - 12)" \
      text-anchor="middle">\(escaped(horizontal))</text>
      <text transform="translate(18 \((Self.top + bottom) / 2)) rotate(-90)" \
      text-anchor="middle">\(escaped(vertical))</text>
      """
    return (columns + rows + [titles]).joined(separator: "\n")
  }

  private var lines: String {
    let places = labelPlaces
    return series.enumerated().map { index, series in
      let colour = Self.colours[index % Self.colours.count]
      let points = series.points.map { point in
        (coordinate(across.position(point.x)), coordinate(up.position(point.y)))
      }
      let path = points.map { "\($0.0),\($0.1)" }.joined(separator: " ")
      let dots = points.map {
        "<circle cx=\"\($0.0)\" cy=\"\($0.1)\" r=\"3.5\" fill=\"\(colour)\"/>"
      }
      return """
        <polyline points="\(path)" fill="none" stroke="\(colour)" stroke-width="2.5"/>
        \(dots.joined())
        <text x="\(Self.width - Self.right + 10)" y="\(coordinate(places[index]))" dy="4" \
        style="fill: \(colour)">\(escaped(series.label))</text>
        """
    }.joined(separator: "\n")
  }

  /// Where the labels go: beside the ends of their lines, but not over each other.
  private var labelPlaces: [Double] {
    let ends = series.map { up.position($0.points.last?.y ?? 1) }
    var places = ends
    var last = -Double.infinity
    for index in ends.indices.sorted(by: { ends[$0] < ends[$1] }) {
      places[index] = max(ends[index], last + 18)
      last = places[index]
    }
    return places
  }

  private func label(_ value: Double) -> String {
    value >= 1 ? grouped(Int(value.rounded())) : number(value)
  }

  private func coordinate(_ value: Double) -> Double { (value * 10).rounded() / 10 }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}

/// Positions along an axis, in proportion to the logarithm, over whole powers of ten or their thirds.
struct LogScale {
  /// The values that get a line of the grid: 1, 3, 10, 30 and so on, to beyond the values shown.
  let ticks: [Double]
  private let from: Double
  private let to: Double

  init(_ values: [Double], from: Double, to: Double) {
    let positive = values.filter { $0 > 0 }
    let (least, most) = (positive.min() ?? 1, positive.max() ?? 10)
    let all = (-9...12).flatMap { [pow(10, Double($0)), 3 * pow(10, Double($0))] }
    let below = all.last { $0 <= least * 1.0001 } ?? least
    let above = all.first { $0 >= most * 0.9999 && $0 > below } ?? most
    ticks = all.filter { $0 >= below && $0 <= above }
    (self.from, self.to) = (from, to)
  }

  /// Where a value lies.
  func position(_ value: Double) -> Double {
    guard let first = ticks.first, let last = ticks.last else { return from }
    return from + (to - from) * log(value / first) / log(last / first)
  }
}
