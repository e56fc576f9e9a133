import RTP
import TestSupport
import Testing

@Suite struct BandwidthTests {
    @Test(arguments: [800_000.0, 3_000_000, 12_000_000])
    func `finds what a way carries, from below`(capacity: Double) {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 300_000
        var way = SimulatedWay(capacity: capacity, settings: settings)
        way.run(seconds: 60) { Double($0) }
        #expect((0.6...1.15).contains(Double(way.estimator.bitsPerSecond) / capacity))
    }

    @Test func `falls quickly where the way becomes narrow, and the queue drains`() {
        var way = SimulatedWay(capacity: 6_000_000)
        way.run(seconds: 20) { Double($0) }
        way.capacity = 1_500_000
        way.run(seconds: 5) { Double($0) }
        #expect(way.estimator.bitsPerSecond < 1_650_000)
        way.run(seconds: 20) { Double($0) }
        #expect((900_000...1_650_000).contains(way.estimator.bitsPerSecond))
        #expect(way.longestQueue < 250_000_000)
    }

    @Test func `knows what a way carries that has become narrow before its queue is half a second long`() {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 1_000_000
        var way = SimulatedWay(capacity: 20_000_000, settings: settings)
        way.run(frames: 300) { _ in 2 }
        #expect(way.estimator.queueDelay(at: way.now) < 10_000_000)
        way.capacity = 288_000
        way.run(frames: 14) { _ in 2 }
        #expect((200_000...320_000).contains(way.estimator.bitsPerSecond))
        #expect((100_000_000...500_000_000).contains(way.estimator.queueDelay(at: way.now)))
        #expect(way.estimator.queueDelay(at: way.now + 1_000_000_000) == 0)
        way.run(frames: 30) { _ in 0 }
        way.run(frames: 30) { $0 % 2 }
        #expect(way.estimator.queueDelay(at: way.now) < 50_000_000)
    }

    @Test func `keeps its estimate where loss is small, and falls where it is large`() {
        var way = SimulatedWay(capacity: 20_000_000)
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
        var way = SimulatedWay(capacity: 12_000_000, settings: settings)
        way.queueLimit = 400_000
        way.run(frames: 600) { $0 % 60 == 0 ? 60 : 5 }
        #expect(way.estimator.bitsPerSecond >= 2_000_000)
        #expect(way.estimator.loss < 0.02)
    }

    @Test func `does not rise far over what is sent`() {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 500_000
        var way = SimulatedWay(capacity: 50_000_000, settings: settings)
        way.run(seconds: 60) { _ in 1_000_000 }
        #expect((1_200_000...1_700_000).contains(way.estimator.bitsPerSecond))
        #expect(!way.estimator.isOverused)
    }

    @Test func `a packet that is told to be missing again and again counts once`() {
        var estimator = BandwidthEstimator()
        var feedback = TransportFeedback(
            senderSSRC: 1,
            mediaSSRC: 2,
            baseSequenceNumber: 0,
            referenceTime: 0,
            feedbackCount: 0,
            deltas: []
        )
        for number in 0..<200 {
            let now = UInt64(number) * 10_000_000
            estimator.send(UInt16(number), byteCount: 1200, now: now)
            // One in fifty is lost; each feedback tells of all that came before.
            let delta: Int16? = number % 50 == 49 ? nil : number % 50 == 0 && number > 0 ? 80 : 40
            feedback.deltas.append(delta)
            estimator.receive(feedback, now: now + 5_000_000)
        }
        #expect((0.01...0.03).contains(estimator.loss))
    }

    @Test func `a packet that comes after all was not lost`() {
        var estimator = BandwidthEstimator()
        for number in 0..<200 {
            estimator.send(UInt16(number), byteCount: 1200, now: UInt64(number) * 10_000_000)
        }
        func feedback(_ deltas: [Int16?]) -> TransportFeedback {
            TransportFeedback(
                senderSSRC: 1,
                mediaSSRC: 2,
                baseSequenceNumber: 0,
                referenceTime: 0,
                feedbackCount: 0,
                deltas: deltas
            )
        }
        let early = (0..<100).map { $0 % 4 == 3 ? nil : Int16(40) }
        estimator.receive(feedback(early), now: 2_000_000_000)
        estimator.receive(feedback([Int16](repeating: 40, count: 200)), now: 3_000_000_000)
        #expect(estimator.loss == 0)
    }

    @Test func `random loss does not take away what arrives`() {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 8_000_000
        var way = SimulatedWay(capacity: 50_000_000, settings: settings)
        way.loss = 0.15
        way.run(seconds: 30) { _ in 2_500_000 }
        #expect(way.estimator.bitsPerSecond > 1_900_000)
    }

    @Test func `bears any feedback`() {
        var generator = SeededGenerator(seed: 5)
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
