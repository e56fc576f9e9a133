import Bytes
import FuzzDriver
import Transcoding

/// Decodes any packets under any configuration, as a publisher could have sent them.
///
/// An input is a byte for the coding, the rate in four bytes, the channels, those that come out, the configuration behind
/// its length in two bytes, and packets behind theirs.
@main enum FuzzTranscoding {
    /// Packets that are looked at: more find nothing new.
    private static let packetLimit = 32

    static func main() {
        FuzzDriver.run { bytes in
            var reader = ByteReader(bytes)
            do {
                let coding = Int(try reader.read(UInt8.self))
                let configuration = Configuration(
                    sampleRate: Int(try reader.read(UInt32.self)),
                    channelCount: Int(try reader.read(UInt8.self)),
                    outputChannelCount: Int(try reader.read(UInt8.self)),
                    record: try piece(&reader)
                )
                let codings = SoundCoding.allCases
                if coding < codings.count {
                    try sound(codings[coding], configuration, &reader)
                } else {
                    try pictures(configuration, &reader)
                }
            } catch {
                return
            }
        }
    }

    private struct Configuration {
        var sampleRate: Int
        var channelCount: Int
        var outputChannelCount: Int
        var record: [UInt8]
    }

    private static func piece(_ reader: inout ByteReader) throws -> [UInt8] {
        let count = Int(try reader.read(UInt16.self))
        return try reader.takeArray(min(count, reader.remaining))
    }

    private static func sound(
        _ coding: SoundCoding,
        _ configuration: Configuration,
        _ reader: inout ByteReader
    ) throws {
        var decoder = try SoundDecoder(
            coding,
            configuration: configuration.record,
            sampleRate: configuration.sampleRate,
            channelCount: configuration.channelCount,
            outputChannelCount: configuration.outputChannelCount
        )
        for _ in 0..<packetLimit {
            var samples: [Float] = []
            // A damaged packet is no reason to stop.
            try? decoder.decode(try piece(&reader), into: &samples)
            precondition(decoder.delay >= 0)
        }
    }

    private static func pictures(_ configuration: Configuration, _ reader: inout ByteReader) throws {
        var transcoder = try PictureTranscoder(
            record: configuration.record,
            frameRate: Double(configuration.sampleRate),
            bitRate: 300_000
        )
        for number in 0..<packetLimit where reader.remaining > 0 {
            _ = try? transcoder.transcode(try piece(&reader), at: Int64(number) * 3000)
        }
        _ = try? transcoder.finish()
    }
}
