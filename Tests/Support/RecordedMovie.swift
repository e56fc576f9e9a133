import Bytes
import Foundation
public import ISOBMFF
public import Media
import Synchronization

/// One track that ffmpeg has coded for a test: its configuration and its samples.
public struct RecordedTrack: Sendable {
    /// One coded sample.
    public struct Sample: Sendable {
        /// When it is decoded, in the track's timescale, from 0.
        public var decodeTime: Int64
        /// Length, duration, composition offset and flags.
        public var head: MovieFragment.Sample
        /// The coded bytes.
        public var payload: [UInt8]
    }

    /// What a decoder must know.
    public var configuration: TrackConfiguration
    /// The samples in decode order.
    public var samples: [Sample]

    /// The size of the test picture.
    public static let width = 320
    /// The size of the test picture.
    public static let height = 180

    /// Codes a moving test picture with x264, at 30 frames a second.
    public static func video(
        seconds: Int,
        gop: Int = 60,
        bFrames: Int = 2,
        track: UInt16 = 0,
        width: Int = width,
        height: Int = height
    ) throws -> RecordedTrack {
        let source = "testsrc2=size=\(width)x\(height):rate=30:duration=\(seconds)"
        let coding = [
            "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "\(gop)",
            "-keyint_min", "\(gop)", "-sc_threshold", "0", "-bf", "\(bFrames)", "-video_track_timescale",
            "90000",
        ]
        let file = try record(source, coding)
        guard let contents = try decoderConfiguration(in: file.span), contents.count > 4 else {
            throw RecordingFailure()
        }
        let text = contents[1...3].map { String(format: "%02x", $0) }.joined()
        let configuration = TrackConfiguration(
            track: TrackID(rawValue: track),
            generation: 1,
            codec: .h264,
            timescale: 90_000,
            decoderConfiguration: contents,
            codecString: "avc1.\(text)",
            kind: .video(.init(width: width, height: height, frameRate: 30))
        )
        return RecordedTrack(configuration: configuration, samples: try samples(of: file))
    }

    /// The samples over and over until there are `seconds` of them: coding that much anew would take long.
    public func repeated(until seconds: Int) -> RecordedTrack {
        var copy = self
        let end = Int64(seconds) * Int64(configuration.timescale)
        let length = samples.reduce(0) { $0 + Int64($1.head.duration) }
        guard length > 0 else { return self }
        for round in 1... {
            let offset = Int64(round) * length
            if offset >= end { break }
            for var sample in samples where sample.decodeTime + offset < end {
                sample.decodeTime += offset
                copy.samples.append(sample)
            }
        }
        return copy
    }

    /// Codes a tone with ffmpeg's AAC coder, 48 kHz stereo.
    public static func audio(seconds: Int, track: UInt16 = 1) throws -> RecordedTrack {
        let source = "sine=frequency=440:sample_rate=48000:duration=\(seconds)"
        let file = try record(source, ["-c:a", "aac", "-ac", "2", "-b:a", "96k"])
        let configuration = TrackConfiguration(
            track: TrackID(rawValue: track),
            generation: 1,
            codec: .aac,
            timescale: 48_000,
            decoderConfiguration: [0x11, 0x90],
            codecString: "mp4a.40.2",
            kind: .audio(.init(sampleRate: 48_000, channelCount: 2, samplesPerFrame: 1024))
        )
        return RecordedTrack(configuration: configuration, samples: try samples(of: file))
    }

    /// Recordings that this process has made, by their arguments: coding is slow, and they are all alike.
    private static let recordings = Mutex<[[String]: [UInt8]]>([:])

    private static func record(_ source: String, _ coding: [String]) throws -> [UInt8] {
        try recordings.withLock { recordings in
            if let known = recordings[[source] + coding] { return known }
            let made = try recordAnew(source, coding)
            recordings[[source] + coding] = made
            return made
        }
    }

    private static func recordAnew(_ source: String, _ coding: [String]) throws -> [UInt8] {
        let file = TemporaryFolder.shared.appendingPathComponent("\(UUID().uuidString).mp4")
        defer { try? FileManager.default.removeItem(at: file) }
        try ExternalTool.succeed(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", source] + coding
                + [
                    "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-use_editlist", "0",
                    file.path,
                ]
        )
        return [UInt8](try Data(contentsOf: file))
    }

    /// Finds the contents of `avcC`: moov/trak/mdia/minf/stbl/stsd/avc1/avcC.
    private static func decoderConfiguration(in bytes: Span<UInt8>) throws(BoxFailure) -> [UInt8]? {
        let skipped: [BoxType: Int] = [
            "moov": 0, "trak": 0, "mdia": 0, "minf": 0, "stbl": 0, "stsd": 8, "avc1": 78,
        ]
        var reader = BoxReader(bytes)
        while let box = try reader.next() {
            if box.type == "avcC" { return [UInt8](copying: box.contents) }
            guard let skip = skipped[box.type], box.contents.count >= skip else { continue }
            let inner = box.contents.extracting(skip..<box.contents.count)
            if let found = try decoderConfiguration(in: inner) { return found }
        }
        return nil
    }

    private static func samples(of file: [UInt8]) throws -> [Sample] {
        var samples: [Sample] = []
        for chunk in try FragmentParser.chunks(of: file.span) {
            var time = Int64(chunk.fragment.decodeTime)
            var offset = chunk.payloadOffset
            for sample in chunk.fragment.samples {
                let end = offset + Int(sample.byteCount)
                samples.append(Sample(decodeTime: time, head: sample, payload: Array(file[offset..<end])))
                time += Int64(sample.duration)
                offset = end
            }
        }
        return samples
    }
}

/// The recorder wrote something that the test cannot read.
public struct RecordingFailure: Error {}
