import Glibc
import Testing

@testable import kiter_bench

/// What the benchmark could get wrong without anyone seeing it.
@Suite struct BenchTests {
  @Test(arguments: [([7], 7), ([9, 1, 5], 5), ([4, 1, 3, 2], 2.5)] as [([Double], Double)])
  func medianIsTheMiddle(values: [Double], expected: Double) {
    #expect(median(values) == expected)
  }

  @Test func nothingHasNoMedian() {
    #expect(median([]).isNaN)
    #expect(spread([]).isNaN)
    #expect(spread([-1, 2]).isNaN)
    #expect(spread([2, 3, 5]) == 2.5)
  }

  @Test func aRatioIsOfTheMedians() {
    let row = ComparisonRow(
      title: "", peer: "", kiter: sample(1, 2, 30), other: sample(100, 90, 120), objects: "",
      sawTheSame: true, limit: .ratio(0.02))
    #expect(row.kiter.milliseconds == 2)
    #expect(row.ratio == 0.02)
    #expect(row.isMet)
  }

  @Test func otherObjectsMeetNothing() {
    let row = ComparisonRow(
      title: "", peer: "", kiter: sample(1), other: sample(100), objects: "", sawTheSame: false,
      limit: .ratio(0.5))
    #expect(!row.isMet)
  }

  @Test func memoryIsJudgedByThePeak() {
    var kiter = Sample()
    kiter.add(Run(nanoseconds: 1, peakKiB: 24 * 1024))
    kiter.add(Run(nanoseconds: 1, peakKiB: 10))
    func row() -> ComparisonRow {
      ComparisonRow(
        title: "", peer: "", kiter: kiter, other: sample(1), objects: "", sawTheSame: true,
        limit: .peakMiB(24))
    }
    #expect(row().isMet)
    kiter.add(Run(nanoseconds: 1, peakKiB: 24 * 1024 + 1))
    #expect(!row().isMet)
  }

  @Test(arguments: [
    (0.0, "0.00"), (1.006, "1.01"), (9.996, "10.0"), (12.34, "12.3"), (99.96, "100"),
    (1234.5, "1,235"), (1_000_000, "1,000,000"), (-2.5, "-2.50"), (Double.nan, "?"),
  ])
  func numbersHaveThreeDigits(value: Double, expected: String) {
    #expect(number(value) == expected)
  }

  @Test(arguments: [
    (0.02, "1/50"), (1 / 49.6, "1/49"), (1 / 7.25, "1/7.25"), (0.4, "0.40"), (1, "1.00"),
    (.nan, "?"), (0, "?"),
  ])
  func smallQuotientsAreParts(value: Double, expected: String) {
    #expect(fraction(value) == expected)
  }

  private func sample(_ milliseconds: UInt64...) -> Sample {
    var sample = Sample()
    for time in milliseconds { sample.add(nanoseconds: time * 1_000_000) }
    return sample
  }
}

/// Which lines are objects.
@Suite struct LineCountTests {
  @Test func titlesAreNoObjects() {
    #expect(LineCount.all(titles: 1).count(in: "PID COMM\n1 init\n2 kthreadd\n") == 2)
    #expect(LineCount.all(titles: 0).count(in: "a\nb") == 2)
    #expect(LineCount.all(titles: 1).count(in: "") == 0)
  }

  @Test func ofLsofOnlyDescriptors() {
    let text = """
      COMMAND PID TID TASKCMD USER FD TYPE DEVICE SIZE/OFF NODE NAME
      waiter   12     root  cwd    DIR  254,0     4096    2 /
      waiter   12     root  txt    REG  254,0      200    7 /tmp/waiter
      waiter   12     root    0r  FIFO   0,14      0t0  123 pipe
      waiter   12     root   12u   CHR    1,3      0t0    5 /dev/null
      other    13     root    1w   CHR    1,3      0t0    5 /dev/null
      """
    #expect(LineCount.numbered(at: 3, name: "waiter").count(in: text) == 2)
    #expect(LineCount.numbered(at: 3).count(in: text) == 3)
  }

  @Test func aWordIsAWholeWord() {
    let text = "1 waiter\n2 waiters\n3 a waiter b\n"
    #expect(LineCount.with("waiter").count(in: text) == 2)
    #expect(LineCount.without("waiter", titles: 1).count(in: text) == 1)
  }

  @Test func mappingsOfTheseProcesses() {
    let text = """
      {"pid":12,"start":"0x1"}
      {"pid":123,"start":"0x2"}
      {"pid":12,"name":"a b"}
      {"pid":1}
      """
    #expect(LineCount.json(of: [12]).count(in: text) == 2)
  }

  @Test func outputInPiecesIsCountedOnce() throws {
    let lines = Command(["seq", "-f", "line-%06g", "200000"])
    #expect(try LineCount.all(titles: 1).count(lines) == 199_999)
  }
}

/// The axes of the plots.
@Suite struct LogScaleTests {
  @Test func tensAndThreesAroundTheValues() {
    let scale = LogScale([100, 30_000], from: 0, to: 1)
    #expect(scale.ticks == [100, 300, 1000, 3000, 10_000, 30_000])
  }

  @Test func positionsGrowWithTheLogarithm() {
    let scale = LogScale([1, 50], from: 10, to: 410)
    #expect(scale.ticks == [1, 3, 10, 30, 100])
    #expect(scale.position(1) == 10)
    #expect(abs(scale.position(10) - 210) < 1e-9)
    #expect(abs(scale.position(100) - 410) < 1e-9)
  }

  @Test func upIsLess() {
    let scale = LogScale([0.5, 7], from: 400, to: 20)
    #expect(scale.ticks.count == 4 && abs(scale.ticks[0] - 0.3) < 1e-9 && scale.ticks.last == 10)
    #expect(scale.position(7) < scale.position(0.5))
  }

  @Test func aPlotHasAllLinesAndLabels() {
    let plot = LogPlot(
      title: "a < b", horizontal: "n", vertical: "ms",
      series: [
        .init(label: "one", points: [(100, 1), (1000, 2)]),
        .init(label: "two", points: [(100, 10), (1000, 90)]),
      ])
    #expect(plot.svg.contains("a &lt; b"))
    #expect(plot.svg.components(of: "<polyline") == 2)
    #expect(plot.svg.components(of: "<circle") == 4)
    #expect(plot.svg.contains(">one</text>") && plot.svg.contains(">two</text>"))
  }
}

/// What is read of other programs' output.
@Suite struct ParsingTests {
  @Test func loadsThatSucceeded() {
    let trace = """
      7 bpf(BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_ARRAY}, 72) = 4 <0.000100>
      7 bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_TRACING}, 148) = 5 <0.000812>
      7 bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_TRACING}, 148) = -1 EINVAL (Invalid) <0.000050>
      7 bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_TRACING}, 148) = 6 <0.001200>
      7 +++ exited with 0 +++
      """
    #expect(programLoadTimes(trace) == [0.000812, 0.0012])
  }

  @Test func procfsOfThisProcess() throws {
    let procfs = try ProcStatus()
    defer { procfs.close() }
    let own = try #require(procfs.snapshot().first { $0.pid == UInt32(getpid()) })
    #expect(own.ppid == UInt32(getppid()))
    #expect(own.uid == getuid() && own.gid == getgid())
    #expect(text("/proc/self/comm") == own.comm + "\n")
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
