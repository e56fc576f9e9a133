import Media
import Testing

@testable import SFU

@Suite struct PacketRingTests {
    @Test func `packets are found by their number until they are pushed out`() {
        var maker = BlockMaker()
        var ring = PacketRing(byteLimit: 3000)
        for index in 0..<20 { ring.append(maker.next(isKeyframe: index % 10 == 0, sizes: [200, 100])) }
        #expect(ring.oldest?.frame == 10)
        #expect(ring.block(withPacket: 39)?.frame == 19)
        #expect(ring.block(withPacket: 20)?.frame == 10)
        #expect(ring.block(withPacket: 19) == nil && ring.block(withPacket: 40) == nil)
        #expect(ring.block(at: 9) == nil && ring.block(at: 20) == nil)
        #expect(ring.newestKeyframe == 10 && ring.groupByteCount == 3000)
        #expect(ring.all.count == 10)
        ring.append(maker.next())
        #expect(ring.newestKeyframe == nil, "the keyframe is gone")
    }

    @Test func `what does not follow begins anew`() {
        var maker = BlockMaker()
        var ring = PacketRing(byteLimit: 3000)
        ring.append(maker.next(isKeyframe: true))
        _ = maker.next()
        ring.append(maker.next())
        #expect(ring.all.map(\.frame) == [2])
        #expect(ring.newestKeyframe == nil)
    }
}

@Suite struct ReorderingWatchTests {
    private func sample(_ decode: Int64, _ offset: Int32, _ flags: BusSample.Flags = []) -> BusSample {
        BusSample(
            track: TrackID(rawValue: 0),
            generation: 1,
            flags: flags,
            decodeTime: decode,
            compositionOffset: offset,
            payload: []
        )
    }

    @Test func `pictures in order are sent, whatever their common delay is`() {
        var watch = ReorderingWatch()
        var verdict: ReorderingWatch.Verdict
        for index in 0..<5 {
            verdict = watch.judge(sample(Int64(index) * 3000, 6000, index == 0 ? .keyframe : []))
            #expect(verdict == .send)
        }
    }

    @Test func `a B-frame is dropped where nothing needs it, and reported where something does`() {
        var watch = ReorderingWatch()
        var verdict: ReorderingWatch.Verdict
        verdict = watch.judge(sample(0, 3000, .keyframe))
        #expect(verdict == .send)
        verdict = watch.judge(sample(3000, 6000))
        #expect(verdict == .send)
        verdict = watch.judge(sample(6000, 0, .discardable))
        #expect(verdict == .drop)
        verdict = watch.judge(sample(9000, 0))
        #expect(verdict == .send)
        verdict = watch.judge(sample(12000, -6000))
        #expect(verdict == .outOfOrder)
        verdict = watch.judge(sample(0, 0, .keyframe))
        #expect(verdict == .send, "a keyframe begins anew")
    }
}

@Suite struct SessionTimelineTests {
    private let second: Int64 = 1_000_000_000

    @Test func `the fastest sample decides, until it is ten seconds old`() {
        var timeline = SessionTimeline()
        timeline.add(mediaTime: 10 * second, wallClock: 1000 * second, now: 1_000_000_000)
        timeline.add(mediaTime: 11 * second, wallClock: 1001 * second - 5, now: 2_000_000_000)
        timeline.add(mediaTime: 12 * second, wallClock: 1002 * second + 50, now: 3_000_000_000)
        #expect(timeline.mediaTime(at: 1000 * second) == 10 * second + 5)
        for step in 0..<25 {
            let time = Int64(step)
            timeline.add(
                mediaTime: (20 + time) * second,
                wallClock: (1010 + time) * second + 70,
                now: UInt64(12 + step) * 1_000_000_000
            )
        }
        #expect(timeline.mediaTime(at: 1000 * second) == 10 * second - 70, "a slower clock is followed")
    }
}
