import Codecs
import Foundation
import Media
import Transcoding

/// A publisher's AAC: a tone, coded and stamped as ingest would.
struct SourceSound {
    static let track = TrackID(rawValue: 1)
    static let samplesPerFrame: Int64 = 1024
    /// Frames in a part and parts in a segment, of these tests.
    static let framesPerPart = 12
    static let partsPerSegment = 4

    let configuration: TrackConfiguration
    let packets: [[UInt8]]

    /// Encodes so many frames of a tone.
    init(frames: Int, frequency: Double = 440) throws {
        var encoder = try SoundEncoder(.aac, channelCount: 2, bitRate: 128_000)
        var packets: [[UInt8]] = []
        var start = 0
        while packets.count < frames {
            let samples = (start..<start + encoder.samplesPerFrame).flatMap { index in
                let value = Float(sin(2 * Double.pi * frequency * Double(index) / 48_000)) * 0.5
                return [value, value]
            }
            packets += try encoder.encode(samples[...], at: Int64(start)).map(\.bytes)
            start += encoder.samplesPerFrame
        }
        self.packets = packets
        let record = encoder.configuration
        configuration = try AACConfiguration(record.span)
            .trackConfiguration(track: Self.track, generation: 1)
    }

    /// The frame with a number, moved by `shift` samples.
    func sample(_ number: Int, shift: Int64 = 0, flags: BusSample.Flags = []) -> BusSample {
        let part = number / Self.framesPerPart
        var flags = flags.union(.keyframe)
        if number % Self.framesPerPart == 0 { flags.insert(.partStart) }
        if number % (Self.framesPerPart * Self.partsPerSegment) == 0 { flags.insert(.segmentStart) }
        return BusSample(
            track: Self.track,
            generation: 1,
            flags: flags,
            sequence: UInt32(number),
            decodeTime: time(of: number) + shift,
            duration: UInt32(Self.samplesPerFrame),
            mediaSequence: UInt32(part / Self.partsPerSegment),
            part: UInt16(part % Self.partsPerSegment),
            captureClock: 1000 + UInt64(number),
            payload: packets[number]
        )
    }

    /// When the frame with a number begins.
    func time(of number: Int) -> Int64 { 480_000 + Int64(number) * Self.samplesPerFrame }
}

/// Opus, decoded.
struct HeardSound {
    /// One channel, at 48 kHz.
    let samples: [Float]

    init(_ packets: [BusSample]) throws {
        var decoder = try SoundDecoder(
            .opus,
            configuration: OpusConfiguration(channelCount: 2).record,
            sampleRate: 48_000,
            channelCount: 2,
            outputChannelCount: 1
        )
        var samples: [Float] = []
        for packet in packets { try decoder.decode(packet.payload, into: &samples) }
        self.samples = samples
    }

    /// The amplitude of a frequency in the samples from `start` on.
    func level(of frequency: Double, from start: Int, count: Int) -> Float {
        var (sine, cosine) = (0.0, 0.0)
        for index in start..<start + count {
            let angle = 2 * Double.pi * frequency * Double(index) / 48_000
            sine += Double(samples[index]) * sin(angle)
            cosine += Double(samples[index]) * cos(angle)
        }
        return Float(2 * (sine * sine + cosine * cosine).squareRoot() / Double(count))
    }

    /// The places without a sound: the starts of blocks of 10 ms that are nearly silent.
    func silences(from start: Int) -> [Int] {
        stride(from: start, to: samples.count - 480, by: 480).filter { block in
            samples[block..<block + 480].allSatisfy { abs($0) < 0.02 }
        }
    }
}
