import Codecs
import FuzzDriver
import Media

/// Reads any bytes as every kind of audio configuration and frame header.
@main enum FuzzAudioConfigurations {
    private static let track = TrackID(rawValue: 1)

    static func main() {
        FuzzDriver.run { bytes in
            if let configuration = try? AACConfiguration(bytes) {
                precondition(configuration.sampleRate > 0 && configuration.samplesPerFrame > 0)
                _ = configuration.trackConfiguration(track: track, generation: 1)
            }
            if let configuration = ADTSHeader(bytes)?.configuration {
                precondition((try? AACConfiguration(configuration.bytes)) == configuration)
            }
            opus(bytes)
            _ = try? MP3Header(frame: bytes).trackConfiguration(track: track, generation: 1)
            _ = try? AC3Header(frame: bytes).trackConfiguration(track: track, generation: 1)
            _ = try? FLACConfiguration(header: bytes).trackConfiguration(track: track, generation: 1)
        }
    }

    private static func opus(_ bytes: Span<UInt8>) {
        if let configuration = try? OpusConfiguration(identificationHeader: bytes) {
            precondition((try? OpusConfiguration(record: configuration.record)) == configuration)
        }
        if let count = OpusPacket.sampleCount(of: bytes) { precondition(count > 0) }
    }
}
