import SDP
import Testing

@Suite struct SDPOfferTests {
    @Test(arguments: Offers.names)
    func `the offers of real peers are read`(name: String) throws {
        let offer = try SDPOffer(Offers.text(name))
        #expect(offer.media.count == 2)
        #expect(Set(offer.media.map(\.kind.name)) == ["audio", "video"])
        #expect(offer.bundle == ["0", "1"])
        let transport = try #require(offer.transport)
        #expect(transport.setup == .actpass)
        #expect(transport.sha256?.utf8.count == 95)
        #expect(!transport.candidates.isEmpty)
        let direction: MediaOffer.Direction = name.hasSuffix("watch") ? .receiveOnly : .sendOnly
        #expect(offer.media.allSatisfy { $0.direction == direction && !$0.isRejected })
        let opus = try #require(offer.media.first { $0.kind == .audio }?.codecs.first)
        #expect(opus.name == "opus" && opus.clockRate == 48_000 && opus.channelCount == 2)
    }

    @Test(arguments: Offers.names)
    func `what is written of a description is read again as the same`(name: String) throws {
        let document = try SDPDocument(Offers.text(name))
        #expect(try SDPDocument(document.text) == document)
    }

    @Test func `the layers of a publisher are found in its order`() throws {
        let video = try #require(SDPOffer(Offers.text("chromium-simulcast")).media.last)
        #expect(video.sentLayers == ["h", "m", "l"])
        let firefox = try SDPOffer(Offers.text("firefox-simulcast"))
        #expect(firefox.media.last?.sentLayers == ["h", "m", "l"])
        #expect(try SDPOffer(Offers.text("chromium-publish")).media.allSatisfy { $0.sentLayers.isEmpty })
    }

    @Test func `the parameters of formats are found`() throws {
        let video = try #require(SDPOffer(Offers.text("chromium-publish")).media.last)
        let formats = video.codecs.filter { $0.name == "h264" }
        #expect(formats.count == 6)
        #expect(formats[0].parameter("packetization-mode") == "1")
        #expect(formats[0].feedback.contains(Feedback.pictureLoss))
        #expect(formats[0].feedback.contains(Feedback.transportWide))
        #expect(video.codecs.first { $0.repairedPayloadType == formats[0].payloadType } != nil)
        #expect(video.ssrcs.count == 2)
        #expect(video.retransmissionSSRCs == [video.ssrcs[0]: video.ssrcs[1]])
    }

    @Test func `an offer without what we need is refused with the reason`() throws {
        let text = try Offers.text("chromium-publish")
        func refusal(_ old: String, _ new: String) -> SDPOffer.Failure? {
            do throws(SDPOffer.Failure) {
                _ = try SDPOffer(text.replacing(old, with: new))
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal("BUNDLE 0 1", "BUNDLE 0") == .notBundled)
        #expect(refusal("ice-ufrag", "x-ufrag") == .noCredentials)
        #expect(refusal("sha-256", "md5") == .noFingerprint)
        #expect(refusal("actpass", "passive") == .wrongSetup)
        #expect(refusal("a=rtcp-mux", "a=x") == .noRTCPMux)
        #expect(refusal("a=extmap-allow-mixed", "a=ice-lite") == .isLite)
        #expect(refusal("v=0", "v=1") == .malformed(.noVersion))
        #expect(refusal("m=", "x=") == .noMedia)
        #expect(refusal("m=video 9 ", "m=video nine ") != nil)
        #expect(refusal("s=-", "hello") == .malformed(.malformedLine(2)))
    }

    @Test func `what is too large is refused`() {
        let line = "a=" + String(repeating: "x", count: 4000) + "\n"
        let documents = [
            "v=0\n" + String(repeating: line, count: 17), "v=0\n" + String(repeating: "a=x\n", count: 3000),
            "v=0\na=" + String(repeating: "x", count: 5000),
            "v=0\n" + String(repeating: "m=audio 9 RTP/AVP 0\n", count: 40),
            "v=0\nm=audio 9 RTP/AVP" + String(repeating: " 1", count: 200),
        ]
        for text in documents {
            #expect(throws: SDPDocument.Failure.tooLarge) { try SDPDocument(text) }
        }
    }

    @Test func `a combining mark hides no line and no separator`() throws {
        let document = try SDPDocument("v=0\r\n\u{301}=x\r\n".replacing("\u{301}=", with: "a=\u{301}:"))
        #expect(document.attributes == [.init("\u{301}", "x")])
    }
}

extension MediaOffer.Kind {
    var name: String {
        switch self {
        case .audio: "audio"
        case .video: "video"
        case .other: "other"
        }
    }
}
