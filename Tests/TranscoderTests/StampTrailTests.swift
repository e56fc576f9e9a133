import Media
import Testing

@testable import Transcoder

/// Times are of 48,000 a second; the source has a sample each 960, packets are of as many.
@Suite struct StampTrailTests {
    private static let duration: Int64 = 960

    private func mark(
        _ number: Int64,
        in mediaSequence: UInt32,
        flags: BusSample.Flags = []
    ) -> StampTrail.Mark {
        StampTrail.Mark(
            BusSample(
                track: TrackID(rawValue: 1),
                generation: 1,
                flags: flags,
                decodeTime: 0,
                mediaSequence: mediaSequence,
                payload: []
            ),
            at: number * Self.duration
        )
    }

    /// The packets with these numbers, stamped.
    private func stamped(_ numbers: ClosedRange<Int64>, by trail: inout StampTrail) -> [BusSample] {
        numbers.map { number in
            var sample = BusSample(
                track: TrackID(rawValue: 1),
                generation: 1,
                decodeTime: number * Self.duration,
                duration: UInt32(Self.duration),
                payload: []
            )
            trail.stamp(&sample)
            return sample
        }
    }

    private func breaks(_ samples: [BusSample]) -> [UInt32] {
        samples.filter { $0.flags.contains(.discontinuity) }.map(\.mediaSequence)
    }

    @Test func `a break stays with its segment, however far ahead the source is`() {
        var trail = StampTrail(partTarget: 14_400, after: nil, begunAt: nil)
        trail.append(mark(0, in: 0))
        trail.append(mark(1, in: 1))
        trail.append(mark(2, in: 2, flags: .discontinuity))
        trail.append(mark(3, in: 3))
        let samples = stamped(0...3, by: &trail)
        #expect(samples.map(\.mediaSequence) == [0, 1, 2, 3])
        #expect(breaks(samples) == [2])
    }

    @Test func `a break of a segment without a packet is told by the next`() {
        var trail = StampTrail(partTarget: 14_400, after: nil, begunAt: nil)
        trail.append(mark(0, in: 0))
        trail.append(mark(2, in: 1, flags: .discontinuity))
        trail.append(mark(3, in: 2))
        let samples = stamped(0...0, by: &trail) + stamped(3...4, by: &trail)
        #expect(samples.map(\.mediaSequence) == [0, 2, 2])
        #expect(breaks(samples) == [2])
    }

    @Test func `a break that was told before is not told again`() {
        let last = StampTrail.Place(mediaSequence: 5, part: 0)
        var trail = StampTrail(partTarget: 14_400, after: last, begunAt: 0)
        trail.append(mark(0, in: 5, flags: .discontinuity))
        trail.append(mark(2, in: 6))
        let samples = stamped(1...2, by: &trail)
        #expect(samples.map(\.mediaSequence) == [5, 6])
        #expect(breaks(samples) == [])
    }

    @Test func `breaks of marks that were given up count too`() {
        var trail = StampTrail(partTarget: 14_400, after: nil, begunAt: nil)
        trail.append(mark(0, in: 0))
        var made = stamped(0...0, by: &trail)
        trail.append(mark(1, in: 1, flags: .discontinuity))
        for number in 2...Int64(StampTrail.markLimit + 2) { trail.append(mark(number, in: 1)) }
        made += stamped(3...3, by: &trail)
        #expect(breaks(made) == [1])
    }
}
