import Contracts
import Crypto
import Media
import RTP
import SDP

/// Finds what a viewer's offer and a stream have in common.
struct ViewerNegotiation {
    /// What came of it.
    struct Outcome {
        var media: [NegotiatedMedia]
        var video: OutgoingTrack?
        var audio: OutgoingTrack?
        /// Whether packets of sound may be as long as those that are made of several.
        var takesMergedSound = true
        var canonicalName: String
    }

    /// Packets of the pictures that can be sent again; of sound none is.
    private static let videoMemory = 1024

    let video: TrackConfiguration?
    let hasSound: Bool

    /// Agrees on what can be sent.
    func agree(on offer: SDPOffer) throws(Negotiation.Refusal) -> Outcome {
        var media = try Negotiation.sending(
            offer,
            audio: hasSound ? Self.soundPolicy : nil,
            video: video.flatMap { Self.policy(for: $0) }
        )
        var outcome = Outcome(media: [], canonicalName: Randomness.identifier())
        for index in media.indices where media[index].isActive {
            let isVideo = media[index].offer.kind == .video
            if !Self.isStamped(media[index]) { media[index].forgetEstimates() }
            guard let track = Self.track(for: media[index], isVideo: isVideo) else { continue }
            media[index].source = NegotiatedMedia.Source(
                ssrc: track.ssrc,
                retransmissionSSRC: track.retransmission?.ssrc,
                cname: outcome.canonicalName,
                stream: "martlet",
                track: isVideo ? "pictures" : "sound"
            )
            if isVideo {
                outcome.video = track
            } else {
                outcome.audio = track
                let limit = media[index].offer.packetMilliseconds ?? .max
                outcome.takesMergedSound = limit >= WaitingSound.packetMilliseconds
            }
        }
        outcome.media = media
        return outcome
    }

    private static func policy(for video: TrackConfiguration) -> MediaPolicy? {
        guard let codec = capability(for: video) else { return nil }
        return MediaPolicy(
            codecs: [codec],
            extensions: [
                ExtensionURI.mid, ExtensionURI.transportSequence, ExtensionURI.playoutDelay,
                ExtensionURI.absoluteCaptureTime, ExtensionURI.absoluteSendTime,
            ],
            feedback: [
                Feedback.nack, Feedback.pictureLoss, Feedback.fullIntraRequest, Feedback.transportWide,
                Feedback.receiverEstimate,
            ],
            allowsRetransmission: true
        )
    }

    private static let soundPolicy = MediaPolicy(
        codecs: [.opus],
        extensions: [ExtensionURI.mid, ExtensionURI.transportSequence, ExtensionURI.absoluteCaptureTime],
        feedback: [Feedback.transportWide]
    )

    private static func capability(for video: TrackConfiguration) -> CodecCapability? {
        switch video.codec {
        case .h264:
            // The record's second and third byte are profile and constraints (ISO 14496-15 §5.3.3).
            let record = video.decoderConfiguration
            guard record.count > 2 else { return .h264(nil) }
            return .h264(H264Profile(profile: record[1], constraints: record[2]))
        case .hevc: return .hevc
        case .av1: return .av1
        case .vp9: return .vp9
        case .vp8: return .vp8
        default: return nil
        }
    }

    private static func track(for media: NegotiatedMedia, isVideo: Bool) -> OutgoingTrack? {
        guard let codec = media.codec else { return nil }
        var ids = HeaderExtensionIDs()
        let kinds: [HeaderExtensionKind] = [
            .mid, .absoluteSendTime, .transportSequenceNumber, .playoutDelay, .absoluteCaptureTime,
        ]
        for kind in kinds { ids[kind] = media.extensionID(kind.rawValue) }
        let repair = media.retransmissionPayloadType.map { type in
            OutgoingTrack.Retransmission(
                ssrc: randomSSRC(),
                payloadType: type,
                nextSequence: .random(in: 0...0x7fff)
            )
        }
        // Without a stream for them, resends must be the same bytes, which numbers of the transport are not.
        let isNumbered = media.usesTransportFeedback && (repair != nil || !isVideo)
        return OutgoingTrack(
            ssrc: randomSSRC(),
            payloadType: codec.payloadType,
            marksFrames: isVideo,
            templates: ExtensionTemplates(
                ids: ids,
                mid: media.offer.mid,
                isNumbered: isNumbered,
                isStamped: isStamped(media)
            ),
            retransmission: repair,
            firstSequence: .random(in: 0...0x7fff),
            timestampOffset: .random(in: .min ... .max),
            memory: isVideo ? videoMemory : 0
        )
    }

    /// Whether packets of the pictures say when they were sent, for a viewer that estimates by itself what its path
    /// carries (REMB) and reports on no packets; they must not be the same bytes when they are sent again.
    private static func isStamped(_ media: NegotiatedMedia) -> Bool {
        media.offer.kind == .video && !media.usesTransportFeedback && media.retransmissionPayloadType != nil
            && media.extensionID(ExtensionURI.absoluteSendTime) != nil
    }

    private static func randomSSRC() -> UInt32 { .random(in: 1...(.max - 1)) }
}

extension NegotiatedMedia {
    /// Agrees on no estimates of the viewer's own.
    fileprivate mutating func forgetEstimates() {
        extensions.removeAll { $0.uri == ExtensionURI.absoluteSendTime }
        feedback.removeAll { $0 == Feedback.receiverEstimate }
    }
}
