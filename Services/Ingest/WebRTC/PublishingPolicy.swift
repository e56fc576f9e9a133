import Media
import RTMP
import RTP
import SDP

/// What publishers by WHIP may send.
enum PublishingPolicy {
    private static let extensions = [
        ExtensionURI.mid, ExtensionURI.streamID, ExtensionURI.repairedStreamID,
        ExtensionURI.transportSequence,
        ExtensionURI.absoluteSendTime, ExtensionURI.absoluteCaptureTime,
    ]

    /// Pictures: what every player takes comes first, whatever the publisher's order is.
    static let video = MediaPolicy(
        codecs: [.h264(nil), .hevc, .av1, .vp9, .vp8].filter { $0.codec.map(isReadable) ?? false },
        extensions: extensions,
        feedback: [
            Feedback.nack, Feedback.pictureLoss, Feedback.fullIntraRequest, Feedback.transportWide,
            Feedback.receiverEstimate,
        ],
        allowsRetransmission: true,
        layerLimit: LayerTracks.limit
    )

    /// Sound.
    static let audio = MediaPolicy(
        codecs: [.opus],
        extensions: extensions,
        feedback: [Feedback.nack, Feedback.transportWide]
    )

    /// Kilobits a second that browsers are told to begin with.
    ///
    /// By themselves they begin with 300, and do not go faster while some packets are lost: keyframes then take half a
    /// second each.
    private static let startRate = 1000

    /// The section as it is answered.
    static func answer(_ media: NegotiatedMedia) -> NegotiatedMedia {
        var media = media
        if media.codec?.codec?.isVideo == true {
            media.codec?.parameters.append(.init("x-google-start-bitrate", String(startRate)))
        }
        return media
    }

    private static func isReadable(_ codec: Codec) -> Bool { AccessUnitAssembler(codec) != nil }
}

extension CodecCapability {
    /// The codec of the bus.
    var codec: Codec? {
        switch self {
        case .h264: .h264
        case .hevc: .hevc
        case .av1: .av1
        case .vp9: .vp9
        case .vp8: .vp8
        case .opus: .opus
        case .pcmu, .pcma: nil
        }
    }
}

extension OfferedCodec {
    /// The codec of the bus that a format carries.
    var codec: Codec? {
        switch name {
        case "h264": .h264
        case "h265": .hevc
        case "av1": .av1
        case "vp9": .vp9
        case "vp8": .vp8
        case "opus": .opus
        default: nil
        }
    }
}

extension Codec {
    /// The name by which tracks know the codec.
    var fourCC: FourCC {
        switch self {
        case .h264: .avc
        case .hevc: .hevc
        case .av1: .av1
        case .vp9: .vp9
        case .vp8: .vp8
        case .aac: .aac
        case .opus: .opus
        case .mp3: .mp3
        case .ac3: .ac3
        case .eac3: .eac3
        case .flac: .flac
        case .alaw: .aLaw
        case .mulaw: .muLaw
        }
    }
}
