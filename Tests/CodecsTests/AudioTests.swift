import Codecs
import Media
import Testing

struct AACTests {
    private func configuration(_ bytes: [UInt8]) throws -> AACConfiguration {
        try AACConfiguration(bytes)
    }

    @Test(arguments: [
        (RealBytes.aac48, 48_000, 2), (RealBytes.aac44, 44_100, 1), (RealBytes.aac51, 48_000, 6),
    ])
    func `configurations of ffmpeg tell rate and channels`(
        bytes: [UInt8],
        rate: Int,
        channels: Int
    ) throws {
        let track = try configuration(bytes).trackConfiguration(track: TrackID(rawValue: 1), generation: 1)
        #expect(track.codecString == "mp4a.40.2")
        #expect(track.audio == .init(sampleRate: rate, channelCount: channels, samplesPerFrame: 1024))
        #expect(track.timescale == UInt32(rate))
        #expect(track.decoderConfiguration == bytes)
    }

    @Test func `explicit SBR doubles the rate and the frame`() throws {
        // AOT 5, 24 kHz, stereo, extension 48 kHz, core AOT 2.
        let he = try configuration([0x2b, 0x11, 0x88, 0x00])
        #expect(he.codecString == "mp4a.40.5")
        #expect(he.sampleRate == 48_000)
        #expect(he.coreSampleRate == 24_000)
        #expect(he.samplesPerFrame == 2048)
    }

    @Test func `explicit parametric stereo makes two channels of one`() throws {
        let he = try configuration([0xeb, 0x09, 0x88, 0x00])
        #expect(he.codecString == "mp4a.40.29")
        #expect(he.coreChannelCount == 1)
        #expect(he.channelCount == 2)
    }

    @Test func `SBR hidden behind the core is found`() throws {
        // AOT 2, 22.05 kHz, stereo, then 0x2b7, AOT 5, present, 44.1 kHz.
        let he = try configuration([0x13, 0x90, 0x56, 0xe5, 0xa0])
        #expect(he.sampleRate == 44_100)
        #expect(he.samplesPerFrame == 2048)
        #expect(he.codecString == "mp4a.40.2")
    }

    @Test func `frames of 960 samples are told`() throws {
        #expect(try configuration([0x11, 0x94]).samplesPerFrame == 960)
    }

    @Test func `channel configuration 0 counts the program config element`() throws {
        // AOT 2, 48 kHz, channels 0; element 0, AOT 1, rate 3, one front pair, one LFE, no comment.
        var bits = "00010" + "0011" + "0000" + "000"
        bits += "0000" + "01" + "0011" + "0001" + "0000" + "0000" + "01" + "000" + "0000" + "000"
        bits += "1" + "0000" + "0000"
        while bits.count % 8 != 0 { bits += "0" }
        bits += "00000000"
        let characters = Array(bits)
        let bytes = stride(from: 0, to: characters.count, by: 8).map { start in
            UInt8(String(characters[start..<start + 8]), radix: 2) ?? 0
        }
        #expect(try configuration(bytes).channelCount == 3)
    }

    @Test func `an explicit rate of 24 bits is read`() throws {
        // AOT 2, index 15, 44,100, stereo.
        let bits = (2 << 35) | (15 << 31) | (44_100 << 7) | (2 << 3)
        let bytes = [32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
        #expect(try configuration(bytes).sampleRate == 44_100)
    }

    @Test func `nonsense is refused`() {
        #expect(throws: CodecFailure.truncated) { try configuration([]) }
        #expect(throws: CodecFailure.invalid(field: .objectType, value: 0)) {
            try configuration([0, 0, 0, 0])
        }
        #expect(throws: CodecFailure.self) { try configuration(Array(repeating: 0xff, count: 600)) }
    }

    @Test func `an ADTS header implies a configuration`() throws {
        let header = try #require(ADTSHeader(RealBytes.adts))
        #expect(header.byteCount == 7)
        #expect(header.frameByteCount == 295)
        let implied = try #require(header.configuration)
        #expect(implied.bytes == [0x11, 0x90])
        #expect(try configuration(implied.bytes) == implied)
        #expect(ADTSHeader(RealBytes.aac48) == nil)
    }
}

struct OpusTests {
    @Test func `the header of Ogg becomes the box of ISO files, and back`() throws {
        let configuration = try OpusConfiguration(identificationHeader: RealBytes.opusHead)
        #expect(configuration.record == RealBytes.opusBox)
        #expect(configuration.identificationHeader == RealBytes.opusHead)
        #expect(try OpusConfiguration(record: RealBytes.opusBox) == configuration)
        #expect(configuration.preSkip == 312)
    }

    @Test func `surround keeps its mapping`() throws {
        let configuration = try OpusConfiguration(record: RealBytes.opusSurroundBox)
        #expect(configuration.channelCount == 6)
        #expect(configuration.record == RealBytes.opusSurroundBox)
        let again = try OpusConfiguration(identificationHeader: configuration.identificationHeader)
        #expect(again == configuration)
    }

    @Test(
        arguments: [
            ([0x00], 480), ([0x18], 2880), ([0x60], 480), ([0x68], 960), ([0x80], 120), ([0xf8], 960),
            ([0xf9], 1920),
            ([0xfb, 0x06], 5760),
        ] as [([UInt8], Int)]
    )
    func `the first byte tells how long a packet lasts`(packet: [UInt8], count: Int) {
        #expect(OpusPacket.sampleCount(of: packet) == count)
    }

    @Test(arguments: [[], [0xfb], [0xfb, 0], [0xfb, 0x07], [0x1b, 0x3f]] as [[UInt8]])
    func `packets without or with too much sound have no length`(packet: [UInt8]) {
        #expect(OpusPacket.sampleCount(of: packet) == nil)
    }

    @Test func `a header without mapping for surround is refused`() {
        var header = RealBytes.opusHead
        header[9] = 6
        #expect(throws: CodecFailure.invalid(field: .channelCount, value: 6)) {
            try OpusConfiguration(identificationHeader: header)
        }
    }
}

struct FrameHeaderTests {
    @Test func `an MP3 header tells rate, channels and length`() throws {
        let header = try MP3Header(frame: RealBytes.mp3)
        #expect(header.sampleRate == 44_100)
        #expect(header.channelCount == 2)
        #expect(header.samplesPerFrame == 1152)
        #expect(header.frameByteCount == 208)
        #expect(throws: CodecFailure.wrongSignature) { try MP3Header(frame: RealBytes.aac48) }
    }

    @Test func `AC-3 makes the box that ffmpeg makes`() throws {
        let header = try AC3Header(frame: RealBytes.ac3)
        #expect(header.record == RealBytes.ac3Box)
        #expect((header.sampleRate, header.channelCount, header.isEnhanced) == (48_000, 2, false))
        #expect(header.frameByteCount == 768)
    }

    @Test func `E-AC-3 makes the box that ffmpeg makes`() throws {
        let header = try AC3Header(frame: RealBytes.eac3)
        #expect(header.isEnhanced)
        #expect((header.sampleRate, header.channelCount) == (48_000, 6))
        #expect(header.frameByteCount == 1792)
        #expect(header.record == RealBytes.eac3Box)
    }

    @Test func `FLAC is read in all the wrappings it comes in`() throws {
        let bare = Array(RealBytes.flacBox.dropFirst(8))
        let configuration = try FLACConfiguration(header: bare)
        #expect((configuration.sampleRate, configuration.channelCount) == (48_000, 2))
        #expect(configuration.samplesPerFrame == 4608)
        let wrapped = Array("fLaC".utf8) + RealBytes.flacBox.dropFirst(4)
        #expect(try FLACConfiguration(header: wrapped) == configuration)
        let track = configuration.trackConfiguration(track: TrackID(rawValue: 1), generation: 1)
        #expect(track.decoderConfiguration == RealBytes.flacBox)
    }
}

struct RandomBytesTests {
    @Test func `no parser of this module traps on noise`() {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let seeds = [
            RealBytes.high, RealBytes.hevc, RealBytes.av1, RealBytes.vp9Keyframe, RealBytes.aac48,
            RealBytes.opusHead,
            RealBytes.flacBox, RealBytes.eac3, RealBytes.opusSurroundBox, RealBytes.av1TemporalUnit,
        ]
        for round in 0..<20_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int(next() % 6 + 1) {
                bytes[Int(next() % UInt64(bytes.count))] = UInt8(next() & 255)
            }
            EveryParser.run(bytes)
        }
    }
}
