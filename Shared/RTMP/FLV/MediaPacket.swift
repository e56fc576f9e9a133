/// What a video or audio message holds for one track.
public struct MediaPacket: Sendable, Equatable {
    /// One access unit or frame of sound.
    public struct Frame: Sendable, Equatable {
        /// Presentation minus decode time in milliseconds; may be negative.
        public var compositionTime: Int32 = 0
        /// Nanoseconds to add to the time of the message, below a million.
        public var nanosecondOffset: UInt32 = 0
        /// Whether decoding can begin here; true of all sound.
        public var isKeyframe: Bool
        /// Whether the sender says that nothing references the picture.
        public var isDisposable = false
        /// The coded bytes: length-prefixed NAL units, OBUs, a frame of sound.
        public var payload: ArraySlice<UInt8>

        /// Creates a frame.
        public init(isKeyframe: Bool, payload: ArraySlice<UInt8>) {
            self.isKeyframe = isKeyframe
            self.payload = payload
        }
    }

    /// The parts that differ by the kind of packet.
    public enum Content: Sendable, Equatable {
        /// The decoder configuration: `avcC`, `hvcC`, `av1C`, `vpcC` with its version and flags, the
        /// AudioSpecificConfig of AAC, the `OpusHead` of Ogg, `fLaC` with STREAMINFO.
        case sequenceStart(ArraySlice<UInt8>)
        case coded(Frame)
        case sequenceEnd
        /// Script values about the track, like `colorInfo` and its object.
        case metadata([AMF0Value])
        case channels(ChannelLayout)
        case ignored(Reason)
    }

    /// Which speaker each channel is for.
    public enum ChannelLayout: Sendable, Equatable {
        case unspecified(count: UInt8)
        /// The channels in the order of the bits of the mask, lowest first.
        case native(count: UInt8, mask: UInt32)
        /// A speaker for each channel, numbered like the bits of the mask.
        case custom([UInt8])
    }

    /// Why a packet says nothing to this server.
    public enum Reason: Sendable, Equatable {
        /// It holds no bytes.
        case empty
        /// A seek command to a player, not a picture.
        case command
        /// A legacy codec that no browser plays, by its number.
        case legacyCodec(UInt8)
        /// A packet type that is reserved or for another carrier.
        case packetType(UInt8)
    }

    /// The track of its kind, 0 being the default.
    public var trackID: UInt8
    /// The coding.
    public var codec: FourCC
    /// What it is.
    public var content: Content

    /// Creates a packet.
    public init(trackID: UInt8 = 0, codec: FourCC, content: Content) {
        self.trackID = trackID
        self.codec = codec
        self.content = content
    }
}

/// The ways the body of an FLV tag can fail to be one.
public enum TagFailure: Error, Sendable, Equatable {
    case truncated
    /// A multitrack packet says that it holds a multitrack packet, or has an unknown layout.
    case invalidMultitrack(UInt8)
    /// More tracks in one message than ``maximumTrackCount``.
    case tooManyTracks

    /// Tracks in one message.
    public static let maximumTrackCount = 64
}
