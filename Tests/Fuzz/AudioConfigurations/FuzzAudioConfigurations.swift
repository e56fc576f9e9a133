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
        merge(bytes)
    }

    /// Puts a packet together with itself, and demands that what comes out is read as the same again.
    private static func merge(_ bytes: Span<UInt8>) {
        var frames = OpusRepacketiser()
        guard frames.add(bytes) else { return }
        let count = OpusPacket.sampleCount(of: bytes)
        precondition(count == frames.sampleCount && OpusPacket.sampleCount(of: frames.packet) == count)
        while frames.add(bytes) {}
        var again = OpusRepacketiser()
        let isTaken = again.add(frames.packet.span)
        precondition(isTaken && again.packet == frames.packet)
        precondition(again.sampleCount == frames.sampleCount)
    }
}
