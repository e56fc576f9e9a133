/// What we take or send in sections of one kind.
public struct MediaPolicy: Equatable, Sendable {
    /// The codecs, the one that we like best first.
    public var codecs: [CodecCapability]
    /// The header extensions that we understand.
    public var extensions: [String]
    /// The feedback that we give or hear, as `rtcp-fb` has it.
    public var feedback: [String]
    /// Whether retransmissions may come in a format of their own (RFC 4588).
    public var allowsRetransmission: Bool
    /// The most layers of one picture that are taken.
    public var layerLimit: Int

    /// Creates a policy.
    public init(
        codecs: [CodecCapability],
        extensions: [String] = [],
        feedback: [String] = [],
        allowsRetransmission: Bool = false,
        layerLimit: Int = 0
    ) {
        self.codecs = codecs
        self.extensions = extensions
        self.feedback = feedback
        self.allowsRetransmission = allowsRetransmission
        self.layerLimit = layerLimit
    }
}

/// The names of header extensions.
public enum ExtensionURI {
    /// The identification tag of the section (RFC 9143).
    public static let mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
    /// The layer (RFC 8852).
    public static let streamID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    /// The layer that a retransmission repairs.
    public static let repairedStreamID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    /// The number of the packet on its transport.
    public static let transportSequence =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    /// When the packet was sent, 24 bits.
    public static let absoluteSendTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    /// How long a player may wait, in 10 ms, twice 12 bits.
    public static let playoutDelay = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    /// When the picture was taken.
    public static let absoluteCaptureTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
    /// How a picture is turned.
    public static let videoOrientation = "urn:3gpp:video-orientation"
    /// How loud the sound is (RFC 6464).
    public static let audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
}

/// The words of feedback.
public enum Feedback {
    /// Lost packets are named (RFC 4585).
    public static let nack = "nack"
    /// A keyframe is asked for after a loss.
    public static let pictureLoss = "nack pli"
    /// A keyframe is asked for (RFC 5104).
    public static let fullIntraRequest = "ccm fir"
    /// When each packet arrived is reported.
    public static let transportWide = "transport-cc"
    /// The receiver's estimate of the bit rate.
    public static let receiverEstimate = "goog-remb"
}
