import RTP
import TestSupport
import Testing

@Suite struct MediaClockTests {
    private let second: UInt64 = 1_000_000_000

    private func report(_ seconds: Double, _ timestamp: UInt32) -> SenderReport {
        SenderReport(
            ssrc: 1,
            ntpTime: UInt64(seconds * 4_294_967_296),
            rtpTimestamp: timestamp,
            packetCount: 0,
            byteCount: 0
        )
    }

    @Test func `begins when the first packet comes and then follows the timestamps`() {
        var clock = MediaClock(clockRate: 90_000)
        let first = clock.time(of: 0xffff_ff00, arrival: 10 * second)
        let next = clock.time(of: 0xa8c, arrival: 11 * second)
        #expect(first == 900_000)
        #expect(next == 900_000 + 0xb8c)
    }

    @Test func `leads a track to the other one by half a percent at most`() {
        var publisher = PublisherClock()
        var sound = MediaClock(clockRate: 48_000)
        var picture = MediaClock(clockRate: 90_000)
        _ = sound.time(of: 0, arrival: 10 * second)
        // The picture came 100 ms later than its sound, though it was taken at the same time.
        _ = picture.time(of: 0, arrival: 10 * second + 100_000_000)
        sound.synchronise(with: report(500, 0), &publisher)
        picture.synchronise(with: report(500, 0), &publisher)
        #expect(abs(picture.pendingSlew + 100_000_000) < 20_000)
        var last: Int64 = 909_000
        for tick in 1...1000 as ClosedRange<UInt32> {
            let time = picture.time(of: tick * 3000, arrival: 10 * second + UInt64(tick) * second / 30)
            #expect((2985...3015).contains(time - last))
            last = time
        }
        #expect(abs(last - (900_000 + 3_000_000)) <= 2)
        #expect(picture.pendingSlew == 0)
    }

    @Test func `jumps where leading would take too long`() {
        var publisher = PublisherClock()
        var sound = MediaClock(clockRate: 48_000)
        var picture = MediaClock(clockRate: 90_000)
        _ = sound.time(of: 0, arrival: 10 * second)
        _ = picture.time(of: 0, arrival: 10 * second)
        sound.synchronise(with: report(500, 0), &publisher)
        picture.synchronise(with: report(503, 0), &publisher)
        let time = picture.time(of: 0, arrival: 10 * second)
        #expect(time == 13 * 90_000)
    }

    @Test func `begins again where the source does`() {
        var clock = MediaClock(clockRate: 90_000)
        _ = clock.time(of: 5, arrival: 10 * second)
        let time = clock.time(of: 0x7000_0000, arrival: 11 * second)
        #expect(time == 990_000)
    }

    @Test func `bears any numbers`() {
        var generator = SeededGenerator(seed: 3)
        for rate: UInt32 in [0, 1, 48_000, .max] {
            var clock = MediaClock(clockRate: rate)
            var publisher = PublisherClock()
            for _ in 0..<2000 {
                _ = clock.time(of: .random(in: 0 ... .max, using: &generator), arrival: generator.next())
                var report = report(0, .random(in: 0 ... .max, using: &generator))
                report.ntpTime = generator.next()
                clock.synchronise(with: report, &publisher)
                _ = clock.pendingSlew
            }
        }
    }
}
