import Bytes
import Foundation
import ISOBMFF
import Media
import TestSupport
import Testing

@Suite struct InitSegmentTests {
    /// Every box with its depth, as far as containers are known.
    static func outline(_ bytes: Span<UInt8>, depth: Int = 0) throws -> [String] {
        let containers: Set<BoxType> = ["moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex"]
        var lines: [String] = []
        var reader = BoxReader(bytes)
        while let box = try reader.next() {
            lines.append(String(repeating: " ", count: depth) + box.type.description)
            if containers.contains(box.type) { lines += try outline(box.contents, depth: depth + 1) }
        }
        return lines
    }

    static func audio(_ codec: Codec, _ configuration: [UInt8], rate: Int = 48_000) -> TrackConfiguration {
        TrackConfiguration(
            track: TrackID(rawValue: 1),
            generation: 1,
            codec: codec,
            timescale: UInt32(rate),
            decoderConfiguration: configuration,
            codecString: codec.rawValue,
            kind: .audio(.init(sampleRate: rate, channelCount: 2))
        )
    }

    static func video(_ codec: Codec, _ configuration: [UInt8], rotation: Int = 0) -> TrackConfiguration {
        TrackConfiguration(
            track: TrackID(rawValue: 0),
            generation: 1,
            codec: codec,
            timescale: 90_000,
            decoderConfiguration: configuration,
            codecString: codec.rawValue,
            kind: .video(.init(width: 1280, height: 720, frameRate: 30, rotation: rotation))
        )
    }

    @Test func `has the boxes that CMAF asks for`() throws {
        let bytes = InitSegment.bytes(for: Self.audio(.aac, [0x11, 0x90]))
        #expect(
            try Self.outline(bytes.span) == [
                "ftyp", "moov", " mvhd", " trak", "  tkhd", "  mdia", "   mdhd", "   hdlr", "   minf",
                "    smhd",
                "    dinf", "     dref", "    stbl", "     stsd", "     stts", "     stsc", "     stsz",
                "     stco",
                " mvex", "  trex",
            ]
        )
    }

    @Test func `writes the elementary stream descriptor of AAC`() {
        let bytes = InitSegment.bytes(for: Self.audio(.aac, [0x11, 0x90]))
        let descriptor =
            "65736473" + "00000000" + "0380808022" + "000100" + "0480808014" + "4015"
            + "000000" + "00000000" + "00000000" + "0580808002" + "1190" + "0680808001" + "02"
        #expect(Hex.encode(bytes).contains(descriptor))
    }

    @Test(arguments: [
        (Codec.opus, "0002013800000bb8000000", "opus"),
        (
            .flac,
            "000000008000002210001000000000000000"
                + "0bb802f00000000000000000000000000000000000000000", "flac"
        ),
        (.ac3, "10112200", "ac3"), (.eac3, "0400200f00", "eac3"), (.mp3, "", "mp3"),
        (.alaw, "", "pcm_alaw"), (.mulaw, "", "pcm_mulaw"),
    ])
    func `ffprobe names the sound`(codec: Codec, configuration: String, name: String) throws {
        let contents = try #require(Hex.decode(String(configuration.prefix(configuration.count & ~1))))
        let bytes = InitSegment.bytes(for: Self.audio(codec, contents))
        #expect(try Self.probe(bytes, "codec_name") == name)
    }

    @Test(arguments: [
        (Codec.hevc, "hevc"), (.av1, "av1"), (.vp9, "vp9"), (.vp8, "vp8"),
    ])
    func `ffprobe names the picture`(codec: Codec, name: String) throws {
        let contents: [UInt8] =
            codec == .av1 ? [0x81, 0x04, 0x0c, 0x00] : [1, 0, 0, 0, 0, 31, 0x80, 2, 2, 2, 0, 0]
        #expect(try Self.probe(InitSegment.bytes(for: Self.video(codec, contents)), "codec_name") == name)
    }

    @Test(arguments: [90, 180, 270])
    func `ffprobe sees the rotation`(degrees: Int) throws {
        let bytes = InitSegment.bytes(
            for: Self.video(.vp9, [1, 0, 0, 0, 0, 31, 0x80, 2, 2, 2, 0, 0], rotation: degrees)
        )
        let seen = try Self.probe(bytes, "side_data", section: "stream_side_data=rotation")
        #expect(seen.contains("\(degrees > 180 ? 360 - degrees : -degrees)"))
    }

    static func probe(_ bytes: [UInt8], _ entry: String, section: String? = nil) throws -> String {
        let file = try TemporaryFolder.make("init").appendingPathComponent("init.mp4")
        try Data(bytes).write(to: file)
        let entries = section ?? "stream=\(entry)"
        let arguments = ["-v", "quiet", "-show_entries", entries, "-of", "default=nw=1:nk=1", file.path]
        return try ExternalTool.run("ffprobe", arguments).text
    }

    @Test func `ffmpeg decodes chunks bit by bit as it coded them`() throws {
        let recorded = try RecordedTrack.video(seconds: 4)
        var writer = ByteWriter()
        writer.write(contentsOf: InitSegment.bytes(for: recorded.configuration))
        var sequence: UInt32 = 0
        for start in stride(from: 0, to: recorded.samples.count, by: 9) {
            let samples = recorded.samples[start..<min(start + 9, recorded.samples.count)]
            sequence += 1
            let fragment = MovieFragment(
                sequence: sequence,
                trackID: 1,
                decodeTime: UInt64(900_000 + samples[start].decodeTime),
                samples: samples.map(\.head)
            )
            fragment.writeHead(to: &writer)
            for sample in samples { writer.write(contentsOf: sample.payload) }
        }
        let file = try TemporaryFolder.make("chunks").appendingPathComponent("chunks.mp4")
        try Data(writer.bytes).write(to: file)
        let decoded = try ExternalTool.succeed(
            "ffmpeg",
            ["-v", "warning", "-i", file.path, "-f", "framemd5", "-"]
        )
        #expect(decoded.errors == "")
        let frames = decoded.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(frames.count == 120)
        #expect(Set(frames.map { $0.split(separator: ",").last ?? "" }).count == 120)
    }
}
