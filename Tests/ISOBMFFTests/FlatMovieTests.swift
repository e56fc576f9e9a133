import Bytes
import Foundation
import ISOBMFF
import Media
import TestSupport
import Testing

@Suite struct FlatMovieTests {
    /// A body as a track log has it: chunks of both tracks, moof headers included.
    struct Body {
        var bytes = ByteWriter()
        var chunks: [[FlatMovie.Chunk]] = [[], []]

        mutating func append(_ samples: ArraySlice<RecordedTrack.Sample>, of track: Int, at time: Int64) {
            let fragment = MovieFragment(
                sequence: 1,
                trackID: UInt32(track + 1),
                decodeTime: UInt64(time),
                samples: samples.map(\.head)
            )
            fragment.writeHead(to: &bytes)
            let chunk = FlatMovie.Chunk(
                offset: UInt64(bytes.count),
                decodeTime: time,
                configuration: 0,
                samples: fragment.samples
            )
            chunks[track].append(chunk)
            for sample in samples { bytes.write(contentsOf: sample.payload) }
        }
    }

    static func movie(gapAfterSecond: Int? = nil) throws -> [UInt8] {
        let tracks = [try RecordedTrack.video(seconds: 4), try RecordedTrack.audio(seconds: 4)]
        var body = Body()
        for second in 0..<4 {
            for (index, track) in tracks.enumerated() {
                let scale = Int64(track.configuration.timescale)
                let samples = track.samples.filter { $0.decodeTime / scale == Int64(second) }
                guard let first = samples.first else { continue }
                let gap = gapAfterSecond.map { second > $0 ? 2 * scale : 0 } ?? 0
                body.append(samples[...], of: index, at: first.decodeTime + 10 * scale + gap)
            }
        }
        let flat = zip(tracks, body.chunks).compactMap { track, chunks in
            FlatMovie.Track(configurations: [track.configuration], chunks: chunks)
        }
        return FlatMovie(tracks: flat, bodyByteCount: UInt64(body.bytes.count)).head() + body.bytes.bytes
    }

    static func probe(_ bytes: [UInt8], _ arguments: [String]) throws -> String {
        let file = try TemporaryFolder.make("flat").appendingPathComponent("flat.mp4")
        try Data(bytes).write(to: file)
        return try ExternalTool.succeed("ffprobe", ["-v", "warning"] + arguments + [file.path]).text
    }

    @Test func `begins at zero although its media does not`() throws {
        let text = try Self.probe(
            Self.movie(),
            ["-show_entries", "format=start_time,duration:stream=start_time", "-of", "csv=nk=1:p=0"]
        )
        let values = text.split { $0.isNewline || $0 == "," }.compactMap { Double($0) }
        #expect(values.count == 4)
        for start in values.prefix(3) { #expect(abs(start) < 0.07) }
        #expect(abs((values.last ?? 0) - 4) < 0.1)
    }

    @Test func `ffmpeg decodes every frame of it without a warning`() throws {
        let file = try TemporaryFolder.make("flat").appendingPathComponent("flat.mp4")
        try Data(try Self.movie()).write(to: file)
        let decoded = try ExternalTool.succeed(
            "ffmpeg",
            ["-v", "warning", "-i", file.path, "-map", "0:v", "-f", "framemd5", "-"]
        )
        #expect(decoded.errors == "")
        #expect(decoded.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.count == 120)
        let sound = try ExternalTool.succeed(
            "ffmpeg",
            ["-v", "warning", "-i", file.path, "-map", "0:a", "-f", "null", "-"]
        )
        #expect(sound.errors == "")
    }

    @Test func `a gap between chunks stays a gap`() throws {
        let text = try Self.probe(
            Self.movie(gapAfterSecond: 1),
            ["-show_entries", "format=duration", "-of", "csv=nk=1:p=0"]
        )
        #expect(abs((Double(text) ?? 0) - 6) < 0.1)
    }

    @Test func `a track without samples is none`() throws {
        let configuration = InitSegmentTests.audio(.aac, [0x11, 0x90])
        #expect(FlatMovie.Track(configurations: [configuration], chunks: []) == nil)
        let chunk = FlatMovie.Chunk(offset: 0, decodeTime: 0, configuration: 1, samples: [])
        #expect(FlatMovie.Track(configurations: [configuration], chunks: [chunk]) == nil)
    }

    @Test func `equal samples give equal bytes`() throws {
        #expect(try Self.movie().prefix(2000) == Self.movie().prefix(2000))
    }
}
