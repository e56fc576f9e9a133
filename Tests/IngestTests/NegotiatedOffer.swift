import SDP
import TestSupport

@testable import Ingest

extension NegotiatedMedia {
    /// What ingest takes of the offer that stands in the fixture `name`, with `change` made to its text.
    static func publishing(
        offer name: String,
        _ change: (String) -> String = { $0 }
    ) throws -> [NegotiatedMedia] {
        try Negotiation.receiving(
            SDPOffer(change(Fixtures.text("SDP/\(name).sdp"))),
            audio: PublishingPolicy.audio,
            video: PublishingPolicy.video
        )
    }
}

extension IncomingMedia {
    /// What a publisher of `media` sends, as ingest receives it.
    init(receiving media: [NegotiatedMedia]) {
        self.init(media, ssrc: 1, cname: "hub", maximumBitRate: 10_000_000)
    }
}
