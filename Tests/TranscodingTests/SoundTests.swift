import Codecs
import Foundation
import TestSupport
import Testing
import Transcoding

@Suite(.timeLimit(.minutes(2))) struct SoundTests {
    @Test(arguments: SoundEncoder.Coding.allCases, [1, 2])
    func `a tone comes out as it went in, at the same place`(
        _ coding: SoundEncoder.Coding,
        _ channels: Int
    ) throws {
        let (packets, configuration) = try encode(chirp(channels), as: coding, channels: channels)
        let first = try #require(packets.first)
        let decoded = try decode(packets, coding, configuration, channels: channels)
        // What was decoded begins where the first packet says: before the first sample that went in.
        #expect(first.time < 0)
        let begin = Int(-first.time) * channels
        let sound = Array(decoded[begin...])
        for channel in 0..<channels {
            let heard = Tone.channel(channel, of: sound, channels: channels)
            let meant = Tone.channel(channel, of: chirp(channels), channels: channels)
            #expect(abs(Tone.lag(of: heard, behind: Array(meant.prefix(heard.count)), limit: 60)) <= 1)
        }
    }

    @Test(arguments: SoundEncoder.Coding.allCases)
    func `frequency and level survive, and the channels stay apart`(_ coding: SoundEncoder.Coding) throws {
        let left = Tone.samples(440, level: 0.5, count: Tone.rate, channels: 1)
        let right = Tone.samples(2000, level: 0.25, count: Tone.rate, channels: 1)
        let input = zip(left, right).flatMap { [$0, $1] }
        let (packets, configuration) = try encode(input, as: coding, channels: 2)
        let decoded = try decode(packets, coding, configuration, channels: 2)
        let heardLeft = Array(Tone.channel(0, of: decoded).dropFirst(9600).prefix(24_000))
        let heardRight = Array(Tone.channel(1, of: decoded).dropFirst(9600).prefix(24_000))
        #expect(abs(Tone.level(of: 440, in: heardLeft) - 0.5) < 0.03)
        #expect(abs(Tone.level(of: 2000, in: heardRight) - 0.25) < 0.03)
        #expect(Tone.level(of: 2000, in: heardLeft) < 0.01)
        #expect(Tone.level(of: 440, in: heardRight) < 0.01)
    }

    @Test func `packets follow each other to the sample`() throws {
        for coding in SoundEncoder.Coding.allCases {
            let input = Tone.samples(300, count: 2 * Tone.rate)
            let (packets, _) = try encode(input, as: coding, channels: 2)
            let length = coding == .opus ? 960 : 1024
            let lead = coding == .opus ? 120 : 1024
            for (index, packet) in packets.enumerated() {
                #expect(packet.time == Int64(index * length - lead))
                #expect(!packet.bytes.isEmpty)
            }
            #expect(packets.count >= 2 * Tone.rate / length - 1)
        }
    }

    @Test func `MP3 at 44.1 kHz becomes 48 kHz, with every sample`() throws {
        let bytes = try Fixtures.bytes("Sound/tone-1000.mp3")
        var decoder = try SoundDecoder(
            .mp3,
            configuration: [],
            sampleRate: 44_100,
            channelCount: 1,
            outputChannelCount: 2
        )
        var (samples, count, offset): ([Float], Int, Int) = ([], 0, 0)
        while offset < bytes.count {
            let rest = Array(bytes[offset...])
            let header = try MP3Header(frame: rest.span)
            try decoder.decode(Array(bytes[offset..<offset + header.frameByteCount]), into: &samples)
            offset += header.frameByteCount
            count += header.samplesPerFrame
        }
        #expect(abs(samples.count / 2 + decoder.delay - count * 160 / 147) <= 1)
        let middle = Array(Tone.channel(0, of: samples).dropFirst(9600).prefix(24_000))
        #expect(abs(Tone.level(of: 1000, in: middle) - 0.5) < 0.05)
        #expect(Tone.level(of: 1088, in: middle) < 0.01)
    }

    @Test func `both laws of G.711 give back their tone`() throws {
        let tone = Tone.samples(400, level: 0.5, count: 8000, channels: 1, rate: 8000)
        for (coding, encode) in [(SoundCoding.mulaw, G711.mulaw), (.alaw, G711.alaw)] {
            var decoder = try SoundDecoder(
                coding,
                configuration: [],
                sampleRate: 8000,
                channelCount: 1,
                outputChannelCount: 1
            )
            var samples: [Float] = []
            for start in stride(from: 0, to: 8000, by: 160) {
                try decoder.decode(tone[start..<start + 160].map(encode), into: &samples)
            }
            #expect(abs(samples.count + decoder.delay - Tone.rate) <= 1)
            #expect(abs(Tone.level(of: 400, in: Array(samples.dropFirst(9600).prefix(24_000))) - 0.5) < 0.02)
        }
    }

    @Test func `an hour does not drift`() throws {
        // A rate that 48,000 is no multiple of; packets of a second to be quick.
        var decoder = try SoundDecoder(
            .mulaw,
            configuration: [],
            sampleRate: 11_025,
            channelCount: 1,
            outputChannelCount: 1
        )
        let second = [UInt8](repeating: 0xff, count: 11_025)
        var total = 0
        var samples: [Float] = []
        for _ in 0..<3600 {
            samples.removeAll(keepingCapacity: true)
            try decoder.decode(second, into: &samples)
            total += samples.count
        }
        #expect(abs(total + decoder.delay - 3600 * Tone.rate) <= 1)
    }

    @Test(arguments: SoundCoding.allCases)
    func `damaged packets neither crash nor stop the decoder`(_ coding: SoundCoding) throws {
        var random = SeededGenerator(seed: 7)
        let good = try packets(of: coding)
        var decoder = try SoundDecoder(
            coding,
            configuration: good.configuration,
            sampleRate: Tone.rate,
            channelCount: 2,
            outputChannelCount: 2
        )
        var samples: [Float] = []
        for round in 0..<2000 {
            var packet = good.packets[round % good.packets.count]
            switch round % 4 {
            case 0: packet.removeLast(Int.random(in: 0...packet.count, using: &random))
            case 1: for index in packet.indices { packet[index] = UInt8.random(in: 0...255, using: &random) }
            default:
                for _ in 0..<4 where !packet.isEmpty {
                    packet[Int.random(in: packet.indices, using: &random)] ^=
                        1 << UInt8.random(in: 0...7, using: &random)
                }
            }
            samples.removeAll(keepingCapacity: true)
            try? decoder.decode(packet, into: &samples)
            #expect(samples.count <= 2 * Tone.rate * 4)
        }
        samples.removeAll()
        for packet in good.packets { try? decoder.decode(packet, into: &samples) }
        #expect(samples.count > Tone.rate / 10)
    }

    @Test func `what is too long or no configuration is refused`() throws {
        var decoder = try SoundDecoder(
            .mulaw,
            configuration: [],
            sampleRate: 8000,
            channelCount: 1,
            outputChannelCount: 1
        )
        var samples: [Float] = []
        let long = [UInt8](repeating: 0, count: SoundDecoder.longestPacket + 1)
        #expect(throws: TranscodingFailure.tooLarge(long.count)) {
            try decoder.decode(long, into: &samples)
        }
        #expect(throws: TranscodingFailure.unsupported) {
            _ = try SoundDecoder(
                .aac,
                configuration: [],
                sampleRate: 0,
                channelCount: 1,
                outputChannelCount: 1
            )
        }
        #expect(throws: TranscodingFailure.unsupported) {
            _ = try SoundEncoder(.opus, channelCount: 3, bitRate: 96_000)
        }
        var encoder = try SoundEncoder(.opus, channelCount: 2, bitRate: 96_000)
        #expect(throws: TranscodingFailure.wrongLength(5)) {
            _ = try encoder.encode([0, 0, 0, 0, 0][...], at: 0)
        }
    }

    // MARK: What is coded

    /// Half a second whose pitch rises, so that its place can be found.
    private func chirp(_ channels: Int) -> [Float] {
        (0..<Tone.rate / 2).flatMap { index in
            let time = Double(index) / Double(Tone.rate)
            let value = Float(sin(2 * Double.pi * (300 * time + 700 * time * time))) * 0.5
            return repeatElement(value, count: channels)
        }
    }

    private func encode(
        _ samples: [Float],
        as coding: SoundEncoder.Coding,
        channels: Int
    ) throws -> (packets: [EncodedSound], configuration: [UInt8]) {
        var encoder = try SoundEncoder(coding, channelCount: channels, bitRate: 96_000)
        let step = encoder.samplesPerFrame * channels
        var packets: [EncodedSound] = []
        for start in stride(from: 0, through: samples.count - step, by: step) {
            packets += try encoder.encode(samples[start..<start + step], at: Int64(start / channels))
        }
        guard coding == .opus else { return (packets, encoder.configuration) }
        let header = encoder.configuration
        return (packets, try OpusConfiguration(identificationHeader: header.span).record)
    }

    private func decode(
        _ packets: [EncodedSound],
        _ coding: SoundEncoder.Coding,
        _ configuration: [UInt8],
        channels: Int
    ) throws -> [Float] {
        var decoder = try SoundDecoder(
            coding == .opus ? .opus : .aac,
            configuration: configuration,
            sampleRate: Tone.rate,
            channelCount: channels,
            outputChannelCount: channels
        )
        var samples: [Float] = []
        for packet in packets { try decoder.decode(packet.bytes, into: &samples) }
        return samples
    }

    private func packets(of coding: SoundCoding) throws -> (packets: [[UInt8]], configuration: [UInt8]) {
        let tone = Tone.samples(500, count: Tone.rate / 2)
        switch coding {
        case .aac, .opus:
            let made = try encode(tone, as: coding == .aac ? .aac : .opus, channels: 2)
            return (made.packets.map(\.bytes), made.configuration)
        case .mp3:
            let bytes = try Fixtures.bytes("Sound/tone-1000.mp3")
            var (frames, offset): ([[UInt8]], Int) = ([], 0)
            while offset < bytes.count {
                let rest = Array(bytes[offset...])
                let count = try MP3Header(frame: rest.span).frameByteCount
                frames.append(Array(bytes[offset..<offset + count]))
                offset += count
            }
            return (frames, [])
        case .alaw, .mulaw:
            return ((0..<50).map { index in (0..<960).map { UInt8(truncatingIfNeeded: $0 &* index) } }, [])
        }
    }
}

/// The encoders of G.711, by its definition.
enum G711 {
    static func mulaw(_ sample: Float) -> UInt8 {
        let value = Int(sample * 32_767)
        let magnitude = min(abs(value), 32_635) + 132
        let exponent = max(0, Int.bitWidth - 1 - (magnitude >> 7).leadingZeroBitCount)
        let mantissa = (magnitude >> (exponent + 3)) & 15
        return ~UInt8(truncatingIfNeeded: (value < 0 ? 128 : 0) | exponent << 4 | mantissa)
    }

    static func alaw(_ sample: Float) -> UInt8 {
        let value = Int(sample * 32_767)
        let magnitude = min(abs(value), 32_767) >> 3
        let segment = max(0, Int.bitWidth - (magnitude >> 5).leadingZeroBitCount)
        let mantissa = (segment < 2 ? magnitude >> 1 : magnitude >> segment) & 15
        return UInt8(truncatingIfNeeded: segment << 4 | mantissa) ^ (value < 0 ? 0x55 : 0xd5)
    }
}
