import Lifecycle
import SDP
import TestSupport
import Testing
import WebRTCSignalling

@testable import Ingest

@Suite(.timeLimit(.minutes(1))) struct WHIPOffersTests {
    /// Where few places are, one origin has so many.
    private static let least = 64

    @Test func `an address that only offers has its share of the places, and others have theirs`()
        async throws
    {
        try await Self.withServer(places: 100) { offers in
            var sessions: [String] = []
            for number in 0..<Self.least {
                sessions.append(try await offers.send(to: "s\(number)", from: "192.0.2.1").id)
            }
            #expect(await offers.refusal(to: "late", from: "192.0.2.1") == "offers")
            _ = try await offers.send(to: "other", from: "192.0.2.2")
            #expect(await offers.server.unpublish(sessions[0], stream: "s0"))
            _ = try await offers.send(to: "late", from: "192.0.2.1")
            #expect(await offers.refusal(to: "later", from: "192.0.2.1") == "offers")
        }
    }

    @Test func `an offer that is refused takes no place`() async throws {
        try await Self.withServer(places: Self.least) { offers in
            for _ in 0...Self.least {
                let refusal = await offers.refusal(to: "s", from: "192.0.2.1", key: "main?k=wrong")
                #expect(refusal == "publish(Ingest.PublishRefusal.wrongKey)")
            }
            for number in 0..<Self.least { _ = try await offers.send(to: "s\(number)", from: "192.0.2.1") }
            #expect(await offers.refusal(to: "late", from: "192.0.2.2") == "full")
        }
    }

    private static func withServer(
        places: Int,
        _ body: @escaping @Sendable (Offers) async throws -> Void
    ) async throws {
        try await IngestHarness.run {
            $0.maximumWebRTCSessions = places
            $0.webRTCAddress = "127.0.0.1"
            $0.webRTCPort = 0
        } _: { harness in
            let parts = harness.parts
            let server = try WHIPServer(
                context: parts.context,
                shard: parts.shards[0],
                errands: parts.errands
            )
            #expect(await server.open(0))
            try await body(Offers(server: server))
            let shutdown = Shutdown()
            shutdown.request()
            try await server.run(until: shutdown)
        }
    }
}

/// Offers of a browser that never connects.
private struct Offers: Sendable {
    let server: WHIPServer

    func send(
        to stream: String,
        from address: String,
        key: String? = nil
    ) async throws -> WHIPServer.Session {
        let credential: PublishCredential =
            if let key {
                .key(StreamKey(key), streamID: stream)
            } else {
                .account(subject: "tests", streamID: stream)
            }
        return try await server.publish(
            SDPOffer(Fixtures.text("SDP/chromium-publish.sdp")),
            NegotiatedMedia.publishing(offer: "chromium-publish"),
            credential,
            PublisherIdentity(transport: "whip", encoder: "tests", address: address),
            from: OfferOrigin(address)
        )
    }

    func refusal(to stream: String, from address: String, key: String? = nil) async -> String? {
        do {
            _ = try await send(to: stream, from: address, key: key)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
