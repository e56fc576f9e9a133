import RTP
import Testing

@Suite struct BandwidthTests {
    /// A way with one queue, a fixed delay and random loss; a sender that paces packets at a given rate.
    private struct Way {
        var capacity: Double
        var loss = 0.0
        /// Bytes that the queue holds before it drops.
        var queueLimit = 60_000.0
        var generator = SplitMix(seed: 7)
        var estimator: BandwidthEstimator
        var now: UInt64 = 5_000_000_000
        private var recorder = ArrivalRecorder()
        private var freeAt: UInt64 = 0
        private var number: UInt16 = 65_000
        private var inFlight: [(arrival: UInt64, number: UInt16)] = []
        private var feedbacks: [(arrival: UInt64, feedback: TransportFeedback)] = []
        /// The longest time in the queue, in nanoseconds.
        private(set) var longestQueue: UInt64 = 0

        init(capacity: Double, settings: BandwidthEstimator.Settings = .init()) {
            self.capacity = capacity
            estimator = BandwidthEstimator(settings: settings)
        }

        /// Sends for some seconds at what `rate` says of the estimate.
        mutating func run(seconds: Int, rate: (Int) -> Double) {
            longestQueue = 0
            var credit = 0.0
            // Five milliseconds a step, feedback each 50 ms.
            for step in 0..<seconds * 200 {
                now += 5_000_000
                credit = min(credit + rate(estimator.bitsPerSecond) / 8 / 200, 12_000)
                while credit >= 1200 {
                    credit -= 1200
                    send(byteCount: 1200)
                }
                arrive()
                if step % 10 == 0 { report() }
            }
        }

        /// Sends pictures of as many packets as `count` says, 30 a second, each in one burst.
        mutating func run(frames: Int, count: (Int) -> Int) {
            for frame in 0..<frames {
                for _ in 0..<count(frame) { send(byteCount: 1200) }
                for step in 0..<7 {
                    now += 4_761_904
                    arrive()
                    if step % 3 == 0 { report() }
                }
            }
        }

        private mutating func send(byteCount: Int) {
            estimator.send(number, byteCount: byteCount, now: now)
            defer { number &+= 1 }
            if Double.random(in: 0..<1, using: &generator) < loss { return }
            let start = max(now, freeAt)
            longestQueue = max(longestQueue, start - now)
            guard Double(start - now) / 1e9 * capacity / 8 < queueLimit else { return }
            freeAt = start + UInt64(Double(byteCount) * 8 / capacity * 1e9)
            let jitter = UInt64.random(in: 0...1_000_000, using: &generator)
            inFlight.append((freeAt + 20_000_000 + jitter, number))
        }

        private mutating func arrive() {
            for packet in inFlight.sorted(by: { $0.arrival < $1.arrival }) where packet.arrival <= now {
                // The receiver's clock is another one.
                recorder.record(packet.number, now: packet.arrival + 123_000_000_000)
            }
            inFlight.removeAll { $0.arrival <= now }
            for (_, feedback) in feedbacks.filter({ $0.arrival <= now }) {
                estimator.receive(feedback, now: now)
            }
            feedbacks.removeAll { $0.arrival <= now }
        }

        private mutating func report() {
            while let feedback = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2) {
                feedbacks.append((now + 20_000_000, feedback))
            }
        }
    }

    @Test(arguments: [800_000.0, 3_000_000, 12_000_000])
    func `finds what a way carries, from below`(capacity: Double) {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 300_000
        var way = Way(capacity: capacity, settings: settings)
        way.run(seconds: 60) { Double($0) }
        #expect((0.6...1.15).contains(Double(way.estimator.bitsPerSecond) / capacity))
    }

    @Test func `falls quickly where the way becomes narrow, and the queue drains`() {
        var way = Way(capacity: 6_000_000)
        way.run(seconds: 20) { Double($0) }
        way.capacity = 1_500_000
        way.run(seconds: 5) { Double($0) }
        #expect(way.estimator.bitsPerSecond < 1_650_000)
        way.run(seconds: 20) { Double($0) }
        #expect((900_000...1_650_000).contains(way.estimator.bitsPerSecond))
        #expect(way.longestQueue < 250_000_000)
    }

    @Test func `keeps its estimate where loss is small, and falls where it is large`() {
        var way = Way(capacity: 20_000_000)
        way.loss = 0.01
        way.run(seconds: 10) { Double($0) }
        #expect(way.estimator.bitsPerSecond >= 2_000_000)
        #expect(way.estimator.loss < 0.05)
        let before = way.estimator.bitsPerSecond
        way.loss = 0.3
        way.run(seconds: 5) { Double($0) }
        #expect(way.estimator.bitsPerSecond < before / 2)
        #expect(way.estimator.loss > 0.15)
    }

    @Test func `does not take keyframes, sent in one burst, for a way that is full`() {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 3_000_000
        var way = Way(capacity: 12_000_000, settings: settings)
        way.queueLimit = 400_000
        way.run(frames: 600) { $0 % 60 == 0 ? 60 : 5 }
        #expect(way.estimator.bitsPerSecond >= 2_000_000)
        #expect(way.estimator.loss < 0.02)
    }

    @Test func `does not rise far over what is sent`() {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 500_000
        var way = Way(capacity: 50_000_000, settings: settings)
        way.run(seconds: 60) { _ in 1_000_000 }
        #expect((1_200_000...1_700_000).contains(way.estimator.bitsPerSecond))
        #expect(!way.estimator.isOverused)
    }

    @Test func `bears any feedback`() {
        var generator = SplitMix(seed: 5)
        var estimator = BandwidthEstimator()
        for round in 0..<30_000 {
            let now = UInt64(round) * 1_000_000
            estimator.send(UInt16(truncatingIfNeeded: round), byteCount: 1200, now: now)
            let deltas = (0..<Int.random(in: 0...4, using: &generator)).map { _ -> Int16? in
                Bool.random(using: &generator) ? nil : .random(in: .min ... .max, using: &generator)
            }
            let feedback = TransportFeedback(
                senderSSRC: 1,
                mediaSSRC: 2,
                baseSequenceNumber: UInt16(truncatingIfNeeded: round),
                referenceTime: round % 2 == 0
                    ? 0x7f_ffff : .random(in: -0x80_0000...0x7f_ffff, using: &generator),
                feedbackCount: 0,
                deltas: deltas
            )
            estimator.receive(feedback, now: now)
        }
        let settings = estimator.settings
        #expect((settings.minimum...settings.maximum).contains(estimator.bitsPerSecond))
    }
}
