import ISOBMFF
import Contracts
import Media
import MediaBus
import TestSupport

@testable import Origin

/// A stream as ingest would put it on the bus: real coded media, stamped.
struct SyntheticStream {
    static let streamID = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
    static let sessionID = "bbbbbbbbbbbbbbbbbbbbbbbbbb"

    var description: SessionDescription
    var configurations: [TrackConfiguration]
    /// One sample in each entry.
    var entries: [(entry: BusEntry, id: BusEntryID)]
    /// The stamps so far, for another epoch of the session.
    var stamper = Stamper(partTarget: 0.3)

    /// 2 s GOPs with B-frames at 30 frames a second, and sound.
    static func make(
        seconds: Int,
        gop: Int = 60,
        withEnd: Bool = true,
        sound: Bool = true
    ) throws -> SyntheticStream {
        var tracks = [try RecordedTrack.video(seconds: seconds, gop: gop)]
        if sound { tracks.append(try RecordedTrack.audio(seconds: seconds)) }
        return make(of: tracks, withEnd: withEnd)
    }

    static func make(of tracks: [RecordedTrack], withEnd: Bool = true, epoch: UInt64 = 1) -> SyntheticStream {
        var stream = SyntheticStream(
            description: description(of: tracks.map(\.configuration), epoch: epoch),
            configurations: tracks.map(\.configuration),
            entries: []
        )
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(tracks.map(\.configuration))
        stream.append(tracks, stamper: &stamper, epoch: epoch, after: 0)
        if withEnd { stream.appendEnd(epoch: epoch) }
        return stream
    }

    /// Adds what a publisher sends from `seconds` after the session's beginning on.
    mutating func append(
        _ tracks: [RecordedTrack],
        stamper: inout Stamper,
        epoch: UInt64,
        after seconds: Int64
    ) {
        var keyframe: UInt64 = 1
        for (sample, track) in Self.merged(tracks) {
            guard let stamped = stamper.stamp(Self.busSample(sample, of: track, after: seconds)) else {
                continue
            }
            let counter = entries.last.map { $0.id.epoch == epoch ? $0.id.counter + 1 : 1 } ?? 1
            if track.isVideo, stamped.flags.contains(.keyframe) { keyframe = counter }
            let entry = BusEntry(keyframeCounter: keyframe, samples: [stamped])
            entries.append((entry, BusEntryID(epoch: epoch, counter: counter)))
        }
        self.stamper = stamper
    }

    mutating func appendEnd(epoch: UInt64) {
        let counter = entries.last.map { $0.id.counter + 1 } ?? 1
        let end = BusEntry(flags: .endOfSession, keyframeCounter: 1, samples: [])
        entries.append((end, BusEntryID(epoch: epoch, counter: counter)))
    }

    static func description(of tracks: [TrackConfiguration], epoch: UInt64 = 1) -> SessionDescription {
        SessionDescription(
            streamId: streamID,
            sessionId: sessionID,
            epoch: epoch,
            slug: "test",
            title: "A test",
            startedAt: "2026-01-02T03:04:05.000Z",
            partTarget: 0.3,
            anchors: [.init(decodeTime: 10, discontinuity: 0, wallClock: 1_767_323_045_000_000)],
            publisher: .init(protocol: "rtmp", encoder: "test", address: "127.0.0.1"),
            tracks: tracks.map { .init(track: $0.track.rawValue, generation: $0.generation) }
        )
    }

    private static func merged(
        _ tracks: [RecordedTrack]
    ) -> [(sample: RecordedTrack.Sample, configuration: TrackConfiguration)] {
        let all = tracks.flatMap { track in
            track.samples.map { (sample: $0, configuration: track.configuration) }
        }
        return all.sorted { left, right in
            let leftTime = Double(left.sample.decodeTime) / Double(left.configuration.timescale)
            let rightTime = Double(right.sample.decodeTime) / Double(right.configuration.timescale)
            return leftTime == rightTime
                ? left.configuration.track < right.configuration.track : leftTime < rightTime
        }
    }

    private static func busSample(
        _ sample: RecordedTrack.Sample,
        of track: TrackConfiguration,
        after seconds: Int64
    ) -> BusSample {
        BusSample(
            track: track.track,
            generation: track.generation,
            flags: sample.head.flags.isKeyframe ? .keyframe : [],
            decodeTime: sample.decodeTime + (10 + seconds) * Int64(track.timescale),
            compositionOffset: sample.head.compositionOffset,
            payload: sample.payload
        )
    }

    var clock: PresentationClock { PresentationClock(description) }

    /// All parts, as a packager makes them that sees everything.
    func parts() -> [PackagedPart] {
        var packager = SessionPackager(isComplete: true)
        packager.update(configurations: configurations, clock: clock)
        return parts(by: &packager, from: 0)
    }

    func parts(by packager: inout SessionPackager, from first: Int) -> [PackagedPart] {
        entries[first...].flatMap { entry, id in
            packager.feed(entry, at: BusPosition(epoch: UInt32(id.epoch), counter: id.counter))
        }.compactMap { output in
            if case .part(let part) = output { return part }
            return nil
        }
    }
}
