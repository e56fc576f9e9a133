import Bytes
import FuzzDriver
import SDP

/// Reads any text as an offer and answers it; what is read as lines is written and read again.
@main enum FuzzSDP {
    private static let transport = AnswerTransport(
        fragment: "abcd",
        password: "0123456789012345678901",
        fingerprint: "00",
        candidates: [Candidate(host: "127.0.0.1", port: 1)]
    )
    private static let video = MediaPolicy(
        codecs: [.h264(nil), .hevc, .av1, .vp9, .vp8],
        extensions: [ExtensionURI.streamID, ExtensionURI.mid],
        feedback: [Feedback.nack, Feedback.pictureLoss],
        allowsRetransmission: true,
        layerLimit: 6
    )
    private static let audio = MediaPolicy(codecs: [.opus, .pcmu, .pcma])

    static func main() {
        FuzzDriver.run { bytes in
            let text = String(decoding: [UInt8](copying: bytes), as: UTF8.self)
            guard let document = try? SDPDocument(text) else { return }
            let again = document.text
            if let reread = try? SDPDocument(again) { precondition(reread.text == again) }
            guard let offer = try? SDPOffer(text) else { return }
            check(try? Negotiation.receiving(offer, audio: audio, video: video))
            check(try? Negotiation.sending(offer, audio: audio, video: video))
        }
    }

    private static func check(_ media: [NegotiatedMedia]?) {
        guard let media else { return }
        let text = SDPAnswer.text(media, transport: transport, sessionID: 1)
        guard let document = try? SDPDocument(text) else { return }
        precondition(document.media.count == media.count)
    }
}
