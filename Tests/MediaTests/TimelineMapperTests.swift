import Media
import TestSupport
import Testing

@Suite struct TimelineMapperTests {
    @Test func `a session begins at ten seconds`() {
        var mapper = TimelineMapper()
        #expect(mapper.video(5000, at: 0) == .breaking(900_000))
        #expect(mapper.video(5040, at: 40) == .at(903_600))
        #expect(mapper.audio(5010, at: 41) == .at(480_480))
    }

    @Test func `sound is counted in samples and follows the clock only when far off`() {
        var mapper = TimelineMapper()
        #expect(mapper.audio(0, at: 0) == .breaking(480_000))
        #expect(mapper.audio(21, at: 21) == .at(481_024))
        #expect(mapper.audio(43, at: 43) == .at(482_048))
        // A frame was lost: 30 ms off is within the tolerance, 60 ms is not.
        #expect(mapper.audio(94, at: 94) == .at(483_072))
        #expect(mapper.audio(145, at: 145) == .at(486_960))
    }

    @Test func `sound that comes too fast is dropped until there is room`() {
        var mapper = TimelineMapper()
        _ = mapper.audio(0, at: 0)
        #expect(mapper.audio(10, at: 10) == .at(481_024))
        #expect(mapper.audio(11, at: 11) == .at(482_048))
        #expect(mapper.audio(12, at: 12) == .discard)
        #expect(mapper.audio(30, at: 30) == .at(483_072))
    }

    @Test func `the clock wraps at 32 bits`() {
        var mapper = TimelineMapper()
        _ = mapper.video(.max - 19, at: 0)
        #expect(mapper.video(20, at: 40) == .at(903_600))
        #expect(mapper.audio(.max - 9, at: 41) == .at(480_480))
    }

    @Test func `a stall as long as the clock says is a gap and no break`() {
        var mapper = TimelineMapper()
        _ = mapper.video(0, at: 0)
        #expect(mapper.video(30_000, at: 30_000) == .at(3_600_000))
    }

    @Test func `a jump of the clock goes on at the time that has passed`() {
        var mapper = TimelineMapper()
        _ = mapper.video(0, at: 0)
        _ = mapper.audio(0, at: 0)
        #expect(mapper.video(1_000_000, at: 40) == .breaking(903_600))
        // Sound from before the jump is left out, then it jumps too.
        #expect(mapper.audio(21, at: 41) == .discard)
        #expect(mapper.audio(1_000_010, at: 50) == .at(482_400))
        #expect(mapper.video(1_000_040, at: 80) == .at(907_200))
    }

    @Test func `a clock that goes back is a jump, a small step back is not`() {
        var mapper = TimelineMapper()
        _ = mapper.video(100_000, at: 0)
        #expect(mapper.video(99_900, at: 10) == .at(891_000))
        #expect(mapper.video(10, at: 40) == .breaking(903_600))
    }

    @Test func `a publisher that is faster than time makes no break`() {
        var mapper = TimelineMapper()
        _ = mapper.video(0, at: 0)
        for frame in 1...1000 as ClosedRange<UInt32> {
            #expect(mapper.video(frame * 40, at: 0) == .at(900_000 + Int64(frame) * 3600))
        }
    }

    @Test func `a publisher that comes back goes on at the time that has passed`() {
        var mapper = TimelineMapper()
        _ = mapper.video(50_000, at: 0)
        _ = mapper.audio(50_000, at: 0)
        mapper.publisherReturned()
        #expect(mapper.audio(0, at: 7000) == .breaking(816_000))
        #expect(mapper.video(0, at: 7010) == .at(1_530_000))
    }

    @Test func `a track with a clock of its own is placed by its arrival`() {
        var mapper = TimelineMapper()
        _ = mapper.video(0, at: 0)
        #expect(mapper.audio(3_000_000_000, at: 100) == .at(484_800))
        #expect(mapper.audio(3_000_000_021, at: 121) == .at(485_824))
        #expect(mapper.video(133, at: 133) == .at(911_970))
    }

    @Test func `a later epoch begins where it is told`() {
        var mapper = TimelineMapper(startingAt: 95_000)
        #expect(mapper.video(123, at: 0) == .breaking(8_550_000))
    }

    @Test(arguments: 1...50) func `no clock traps the mapper`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var mapper = TimelineMapper()
        for _ in 0..<500 {
            let track = TrackID(rawValue: .random(in: 0...3, using: &random))
            let now: UInt64 = random.next()
            _ = mapper.video(random.next(), track: track, now: now)
            _ = mapper.audio(
                random.next(),
                track: track,
                sampleRate: random.next(),
                sampleCount: Int(truncatingIfNeeded: random.next() as UInt64),
                now: now
            )
            if Int.random(in: 0..<20, using: &random) == 0 { mapper.publisherReturned() }
        }
    }
}

extension TimelineMapper {
    fileprivate mutating func video(_ timestamp: UInt32, at milliseconds: UInt64) -> Outcome {
        video(timestamp, track: SimulatedStream.video, now: 1_000_000_000 + milliseconds * 1_000_000)
    }

    fileprivate mutating func audio(_ timestamp: UInt32, at milliseconds: UInt64) -> Outcome {
        audio(
            timestamp,
            track: SimulatedStream.audio,
            sampleRate: 48_000,
            sampleCount: 1024,
            now: 1_000_000_000 + milliseconds * 1_000_000
        )
    }
}
