import Media
import RTMP
import Testing

@testable import Ingest

struct PublisherTracksTests {
    private func take(_ messages: [MediaMessage], _ tracks: inout PublisherTracks) -> [TrackOutput] {
        messages.flatMap { tracks.take($0) }
    }

    @Test func `headers make configurations and frames make samples`() {
        var tracks = PublisherTracks()
        let outputs = take(
            [
                Tags.videoHeader(Tags.high), Tags.audioHeader(),
                Tags.picture(isKeyframe: true, at: 10, composition: 66),
                Tags.sound(at: 12),
            ],
            &tracks
        )
        #expect(outputs.configurations.map(\.codecString) == ["avc1.64001f", "mp4a.40.2"])
        #expect(outputs.samples.map(\.track) == [.video, .audio])
        #expect(outputs.samples.map(\.compositionTime) == [66, 0])
        #expect(outputs.samples.map(\.duration) == [0, 1024])
        #expect(outputs.samples.allSatisfy { $0.isKeyframe && $0.beginsGeneration && $0.generation == 1 })
        #expect(outputs.samples[0].payload == [0, 0, 0, 3, 0x65, 0x88, 0x84])
    }

    @Test func `a composition time may be negative`() {
        var tracks = PublisherTracks()
        let outputs = take(
            [Tags.videoHeader(Tags.high), Tags.picture(isKeyframe: true, at: 0, composition: -40)],
            &tracks
        )
        #expect(outputs.samples.map(\.compositionTime) == [-40])
    }

    @Test func `a header that is repeated changes nothing`() {
        var tracks = PublisherTracks()
        let outputs = take(
            [
                Tags.videoHeader(Tags.high), Tags.picture(isKeyframe: true, at: 0),
                Tags.videoHeader(Tags.high),
                Tags.picture(isKeyframe: false, at: 33),
            ],
            &tracks
        )
        #expect(outputs.configurations.count == 1)
        #expect(outputs.samples.map(\.generation) == [1, 1])
    }

    @Test func `a publisher whose coding changes all the time is heard no more`() {
        let limit = PublisherTrack.generationLimit
        var tracks = PublisherTracks(continuing: [.video: limit - 2])
        let outputs = take(
            (0..<6).flatMap { number -> [MediaMessage] in
                let header = number % 2 == 0 ? Tags.high : Tags.baseline
                return [Tags.videoHeader(header), Tags.picture(isKeyframe: true, at: UInt32(number) * 33)]
            },
            &tracks
        )
        #expect(outputs.configurations.map(\.generation) == [limit - 1, limit])
        #expect(outputs.samples.map(\.generation) == [limit - 1, limit])
    }

    @Test func `another header begins a generation at its keyframe`() {
        var tracks = PublisherTracks()
        let outputs = take(
            [
                Tags.videoHeader(Tags.high), Tags.picture(isKeyframe: true, at: 0),
                Tags.videoHeader(Tags.baseline),
                Tags.picture(isKeyframe: false, at: 33), Tags.picture(isKeyframe: true, at: 66),
            ],
            &tracks
        )
        #expect(outputs.configurations.map(\.generation) == [1, 2])
        #expect(outputs.configurations.last?.video == .init(width: 640, height: 360, frameRate: 25))
        #expect(outputs.samples.map(\.generation) == [1, 2])
        #expect(outputs.drops == [.beforeKeyframe])
    }

    @Test func `generations go on where an earlier epoch ended`() {
        var tracks = PublisherTracks(continuing: [.video: 4])
        #expect(take([Tags.videoHeader(Tags.high)], &tracks).configurations.map(\.generation) == [5])
    }

    @Test func `frames before a header or a keyframe are dropped`() {
        var tracks = PublisherTracks()
        let outputs = take(
            [
                Tags.picture(isKeyframe: true, at: 0), Tags.sound(at: 0), Tags.videoHeader(Tags.high),
                Tags.picture(isKeyframe: false, at: 33),
            ],
            &tracks
        )
        #expect(outputs.samples.isEmpty)
        #expect(outputs.drops == [.noConfiguration, .noConfiguration, .beforeKeyframe])
        #expect(tracks.dropped == [.noConfiguration: 2, .beforeKeyframe: 1])
    }

    @Test func `a header without sets is completed by the stream`() throws {
        var tracks = PublisherTracks()
        let sequence = Array(Tags.high[8..<34])
        let picture = Array(Tags.high[37..<43])
        let outputs = take(
            [
                Tags.videoHeader([1, 0x64, 0, 0x1f, 0xff, 0xe0, 0]),
                Tags.picture(sequence, picture, [0x65, 0x88], isKeyframe: true, at: 0),
                Tags.picture(sequence, picture, [0x65, 0x88], isKeyframe: true, at: 2000),
            ],
            &tracks
        )
        let configuration = try #require(outputs.configurations.first)
        #expect(outputs.configurations.count == 1)
        #expect(configuration.codecString == "avc1.64001f")
        #expect(outputs.samples.count == 2)
        #expect(outputs.samples[0].payload == [0, 0, 0, 2, 0x65, 0x88])
        #expect(outputs.undecodable.isEmpty)
    }

    @Test(
        arguments: [
            [1, 0x64, 0, 0x1f, 0xff, 0xe0, 0], [1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 40],
            Array(Tags.high[..<36]) + [0],
            [2] + Tags.high[1...],
        ] as [[UInt8]]
    )
    func `of a header that is of no use is told once, at the first keyframe, and a good one ends it`(
        record: [UInt8]
    ) {
        var tracks = PublisherTracks()
        let header = take([Tags.videoHeader(record), Tags.audioHeader(), Tags.sound(at: 0)], &tracks)
        #expect(header.undecodable.isEmpty)
        #expect(header.samples.map(\.track) == [.audio])
        let pictures = [0, 33, 2000].map { Tags.picture(isKeyframe: $0 != 33, at: $0) }
        #expect(take(pictures, &tracks).undecodable == [.h264])
        let better = take([Tags.videoHeader(Tags.high), Tags.picture(isKeyframe: true, at: 4000)], &tracks)
        #expect(better.undecodable.isEmpty)
        #expect(better.samples.map(\.track) == [.video])
    }

    @Test func `of a missing header is told at the second keyframe, for the first may have come too early`() {
        var tracks = PublisherTracks()
        let early = take([Tags.videoHeader([]), Tags.picture(isKeyframe: true, at: 0)], &tracks)
        #expect(early.undecodable.isEmpty)
        let later = [2000, 4000].map { Tags.picture(isKeyframe: true, at: $0) }
        #expect(take(later, &tracks).undecodable == [.h264])
    }

    @Test func `a broken header in mid-stream leaves what can be decoded`() {
        var tracks = PublisherTracks()
        let outputs = take(
            [
                Tags.videoHeader(Tags.high), Tags.picture(isKeyframe: true, at: 0),
                Tags.videoHeader([1, 0x64, 0]), Tags.picture(isKeyframe: true, at: 2000),
            ],
            &tracks
        )
        #expect(outputs.undecodable.isEmpty)
        #expect(outputs.samples.count == 2)
        #expect(outputs.drops == [.badConfiguration])
    }

    @Test(arguments: [[0, 0, 1], [0, 0, 0, 1]] as [[UInt8]])
    func `pictures behind start codes of annex B become lengths`(startCode: [UInt8]) throws {
        var tracks = PublisherTracks()
        let delimiter: [UInt8] = [0x09, 0xf0]
        let sets = [Array(Tags.high[8..<34]), Array(Tags.high[37..<43])]
        let slices: [[UInt8]] = [[0x65, 0x88, 0x84, 0x21], [0x65, 0x01, 0x88, 0x84]]
        let keyframe = ([delimiter] + sets + slices).flatMap { startCode + $0 }
        let outputs = take(
            [
                MediaMessage(.video, timestamp: 0, payload: [0x17, 1, 0, 0, 0] + keyframe),
                MediaMessage(
                    .video,
                    timestamp: 33,
                    payload: [0x27, 1, 0, 0, 0] + startCode + [0x41, 0x9a, 0x24, 0x6c]
                ),
            ],
            &tracks
        )
        #expect(outputs.configurations.map(\.codecString) == ["avc1.64001f"])
        let units = slices.flatMap { unit -> [UInt8] in [0, 0, 0, 4] + unit }
        #expect(outputs.samples.map(\.payload) == [units, [0, 0, 0, 4, 0x41, 0x9a, 0x24, 0x6c]])
        #expect(outputs.samples.map(\.isKeyframe) == [true, false])
    }

    @Test func `sound in ADTS frames needs no header and leaves its own behind`() {
        // ISO/IEC 14496-3 §1.A.2: AAC LC, 48 kHz, stereo, ten bytes in all, no CRC.
        let header: [UInt8] = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x5f, 0xfc]
        let raw: [UInt8] = [0x21, 0x10, 0x04]
        var tracks = PublisherTracks()
        let outputs = take(
            [0, 21].map { MediaMessage(.audio, timestamp: $0, payload: [0xaf, 1] + header + raw) },
            &tracks
        )
        #expect(outputs.configurations.map(\.codecString) == ["mp4a.40.2"])
        #expect(outputs.configurations.first?.audio?.sampleRate == 48_000)
        #expect(outputs.configurations.first?.audio?.channelCount == 2)
        #expect(outputs.samples.map(\.payload) == [raw, raw])
        #expect(outputs.samples.map(\.duration) == [1024, 1024])
    }

    @Test func `another ADTS header begins a generation, with or without a configuration before it`() {
        func frame(_ header: [UInt8], at time: UInt32) -> MediaMessage {
            MediaMessage(.audio, timestamp: time, payload: [0xaf, 1] + header + [0x21, 0x10, 0x04])
        }
        // AAC LC of 48 kHz and 44.1 kHz in stereo, and of 44.1 kHz in mono.
        let headers: [[UInt8]] = [
            [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x5f, 0xfc], [0xff, 0xf1, 0x50, 0x80, 0x01, 0x5f, 0xfc],
            [0xff, 0xf1, 0x50, 0x40, 0x01, 0x5f, 0xfc],
        ]
        for isConfigured in [false, true] {
            var tracks = PublisherTracks()
            var messages = headers.enumerated().flatMap { index, header in
                [frame(header, at: UInt32(index) * 42), frame(header, at: UInt32(index) * 42 + 21)]
            }
            // Who repeats an old configuration does not undo what the frames say.
            if isConfigured {
                messages = [Tags.audioHeader()] + messages + [Tags.audioHeader(), messages[5]]
            }
            let outputs = take(messages, &tracks)
            let configurations = outputs.configurations.compactMap(\.audio)
            #expect(configurations.map(\.sampleRate) == [48_000, 44_100, 44_100])
            #expect(configurations.map(\.channelCount) == [2, 2, 1])
            #expect(outputs.samples.prefix(6).map(\.generation) == [1, 1, 2, 2, 3, 3])
            #expect(outputs.samples.last?.generation == 3)
        }
    }

    @Test func `ADTS frames of a lower rate are no change where the configuration has the doubling`() {
        // HE-AAC, 24 kHz doubled to 48 kHz, in front of frames of AAC LC at 24 kHz.
        let header: [UInt8] = [0xff, 0xf1, 0x58, 0x80, 0x01, 0x5f, 0xfc]
        var tracks = PublisherTracks()
        let frame = MediaMessage(.audio, timestamp: 0, payload: [0xaf, 1] + header + [0x21, 0x10, 0x04])
        let outputs = take([Tags.audioHeader([0x2b, 0x11, 0x88, 0x00]), frame], &tracks)
        #expect(outputs.configurations.map(\.audio?.sampleRate) == [48_000])
        #expect(outputs.samples.map(\.duration) == [2048])
    }

    @Test func `a header with 33 sets neither traps nor stops the stream`() {
        let unit = Array(Tags.high[8..<34])
        var record: [UInt8] = [1, 0x64, 0, 0x1f, 0xff, 33]
        for _ in 0..<33 { record += [0, UInt8(unit.count)] + unit }
        var tracks = PublisherTracks()
        _ = take([Tags.videoHeader(record)], &tracks)
        let outputs = take([Tags.videoHeader(Tags.high), Tags.picture(isKeyframe: true, at: 0)], &tracks)
        #expect(outputs.samples.count == 1)
    }

    @Test func `metadata announces tracks and hints at a frame rate`() {
        var tracks = PublisherTracks()
        let metadata = AMF0Value.object([
            AMF0Property("videocodecid", .number(7)), AMF0Property("framerate", .number(50)),
        ])
        #expect(tracks.take(metadata: metadata) == [.video])
        let outputs = take([Tags.videoHeader(Tags.high)], &tracks)
        // The bitstream says 30, and it is the one to believe.
        #expect(outputs.configurations.first?.video?.frameRate == 30)
    }

    @Test func `codecs that browsers do not play are told apart`() {
        var tracks = PublisherTracks()
        let sorenson = MediaMessage(.video, timestamp: 0, payload: [0x12, 0, 0, 0])
        #expect(take([sorenson], &tracks).drops == [.unsupportedCodec])
        #expect(take([MediaMessage(.video, timestamp: 0, payload: [0x90])], &tracks).drops == [.malformedTag])
    }

    @Test(arguments: [(0x72 as UInt8, Codec.alaw), (0x82, .mulaw)])
    func `G.711 is one channel at 8 kHz, a byte for each sample`(header: UInt8, codec: Codec) {
        var tracks = PublisherTracks()
        let message = MediaMessage(
            .audio,
            timestamp: 20,
            payload: [header] + [UInt8](repeating: 0xd5, count: 160)
        )
        let outputs = take([message, message], &tracks)
        #expect(outputs.configurations.map(\.codec) == [codec])
        #expect(outputs.configurations.first?.timescale == 8000)
        #expect(outputs.configurations.first?.audio?.channelCount == 1)
        #expect(outputs.samples.map(\.duration) == [160, 160])
        // The header's bit for two channels is one that nobody sends.
        let stereo = MediaMessage(.audio, timestamp: 40, payload: [header | 1, 0xd5])
        #expect(take([stereo], &tracks).drops == [.unsupportedCodec])
        let minutes = [header] + [UInt8](repeating: 0xd5, count: 8 << 20)
        #expect(take([MediaMessage(.audio, timestamp: 60, payload: minutes)], &tracks).drops == [.badPayload])
    }

    @Test func `further tracks of Enhanced RTMP get numbers from 2`() {
        var tracks = PublisherTracks()
        // Audio, multitrack, one track of AAC with number 1: sequence start, then a frame.
        let header: [UInt8] = [0x95, 0x00] + Array("mp4a".utf8) + [1] + Tags.aac
        let frame: [UInt8] = [0x95, 0x01] + Array("mp4a".utf8) + [1, 0x21, 0x10]
        let outputs = take(
            [
                Tags.audioHeader(), MediaMessage(.audio, timestamp: 0, payload: header),
                MediaMessage(.audio, timestamp: 0, payload: frame), Tags.sound(at: 0),
            ],
            &tracks
        )
        #expect(outputs.configurations.map(\.track.rawValue) == [1, 2])
        #expect(outputs.samples.map(\.track.rawValue) == [2, 1])
    }
}

struct TrackSetTests {
    private static let millisecond: UInt64 = 1_000_000

    private func configuration(_ track: TrackID) -> TrackConfiguration {
        var tracks = PublisherTracks()
        let message = track == .video ? Tags.videoHeader(Tags.high) : Tags.audioHeader()
        return tracks.take(message).configurations[0]
    }

    private func sample(_ track: TrackID, isKeyframe: Bool = true) -> SourceSample {
        SourceSample(track: track, generation: 1, timestamp: 0, isKeyframe: isKeyframe, payload: [1])
    }

    @Test func `announced tracks with configurations close the set at the first sample`() {
        var set = TrackSet()
        set.announce([.video, .audio])
        #expect(set.configure(configuration(.video), at: 0).isEmpty)
        #expect(set.configure(configuration(.audio), at: 0).isEmpty)
        let outputs = set.take(sample(.audio), at: 0)
        #expect(
            outputs == [.tracks([configuration(.video), configuration(.audio)]), .sample(sample(.audio))]
        )
    }

    @Test func `without announcement the set closes 300 ms after the first keyframe`() {
        var set = TrackSet()
        _ = set.configure(configuration(.video), at: 0)
        #expect(set.take(sample(.video), at: 0).isEmpty)
        #expect(set.deadline == 300 * Self.millisecond)
        #expect(set.tick(at: 299 * Self.millisecond).isEmpty)
        #expect(set.tick(at: 300 * Self.millisecond).count == 2)
    }

    @Test func `announced video that never comes is waited for no longer than two seconds`() {
        var set = TrackSet()
        set.announce([.video, .audio])
        _ = set.configure(configuration(.audio), at: 0)
        _ = set.take(sample(.audio), at: 0)
        #expect(set.deadline == 2000 * Self.millisecond)
        #expect(set.tick(at: 2000 * Self.millisecond).first == .tracks([configuration(.audio)]))
    }

    @Test func `video without announcement that comes long after sound changes the set`() {
        var set = TrackSet()
        _ = set.configure(configuration(.audio), at: 0)
        #expect(set.take(sample(.audio), at: 0).isEmpty)
        #expect(set.deadline == 300 * Self.millisecond)
        #expect(set.take(sample(.audio), at: 299 * Self.millisecond).isEmpty)
        let first = set.tick(at: 300 * Self.millisecond)
        #expect(
            first == [.tracks([configuration(.audio)]), .sample(sample(.audio)), .sample(sample(.audio))]
        )
        #expect(set.deadline == nil)
        let later = set.configure(configuration(.video), at: 900 * Self.millisecond)
        #expect(later == [.tracks([configuration(.video), configuration(.audio)])])
        #expect(set.take(sample(.video), at: 900 * Self.millisecond) == [.sample(sample(.video))])
    }

    @Test func `video without announcement that comes soon after sound is one set with it`() {
        var set = TrackSet()
        _ = set.configure(configuration(.audio), at: 0)
        _ = set.take(sample(.audio), at: 0)
        #expect(set.configure(configuration(.video), at: 100 * Self.millisecond).isEmpty)
        #expect(set.take(sample(.video), at: 200 * Self.millisecond).isEmpty)
        // A keyframe makes nobody wait longer than the first sample did.
        #expect(set.deadline == 300 * Self.millisecond)
        let outputs = set.tick(at: 300 * Self.millisecond)
        #expect(outputs.first == .tracks([configuration(.video), configuration(.audio)]))
        #expect(outputs.count == 3)
    }

    @Test func `sound alone closes when it is all that was announced`() {
        var set = TrackSet()
        set.announce([.audio])
        _ = set.configure(configuration(.audio), at: 0)
        #expect(set.take(sample(.audio), at: 0).count == 2)
    }

    @Test func `a late track changes the set`() {
        var set = TrackSet()
        set.announce([.video])
        _ = set.configure(configuration(.video), at: 0)
        _ = set.take(sample(.video), at: 0)
        let outputs = set.configure(configuration(.audio), at: 1)
        #expect(outputs == [.tracks([configuration(.video), configuration(.audio)])])
    }

    @Test func `no more is held than the limit allows`() {
        var limits = TrackSet.Limits()
        limits.heldByteCount = 1
        var set = TrackSet(limits: limits)
        _ = set.configure(configuration(.video), at: 0)
        #expect(set.take(sample(.video), at: 0).isEmpty)
        #expect(set.take(sample(.video, isKeyframe: false), at: 0).count == 3)
    }
}

struct StreamKeyTests {
    @Test(arguments: [
        ("main?k=abc", "main", "abc"), ("main?abc", "main", "abc"), ("main_abc", "main", "abc"),
        ("team_main_abc", "team_main", "abc"), ("main?foo=1&k=abc", "main", "abc"),
        ("main?abc&x=1", "main", ""),
    ])
    func `the three spellings are read`(text: String, name: String, secret: String) {
        let expected = secret.isEmpty ? [] : [StreamKey.Candidate(name: name, secret: secret)]
        #expect(StreamKey(text).candidates == expected)
    }

    @Test(arguments: [
        "", "main", "?k=abc", "main?", "main?k=", "_", "main_", String(repeating: "a_b", count: 999),
    ])
    func `what holds no name and secret is no key`(text: String) {
        #expect(StreamKey(text).candidates.isEmpty)
    }
}
