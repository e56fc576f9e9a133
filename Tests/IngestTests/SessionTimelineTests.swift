import Contracts
import Media
import Testing

@testable import Ingest

struct SessionTimelineTests {
    private static let millisecond: UInt64 = 1_000_000

    private func configured(_ timeline: inout SessionTimeline) {
        var tracks = PublisherTracks()
        let outputs = tracks.take(Tags.videoHeader(Tags.high)) + tracks.take(Tags.audioHeader())
        timeline.setTracks(outputs.configurations)
    }

    private func picture(
        _ timestamp: UInt32,
        isKeyframe: Bool = false,
        composition: Int32 = 0
    ) -> SourceSample {
        SourceSample(
            track: .video,
            generation: 1,
            timestamp: timestamp,
            compositionTime: composition,
            isKeyframe: isKeyframe,
            payload: [1]
        )
    }

    @Test func `the first sample is at ten seconds and makes the anchor`() throws {
        var timeline = SessionTimeline(partTarget: 0.3)
        configured(&timeline)
        let placed = timeline.place(picture(5000, isKeyframe: true, composition: 66), now: 0, wallClock: 77)
        guard case .anchored(let sample) = placed else { throw Unexpected() }
        #expect(sample.decodeTime == 900_000)
        #expect(sample.compositionOffset == 5940)
        #expect(sample.flags.isSuperset(of: [.keyframe, .segmentStart, .partStart]))
        #expect(sample.captureClock == 77_000)
        #expect(timeline.anchors == [.init(decodeTime: 10, discontinuity: 0, wallClock: 77)])
    }

    @Test func `what was captured before it arrived says when, and anchors by its arrival`() throws {
        var timeline = SessionTimeline(partTarget: 0.3)
        configured(&timeline)
        let placed = timeline.place(picture(0, isKeyframe: true), now: 0, wallClock: 90_000, age: 60_000)
        guard case .anchored(let sample) = placed else { throw Unexpected() }
        #expect(sample.captureClock == 30_000_000)
        #expect(timeline.anchors.map(\.wallClock) == [90_000])
    }

    @Test func `a jump of the clock makes a discontinuity and an anchor`() throws {
        var timeline = SessionTimeline(partTarget: 0.3)
        configured(&timeline)
        _ = timeline.place(picture(0, isKeyframe: true), now: 0, wallClock: 1_000_000)
        let now = 40 * Self.millisecond
        let placed = timeline.place(picture(90_000_000, isKeyframe: true), now: now, wallClock: 1_040_000)
        guard case .anchored(let sample) = placed else { throw Unexpected() }
        #expect(sample.flags.contains(.discontinuity))
        #expect(timeline.anchors.count == 2)
        #expect(timeline.anchors.last?.discontinuity == 1)
        #expect(timeline.breakCount == 1)
    }

    @Test func `a publisher that comes back goes on after the time that has passed`() throws {
        var timeline = SessionTimeline(
            partTarget: 0.3,
            resuming: .init(nextMediaSequence: 7, nextSequences: [.video: 100]),
            after: 20,
            anchors: [.init(decodeTime: 10, discontinuity: 0, wallClock: 1_000_000)],
            wallClock: 16_000_000
        )
        configured(&timeline)
        let placed = timeline.place(picture(0, isKeyframe: true), now: 0, wallClock: 16_000_000)
        guard case .anchored(let sample) = placed else { throw Unexpected() }
        #expect(sample.decodeTime == 25_001 * 90)
        #expect(sample.mediaSequence == 7)
        #expect(sample.sequence == 100)
        #expect(sample.flags.contains(.discontinuity))
        #expect(timeline.anchors.last?.discontinuity == 1)
    }

    @Test func `a break is told of before its first sample, whatever breaks, and an epoch goes on counting`()
        throws
    {
        var timeline = SessionTimeline(partTarget: 0.3)
        configured(&timeline)
        _ = timeline.place(picture(0, isKeyframe: true), now: 0, wallClock: 0)
        #expect(timeline.breaks == .init())
        var larger = picture(40, isKeyframe: true)
        larger.generation = 2
        let placed = timeline.place(larger, now: 40 * Self.millisecond, wallClock: 40_000)
        guard case .anchored(let sample) = placed else { throw Unexpected() }
        #expect(sample.mediaSequence == 1)
        #expect(timeline.breaks == .init(segments: [1]))
        #expect(timeline.anchors.count == 1)

        var later = SessionTimeline(
            partTarget: 0.3,
            resuming: .init(nextMediaSequence: 1, nextSequences: [:]),
            after: 11,
            anchors: timeline.anchors,
            breaks: timeline.breaks,
            wallClock: 1_000_000
        )
        configured(&later)
        _ = later.place(picture(0, isKeyframe: true), now: 0, wallClock: 1_000_000)
        // Segment 1 was told of, though nothing came of it.
        #expect(later.breaks == .init(segments: [1, 2]))
        #expect(later.anchors.last?.discontinuity == 2)
    }

    @Test func `of many breaks the older ones are only counted`() {
        var timeline = SessionTimeline(partTarget: 0.3)
        configured(&timeline)
        for number in 0..<300 as Range<UInt32> {
            var change = picture(number * 40, isKeyframe: true)
            change.generation = UInt16(number + 1)
            _ = timeline.place(change, now: UInt64(number) * 40 * Self.millisecond, wallClock: 0)
        }
        #expect(timeline.breaks.count == 299)
        #expect(timeline.breaks.segments == Array(44...299))
    }

    @Test func `an anchor never goes back behind the last one`() {
        var timeline = SessionTimeline(partTarget: 0.3)
        configured(&timeline)
        _ = timeline.place(picture(0, isKeyframe: true), now: 0, wallClock: 5_000_000)
        _ = timeline.place(picture(90_000_000, isKeyframe: true), now: 1000 * Self.millisecond, wallClock: 0)
        #expect(timeline.anchors.last?.wallClock == 6_000_000)
    }

    @Test func `a sample of an unknown track has no place`() {
        var timeline = SessionTimeline(partTarget: 0.3)
        #expect(timeline.place(picture(0, isKeyframe: true), now: 0, wallClock: 0) == .discarded)
    }
}

/// A test met something that its expectation rules out.
struct Unexpected: Error {}
