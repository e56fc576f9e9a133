import Media

/// One access unit or frame of sound of a publisher, before its time is mapped to the session's timeline.
struct SourceSample: Sendable, Equatable {
    /// The track.
    var track: TrackID
    /// The generation of the track's configuration.
    var generation: UInt16
    /// The decode time on the publisher's clock in milliseconds, wrapping.
    var timestamp: UInt32
    /// Nanoseconds to add to ``timestamp``, below a million.
    var nanosecondOffset: UInt32 = 0
    /// Presentation minus decode time in milliseconds.
    var compositionTime: Int32 = 0
    /// How long it lasts, in the track's timescale; 0 where only the next sample tells.
    var duration: UInt32 = 0
    /// Whether decoding can begin here.
    var isKeyframe: Bool
    /// Whether nothing references it.
    var isDiscardable = false
    /// The temporal layer, 0 where there is one.
    var temporalLayer: UInt8 = 0
    /// Whether the configuration has changed before it.
    var beginsGeneration = false
    /// The coded bytes in the form of the bus.
    var payload: [UInt8]
}

/// Why a packet of a publisher did not become a sample.
enum DroppedPacket: String, CaseIterable, Hashable, Sendable {
    /// The body of the message is broken.
    case malformedTag = "malformed_tag"
    /// The configuration is broken or not complete.
    case badConfiguration = "bad_configuration"
    /// The coded bytes are broken.
    case badPayload = "bad_payload"
    /// It came before any configuration.
    case noConfiguration = "no_configuration"
    /// It came before the first keyframe, or after a new configuration and before its first keyframe.
    case beforeKeyframe = "before_keyframe"
    /// A browser cannot play the codec.
    case unsupportedCodec = "unsupported_codec"
    /// It holds no picture and no sound.
    case empty
    /// There are too many tracks.
    case tooManyTracks = "too_many_tracks"
}

/// What a track makes of one packet.
enum TrackOutput: Sendable, Equatable {
    /// The configuration is new or has changed.
    case configured(TrackConfiguration)
    case sample(SourceSample)
    case dropped(DroppedPacket)
    /// Keyframes have come that no configuration, nor they themselves, say how to decode; told once a codec.
    case undecodable(Codec)
}
