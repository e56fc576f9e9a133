import Media
import SDP
import Testing

@testable import SFU

@Suite struct ViewerNegotiationTests {
    private static let pictures = TrackConfiguration(
        track: TrackID(rawValue: 0),
        generation: 1,
        codec: .vp8,
        timescale: 90_000,
        decoderConfiguration: [],
        codecString: "vp8",
        kind: .video(.init(width: 640, height: 360))
    )

    private func offer(_ lines: String, bundle: String = "0") throws -> SDPOffer {
        let fingerprint = [String](repeating: "AB", count: 32).joined(separator: ":")
        return try SDPOffer(
            """
            v=0
            o=- 1 1 IN IP4 0.0.0.0
            s=-
            t=0 0
            a=group:BUNDLE \(bundle)
            m=video 9 UDP/TLS/RTP/SAVPF 96 97
            c=IN IP4 0.0.0.0
            a=mid:0
            a=recvonly
            a=rtcp-mux
            a=ice-ufrag:abcd
            a=ice-pwd:abcdefghijklmnopqrstuvwx
            a=setup:actpass
            a=fingerprint:sha-256 \(fingerprint)
            a=rtpmap:96 VP8/90000
            a=rtpmap:97 rtx/90000
            a=fmtp:97 apt=96
            a=rtcp-fb:96 goog-remb
            a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
            \(lines)

            """
        )
    }

    private func agree(_ lines: String) throws -> NegotiatedMedia {
        let negotiation = ViewerNegotiation(video: Self.pictures, hasSound: false)
        return try #require(try negotiation.agree(on: offer(lines)).media.first)
    }

    @Test func `times of sending are for who estimates by itself, and not for who reports on packets`() throws
    {
        let alone = try agree("a=rtcp-fb:96 nack")
        #expect(alone.extensionID(ExtensionURI.absoluteSendTime) == 2)
        #expect(alone.feedback.contains(Feedback.receiverEstimate))
        let reporting = try agree(
            """
            a=rtcp-fb:96 transport-cc
            a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
            """
        )
        #expect(reporting.usesTransportFeedback)
        #expect(reporting.extensionID(ExtensionURI.absoluteSendTime) == nil)
        #expect(!reporting.feedback.contains(Feedback.receiverEstimate))
    }

    @Test(
        arguments: [(nil, true), ("120", true), ("60", true), ("40", false), ("20", false), ("x", true)]
            as [(String?, Bool)]
    )
    func `packets of sound become one only for who takes packets as long`(limit: String?, takes: Bool) throws
    {
        let sound = """
            m=audio 9 UDP/TLS/RTP/SAVPF 111
            c=IN IP4 0.0.0.0
            a=mid:1
            a=recvonly
            a=rtcp-mux
            a=rtpmap:111 opus/48000/2
            \(limit.map { "a=maxptime:\($0)" } ?? "a=ptime:20")
            """
        let negotiation = ViewerNegotiation(video: Self.pictures, hasSound: true)
        let outcome = try negotiation.agree(on: offer(sound, bundle: "0 1"))
        #expect(outcome.audio != nil && outcome.takesMergedSound == takes)
    }
}
