import RTP
import Testing

/// One viewer of three layers over a simulated way, whose capacity changes.
@Suite struct LayeredWayTests {
    private let layers = [150_000, 500_000, 1_800_000]
    private var selector = LayerSelector()
    private var way: SimulatedWay

    init() {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 1_500_000
        way = SimulatedWay(capacity: 3_000_000, settings: settings)
        way.queueLimit = 150_000
    }

    private mutating func run(seconds: Int) -> [Int] {
        way.run(seconds: seconds, layers: layers, by: &selector)
    }

    /// Seconds until `layer` is sent for the rest of the time, `nil` where it is not at the end.
    private static func settled(_ sent: [Int], on layer: Int) -> Double? {
        guard sent.last == layer else { return nil }
        return Double(sent.lastIndex { $0 != layer }.map { $0 + 1 } ?? 0) / 30
    }

    @Test mutating func `the layer follows 3 Mbit/s, 500 kbit/s and 3 Mbit/s again within bounded times`()
        throws
    {
        let begin = run(seconds: 20)
        #expect(begin.first == 1, "what fits the careful beginning")
        #expect(try #require(Self.settled(begin, on: 2)) < 5)
        way.capacity = 500_000
        let narrow = run(seconds: 30)
        #expect(try #require(Self.settled(narrow, on: 0)) < 20)
        #expect(try #require(narrow.firstIndex { $0 < 2 }) < 30, "down within a second")
        #expect(way.estimator.bitsPerSecond < 550_000)
        way.capacity = 3_000_000
        let wide = run(seconds: 30)
        #expect(try #require(Self.settled(wide, on: 2)) < 20)
        #expect(way.estimator.bitsPerSecond > 2_000_000)
    }

    @Test mutating func `attempts to rise on a narrow way neither lower the layer nor fill the queue`() {
        way.capacity = 800_000
        _ = run(seconds: 15)
        let steady = run(seconds: 60)
        #expect(steady.filter { $0 == 1 }.count > steady.count * 9 / 10)
        #expect(way.longestQueue < 300_000_000)
    }

    /// Ways between two layers, and near to what one of them needs.
    private static let capacities: [Double] = [
        400_000, 550_000, 600_000, 700_000, 800_000, 1_200_000, 1_700_000, 1_800_000, 1_900_000, 2_000_000,
        2_100_000, 2_200_000, 2_300_000, 2_500_000, 3_000_000,
    ]

    @Test(arguments: capacities, [0, 0.01])
    mutating func `on a way that stays as it is the layer changes twice at most`(
        capacity: Double,
        loss: Double
    ) {
        way.capacity = capacity
        way.loss = loss
        way.jitter = 8_000_000
        way.keyframeWeight = 5
        let begin = run(seconds: 10)
        let sent = begin.suffix(1) + run(seconds: 170)
        let changes = zip(sent, sent.dropFirst()).count { $0 != $1 }
        #expect(changes <= 2)
    }

    @Test mutating func `a wide way is found out within a few attempts`() {
        way.capacity = 50_000_000
        _ = run(seconds: 5)
        #expect(way.estimator.bitsPerSecond > 1_800_000 * 115 / 100)
    }
}

@Suite struct ReportedRateTests {
    private let second: UInt64 = 1_000_000_000

    private func report(_ loss: UInt8) -> ReportBlock {
        ReportBlock(
            ssrc: 1,
            fractionLost: loss,
            cumulativeLost: 0,
            highestSequenceNumber: 0,
            jitter: 0,
            lastSenderReport: 0,
            delaySinceLastSenderReport: 0
        )
    }

    @Test func `without feedback by number the loss in reports counts`() {
        var estimator = BandwidthEstimator()
        #expect(!estimator.hasHeard)
        for now in 1...20 { estimator.receive(report(0), sent: 1_000_000, now: UInt64(now) * second) }
        #expect((3_900_000...4_400_000).contains(estimator.bitsPerSecond), "at most four times what is sent")
        for now in 21...23 { estimator.receive(report(77), sent: 1_000_000, now: UInt64(now) * second) }
        #expect((500_000...800_000).contains(estimator.bitsPerSecond))
        #expect((0.29...0.31).contains(estimator.loss))
    }

    @Test func `a receiver's own estimate is a bound as long as it is fresh`() {
        var estimator = BandwidthEstimator()
        estimator.receive(report(0), sent: 1_000_000, now: second)
        let own = BitrateEstimate(senderSSRC: 1, bitsPerSecond: 700_000, ssrcs: [2])
        estimator.receive(own, now: second)
        #expect(estimator.bitsPerSecond == 700_000)
        for now in 2...30 { estimator.receive(report(0), sent: 700_000, now: UInt64(now) * second) }
        #expect(estimator.bitsPerSecond > 2_000_000)
        estimator.receive(BitrateEstimate(senderSSRC: 1, bitsPerSecond: .max, ssrcs: []), now: 31 * second)
        #expect(estimator.bitsPerSecond == estimator.settings.maximum)
    }
}
