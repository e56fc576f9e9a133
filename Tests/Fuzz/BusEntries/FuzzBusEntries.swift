import FuzzDriver
import Media

/// Reads any bytes as an entry of the bus, wants the entry back from its own bytes, and stamps its samples.
@main enum FuzzBusEntries {
    static func main() {
        FuzzDriver.run { bytes in
            guard let entry = try? BusEntry(decoding: bytes) else { return }
            precondition((try? BusEntry(decoding: entry.encoded())) == entry)
            var stamper = Stamper(partTarget: 0.3)
            stamper.setTracks(configurations)
            for sample in entry.samples { checkStamps(stamper.stamp(sample)) }
        }
    }

    private static func checkStamps(_ sample: BusSample?) {
        guard let flags = sample?.flags else { return }
        precondition(!flags.contains(.segmentStart) || flags.contains(.partStart))
    }

    private static let configurations = [
        TrackConfiguration(
            track: TrackID(rawValue: 0),
            generation: 1,
            codec: .h264,
            timescale: 90_000,
            decoderConfiguration: [],
            codecString: "avc1.64001f",
            kind: .video(.init(width: 640, height: 360, frameRate: 30))
        ),
        TrackConfiguration(
            track: TrackID(rawValue: 1),
            generation: 1,
            codec: .aac,
            timescale: 48_000,
            decoderConfiguration: [],
            codecString: "mp4a.40.2",
            kind: .audio(.init(sampleRate: 48_000, channelCount: 2, samplesPerFrame: 1024))
        ),
    ]
}
