import SDP
import Testing

@Suite struct NegotiationTests {
    static let video = MediaPolicy(
        codecs: [.h264(nil), .hevc, .av1, .vp9, .vp8],
        extensions: [ExtensionURI.mid, ExtensionURI.streamID, ExtensionURI.transportSequence],
        feedback: [Feedback.nack, Feedback.pictureLoss, Feedback.transportWide, Feedback.receiverEstimate],
        allowsRetransmission: true,
        layerLimit: 6
    )
    static let audio = MediaPolicy(codecs: [.opus], extensions: [ExtensionURI.transportSequence])
    static let transport = AnswerTransport(
        fragment: "ours",
        password: "0123456789012345678901",
        fingerprint: "AA:BB",
        candidates: [
            Candidate(host: "192.0.2.1", port: 8189),
            Candidate(host: "192.0.2.1", port: 8189, tcpRole: .passive),
        ]
    )

    private func answer(_ name: String) throws -> SDPDocument {
        let media = try Negotiation.receiving(
            SDPOffer(Offers.text(name)),
            audio: Self.audio,
            video: Self.video
        )
        return try SDPDocument(SDPAnswer.text(media, transport: Self.transport, sessionID: 1))
    }

    private func video(_ name: String) throws -> NegotiatedMedia {
        let offer = try SDPOffer(Offers.text(name))
        let media = try Negotiation.receiving(offer, audio: Self.audio, video: Self.video)
        return try #require(media.first { $0.offer.kind == .video })
    }

    @Test func `H_264 with fragments is preferred whatever the publisher has first`() throws {
        let chromium = try video("chromium-publish")
        #expect(chromium.codec?.name == "h264")
        #expect(chromium.codec?.parameter("packetization-mode") == "1")
        #expect(chromium.retransmissionPayloadType != nil)
        #expect(chromium.usesTransportFeedback)
        #expect(try video("aiortc-publish").codec?.name == "h264")
        #expect(try !video("aiortc-publish").usesTransportFeedback)
    }

    @Test func `a publisher without H_264 gets what both know`() throws {
        let name = try video("firefox-publish").codec?.name
        #expect(["av1", "vp9", "h264"].contains(name))
    }

    @Test func `the answer to a browser says what it must`() throws {
        let answer = try answer("chromium-publish")
        #expect(answer.attributes.has("ice-lite"))
        #expect(answer.attributes.value(of: "group") == "BUNDLE 0 1")
        for section in answer.media {
            #expect(section.attributes.has("recvonly"))
            #expect(section.attributes.has("rtcp-mux"))
            #expect(section.attributes.value(of: "setup") == "passive")
            #expect(section.attributes.value(of: "ice-ufrag") == "ours")
            #expect(section.attributes.value(of: "fingerprint") == "sha-256 AA:BB")
        }
        #expect(answer.media[0].attributes.values(of: "candidate").count == 2)
        #expect(answer.media[1].attributes.values(of: "candidate").isEmpty)
        #expect(answer.media[0].attributes.value(of: "fmtp") == "111 minptime=10;useinbandfec=1")
        #expect(answer.media[1].formats.count == 2)
        #expect(answer.media[1].attributes.values(of: "rtcp-fb").count == 4)
    }

    @Test func `layers are taken where they can be told apart`() throws {
        let section = try answer("chromium-simulcast").media[1]
        #expect(section.attributes.values(of: "rid") == ["h recv", "m recv", "l recv"])
        #expect(section.attributes.value(of: "simulcast") == "recv h;m;l")
        var plain = Self.video
        plain.extensions = []
        let offer = try SDPOffer(Offers.text("chromium-simulcast"))
        let media = try Negotiation.receiving(offer, audio: Self.audio, video: plain)
        #expect(media[1].layers.isEmpty)
    }

    @Test func `a viewer gets the sources that are announced`() throws {
        let offer = try SDPOffer(Offers.text("chromium-watch"))
        var media = try Negotiation.sending(offer, audio: nil, video: Self.video)
        let index = try #require(media.firstIndex { $0.offer.kind == .video })
        media[index].source = .init(ssrc: 1, retransmissionSSRC: 2, cname: "c", stream: "s", track: "v")
        let answer = try SDPDocument(SDPAnswer.text(media, transport: Self.transport, sessionID: 1))
        #expect(answer.media[index].attributes.has("sendonly"))
        #expect(answer.media[index].attributes.value(of: "msid") == "s v")
        #expect(answer.media[index].attributes.value(of: "ssrc-group") == "FID 1 2")
        #expect(answer.media[index].attributes.values(of: "ssrc") == ["1 cname:c", "2 cname:c"])
        #expect(answer.media[1 - index].attributes.has("inactive"))
        #expect(answer.media[1 - index].port == 9)
    }

    @Test func `an offer that has nothing for us is refused as a whole`() throws {
        let watching = try SDPOffer(Offers.text("chromium-watch"))
        #expect(throws: Negotiation.Refusal.nothingOffered) {
            try Negotiation.receiving(watching, audio: Self.audio, video: Self.video)
        }
        let publishing = try SDPOffer(Offers.text("chromium-publish"))
        #expect(throws: Negotiation.Refusal.nothingOffered) {
            try Negotiation.sending(publishing, audio: Self.audio, video: Self.video)
        }
        #expect(throws: Negotiation.Refusal.noCommonCodec(.video)) {
            let none = MediaPolicy(codecs: [.pcmu])
            _ = try Negotiation.receiving(publishing, audio: Self.audio, video: none)
        }
        var twice = publishing
        twice.media.append(publishing.media[1])
        #expect(throws: Negotiation.Refusal.tooManySections(.video)) {
            try Negotiation.receiving(twice, audio: Self.audio, video: Self.video)
        }
    }

    @Test func `a section that is not media is refused alone`() throws {
        let text = try Offers.text("chromium-publish")
        let fields = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=setup:actpass\r\n"
        let offer = try SDPOffer(text.replacing("BUNDLE 0 1", with: "BUNDLE 0 1 2") + fields)
        let media = try Negotiation.receiving(offer, audio: Self.audio, video: Self.video)
        let answer = try SDPDocument(SDPAnswer.text(media, transport: Self.transport, sessionID: 1))
        #expect(answer.media[2].port == 0)
        #expect(answer.attributes.value(of: "group") == "BUNDLE 0 1")
    }

    @Test func `profiles of H_264 are compared by class and not by text`() {
        #expect(H264Profile(profileLevelID: "42e01f") == .constrainedBaseline)
        #expect(H264Profile(profileLevelID: "42C028") == .constrainedBaseline)
        #expect(H264Profile(profileLevelID: "42001f") == .baseline)
        #expect(H264Profile(profileLevelID: "4d001f") == .main)
        #expect(H264Profile(profileLevelID: "640c1f") == .constrainedHigh)
        #expect(H264Profile(profileLevelID: "64001f") == .high)
        #expect(H264Profile(profileLevelID: nil) == .constrainedBaseline)
        #expect(H264Profile(profileLevelID: "xyz") == nil)
        #expect(H264Profile.high.decodes(.main))
        #expect(!H264Profile.main.decodes(.high))
    }

    @Test func `a viewer of a stream gets the format that promises to decode it`() throws {
        let offer = try SDPOffer(Offers.text("chromium-watch"))
        for profile in [H264Profile.constrainedBaseline, .main, .predictiveHigh444] {
            let policy = MediaPolicy(codecs: [.h264(profile)])
            let media = try Negotiation.sending(offer, audio: nil, video: policy)
            let codec = try #require(media.first { $0.offer.kind == .video }?.codec)
            #expect(H264Profile(profileLevelID: codec.parameter("profile-level-id")) == profile)
            #expect(codec.parameter("packetization-mode") == "1")
        }
    }
}
