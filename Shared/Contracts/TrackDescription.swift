import Bytes
public import Media

/// A ``TrackConfiguration`` in the shape of its JSON in the tracks key.
public struct TrackDescription: Codable, Sendable, Equatable {
    /// The number of the track.
    public var track: UInt16
    /// The generation of the configuration.
    public var generation: UInt16
    /// The coding by its four characters.
    public var codec: String
    /// Ticks a second.
    public var timescale: UInt32
    /// The decoder configuration in Base64.
    public var decoderConfiguration: String
    /// The codec string of RFC 6381.
    public var codecString: String
    /// The coded width in pixels, of video.
    public var width: Int?
    /// The coded height in pixels, of video.
    public var height: Int?
    /// Frames a second, of video where it is known.
    public var frameRate: Double?
    /// Clockwise rotation in degrees, of video.
    public var rotation: Int?
    /// Samples a second, of audio.
    public var sampleRate: Int?
    /// The number of channels, of audio.
    public var channels: Int?
    /// Samples in a coded frame, of audio where that is fixed.
    public var samplesPerFrame: Int?
    /// The language (BCP 47).
    public var language: String
    /// A name for people.
    public var label: String?

    /// Describes `configuration`.
    public init(_ configuration: TrackConfiguration) {
        track = configuration.track.rawValue
        generation = configuration.generation
        codec = configuration.codec.rawValue
        timescale = configuration.timescale
        decoderConfiguration = Base64.encode(configuration.decoderConfiguration)
        codecString = configuration.codecString
        width = configuration.video?.width
        height = configuration.video?.height
        frameRate = configuration.video?.frameRate
        rotation = configuration.video?.rotation
        sampleRate = configuration.audio?.sampleRate
        channels = configuration.audio?.channelCount
        samplesPerFrame = configuration.audio?.samplesPerFrame
        language = configuration.language
        label = configuration.label
    }

    /// The configuration, or `nil` where the description is none that this code understands.
    public var configuration: TrackConfiguration? {
        guard let codec = Codec(rawValue: codec), let kind = kind(of: codec), timescale > 0,
            let decoderConfiguration = Base64.decode(decoderConfiguration)
        else { return nil }
        return TrackConfiguration(
            track: TrackID(rawValue: track),
            generation: generation,
            codec: codec,
            timescale: timescale,
            decoderConfiguration: decoderConfiguration,
            codecString: codecString,
            kind: kind,
            language: language,
            label: label
        )
    }

    private func kind(of codec: Codec) -> TrackConfiguration.Kind? {
        if codec.isVideo {
            guard let width, let height else { return nil }
            return .video(.init(width: width, height: height, frameRate: frameRate, rotation: rotation ?? 0))
        }
        guard let sampleRate, let channels else { return nil }
        return .audio(
            .init(sampleRate: sampleRate, channelCount: channels, samplesPerFrame: samplesPerFrame)
        )
    }
}
