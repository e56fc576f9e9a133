import Bytes
import Contracts
import Media
import MediaBus
import TestSupport
import Testing
import Transcoding

@testable import Transcoder

@Suite(.timeLimit(.minutes(1))) struct PictureRenditionTests {
    /// The fixture's `avcC` record, and its pictures as samples, in the order of decoding.
    private static func source() throws -> (record: [UInt8], samples: [BusSample]) {
        let bytes = try Fixtures.bytes("Pictures/bframes.bin")
        var reader = ByteReader(bytes.span)
        let record = try reader.takeArray(Int(try reader.read(UInt32.self)))
        var samples: [BusSample] = []
        while !reader.isAtEnd {
            let shown = 900_000 + Int64(try reader.read(UInt32.self)) * 6000
            let isKeyframe = try reader.read(UInt8.self) == 1
            let count = Int(try reader.read(UInt32.self))
            let decoded = 900_000 + Int64(samples.count - 3) * 6000
            samples.append(
                BusSample(
                    track: TrackID(rawValue: 0),
                    generation: 1,
                    flags: isKeyframe ? [.keyframe, .segmentStart, .partStart] : [],
                    sequence: UInt32(samples.count),
                    decodeTime: decoded,
                    compositionOffset: Int32(shown - decoded),
                    mediaSequence: UInt32(samples.count / 15),
                    captureClock: 1,
                    payload: try reader.takeArray(count)
                )
            )
        }
        return (record, samples)
    }

    @Test func `pictures come without B-frames, each at its time, with the source's segments`() async throws {
        let (record, samples) = try Self.source()
        try await TestStack.run { stack in
            try await stack.publishSilently(record: record)
            let handler = SampleCollector()
            try await stack.follow(handler, .withoutBFrames)
            try await running(try stack.worker("a")) {
                try await stack.channel.want(.withoutBFrames, of: "stream", replica: "viewer")
                await stack.send(Array(samples.prefix(15)))
                try await eventually("a worker has begun") { !handler.configurations.isEmpty }
                await stack.send(Array(samples.dropFirst(15)))
                try await eventually("the first pictures come") { handler.samples.count > 30 }
                await stack.end()
                try await eventually("it has ended") { handler.end == .endOfSession }
            }
            let made = handler.samples
            let shown = samples.map { $0.decodeTime + Int64($0.compositionOffset) }.sorted()
            #expect(made.map(\.decodeTime) == shown)
            #expect(made.allSatisfy { $0.compositionOffset == 0 })
            let cuts = made.filter { $0.flags.contains(.segmentStart) }
            #expect(cuts.allSatisfy { $0.flags.contains(.keyframe) })
            #expect(cuts.map(\.mediaSequence) == [0, 1, 2])
            #expect(handler.configurations.last?.video?.width == 128)
        }
    }

    @Test func `the next maker begins with a keyframe that is new`() throws {
        let session = TestStack.session
        var trail = PictureTrail(
            after: BusResumption(
                session: session,
                tracks: [],
                stamps: .init(nextMediaSequence: 3, nextSequences: [TrackID(rawValue: 0): 40]),
                end: MediaTime(ticks: 1000, timescale: 90_000)
            )
        )
        var made: [BusSample] = []
        for (time, isKeyframe) in [(900, true), (1000, false), (1100, false), (1200, true), (1300, false)] {
            let source = BusSample(
                track: TrackID(rawValue: 0),
                generation: 1,
                decodeTime: Int64(time),
                mediaSequence: time < 1200 ? 2 : 3,
                payload: []
            )
            trail.note(source, at: Int64(time))
            let picture = EncodedPicture(time: Int64(time), isKeyframe: isKeyframe, bytes: [1])
            if let sample = trail.sample(of: picture, in: Self.configuration) { made.append(sample) }
        }
        #expect(made.map(\.decodeTime) == [1200, 1300])
        #expect(made.map(\.sequence) == [40, 41])
        #expect(made.map(\.mediaSequence) == [3, 3])
        #expect(made[0].flags.isSuperset(of: [.keyframe, .segmentStart, .partStart]))
    }
    @Test func `a break stays with its segment, however far ahead the source is`() {
        var trail = PictureTrail()
        for number in 0..<4 {
            let source = BusSample(
                track: TrackID(rawValue: 0),
                generation: 1,
                flags: number == 2 ? .discontinuity : [],
                decodeTime: Int64(number),
                mediaSequence: UInt32(number),
                payload: []
            )
            trail.note(source, at: Int64(number))
        }
        let made = (0..<4).compactMap { number in
            let picture = EncodedPicture(time: Int64(number), isKeyframe: true, bytes: [1])
            return trail.sample(of: picture, in: Self.configuration)
        }
        #expect(made.map(\.mediaSequence) == [0, 1, 2, 3])
        #expect(made.map { $0.flags.contains(.discontinuity) } == [false, false, true, false])
    }

    private static let configuration = TrackConfiguration(
        track: TrackID(rawValue: 0),
        generation: 2,
        codec: .h264,
        timescale: 90_000,
        decoderConfiguration: [],
        codecString: "avc1",
        kind: .video(.init(width: 16, height: 16))
    )
}
