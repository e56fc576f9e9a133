import RTP
import Testing

@Suite struct ProbeTests {
    private static let millisecond: UInt64 = 1_000_000

    private static func feedback(_ first: Int, reference: Int32, _ deltas: [Int16?]) -> TransportFeedback {
        TransportFeedback(
            senderSSRC: 1,
            mediaSSRC: 2,
            baseSequenceNumber: UInt16(truncatingIfNeeded: first),
            referenceTime: reference,
            feedbackCount: 0,
            deltas: deltas
        )
    }

    @Test(arguments: [0, 1000, -1000, -0x80_0000] as [Int32])
    func `finds out what a way carries, whatever the receiver's clock says`(reference: Int32) {
        var settings = BandwidthEstimator.Settings()
        settings.initial = 1_000_000
        var estimator = BandwidthEstimator(settings: settings)
        estimator.send(0, byteCount: 1000, now: Self.millisecond)
        estimator.receive(Self.feedback(0, reference: reference, [0]), now: 20 * Self.millisecond)
        estimator.probe(for: 4_000_000, now: 20 * Self.millisecond)
        var count = 1
        var deltas: [Int16?] = []
        for time in 20..<200 where estimator.isProbing {
            let now = UInt64(time) * Self.millisecond
            while estimator.probeDebt(now: now) > 0, estimator.isProbing {
                estimator.send(UInt16(count), byteCount: 1000, now: now)
                // A way without a queue: four steps of 250 µs for each millisecond since the packet before.
                deltas.append(Int16(4 * time) - deltas.reduce(0) { $0 + ($1 ?? 0) })
                count += 1
            }
        }
        #expect(!estimator.isProbing)
        estimator.receive(Self.feedback(1, reference: reference, deltas), now: 300 * Self.millisecond)
        #expect(estimator.bitsPerSecond > 2_000_000)
    }

    @Test func `bears a receiver's clock that runs over`() {
        var estimator = BandwidthEstimator()
        var reference: Int32 = 0
        for round in 0..<17_300 {
            let now = UInt64(round) * 20 * Self.millisecond
            estimator.send(UInt16(truncatingIfNeeded: round), byteCount: 1200, now: now)
            // As far ahead as 24 bits can say, and again and again: the burst is under way as 63 bits are full.
            if round > 17_170 { estimator.probe(for: 90_000_000, now: now) }
            reference = ((reference &+ 0x7f_ffff) << 8) >> 8
            estimator.receive(Self.feedback(round, reference: reference, [0]), now: now)
        }
        let settings = estimator.settings
        #expect((settings.minimum...settings.maximum).contains(estimator.bitsPerSecond))
    }
}
