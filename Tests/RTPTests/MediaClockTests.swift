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
        sound.synchronise(with: report(500, 0), &publisher, arrival: 10 * second)
        picture.synchronise(with: report(500, 0), &publisher, arrival: 10 * second)
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
        sound.synchronise(with: report(500, 0), &publisher, arrival: 10 * second)
        picture.synchronise(with: report(503, 0), &publisher, arrival: 10 * second)
        let time = picture.time(of: 0, arrival: 10 * second)
        #expect(time == 13 * 90_000)
    }

    @Test(arguments: [5, -5, 9, -9, 3600, -3600])
    func `sound and pictures stay together when the publisher sets its clock`(step: Int) {
        var publisher = PublisherClock()
        var sound = MediaClock(clockRate: 48_000)
        var picture = MediaClock(clockRate: 90_000)
        for tick in 0..<200 as Range<UInt32> {
            // Ten times a second; from 10 s on by another clock, which sound tells 900 ms before the picture.
            let arrival = (100 + UInt64(tick)) * second / 10
            let heard = sound.time(of: tick * 4800, arrival: arrival)
            let seen = picture.time(of: tick * 9000, arrival: arrival)
            #expect(heard == 480_000 + Int64(tick) * 4800)
            #expect(seen == 900_000 + Int64(tick) * 9000)
            let wallClock = Double(5000 + Int(tick / 10) + (tick >= 100 ? step : 0))
            let isReporting = tick % 10 == 0
            if isReporting {
                sound.synchronise(with: report(wallClock, tick * 4800), &publisher, arrival: arrival)
            }
            if tick % 10 == 9 {
                let time = (tick - 9) * 9000
                picture.synchronise(with: report(wallClock, time), &publisher, arrival: arrival)
            }
        }
    }

    @Test func `a track that stood still goes on together with the other`() {
        var publisher = PublisherClock()
        var sound = MediaClock(clockRate: 48_000)
        var picture = MediaClock(clockRate: 90_000)
        _ = sound.time(of: 0, arrival: 10 * second)
        _ = picture.time(of: 0, arrival: 10 * second)
        sound.synchronise(with: report(500, 0), &publisher, arrival: 10 * second)
        picture.synchronise(with: report(500, 0), &publisher, arrival: 10 * second)
        // Its timestamps have not gone on for four seconds.
        _ = sound.time(of: 5 * 48_000, arrival: 15 * second)
        _ = picture.time(of: 90_000, arrival: 15 * second)
        sound.synchronise(with: report(505, 5 * 48_000), &publisher, arrival: 15 * second)
        picture.synchronise(with: report(505, 90_000), &publisher, arrival: 15 * second)
        #expect(sound.time(of: 5 * 48_000, arrival: 15 * second) == 15 * 48_000)
        #expect(picture.time(of: 90_000, arrival: 15 * second) == 15 * 90_000)
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
                clock.synchronise(with: report, &publisher, arrival: generator.next())
                _ = clock.pendingSlew
            }
        }
    }
}
