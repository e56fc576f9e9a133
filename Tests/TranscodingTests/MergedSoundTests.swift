import Codecs
import Testing
import Transcoding

@Suite(.timeLimit(.minutes(1))) struct MergedSoundTests {
    @Test(arguments: [(1, 2), (2, 2), (2, 3), (2, 6)])
    func `a decoder makes the same samples of packets put together`(channels: Int, size: Int) throws {
        var encoder = try SoundEncoder(.opus, channelCount: channels, bitRate: 64_000)
        let step = encoder.samplesPerFrame * channels
        let sound = Tone.samples(440, count: Tone.rate / 2, channels: channels).enumerated()
            .map { $1 * Float(level(at: $0)) }
        var packets: [[UInt8]] = []
        for start in stride(from: 0, through: sound.count - step, by: step) {
            packets += try encoder.encode(sound[start..<start + step], at: Int64(start / channels)).map(
                \.bytes
            )
        }
        packets.removeLast(packets.count % size)
        #expect(packets.count >= 18 && Set(packets.map(\.count)).count > 1, "their sizes differ")
        let merged = stride(from: 0, to: packets.count, by: size).map { start in
            var frames = OpusRepacketiser()
            for packet in packets[start..<start + size] where !frames.add(packet.span) {
                Issue.record("a packet of \(packet.count) bytes is not taken")
            }
            return frames.packet
        }
        let configuration = try OpusConfiguration(identificationHeader: encoder.configuration.span).record
        let one = try decode(packets, configuration, channels: channels)
        let other = try decode(merged, configuration, channels: channels)
        #expect(one.count == packets.count * step && one == other)
    }

    /// How loud it is at a sample: it swells, so that the packets differ in length.
    private func level(at index: Int) -> Double { Double(index % 9000) / 9000 }

    private func decode(
        _ packets: [[UInt8]],
        _ configuration: [UInt8],
        channels: Int
    ) throws -> [Float] {
        var decoder = try SoundDecoder(
            .opus,
            configuration: configuration,
            sampleRate: Tone.rate,
            channelCount: channels,
            outputChannelCount: channels
        )
        var samples: [Float] = []
        for packet in packets { try decoder.decode(packet, into: &samples) }
        return samples
    }
}
