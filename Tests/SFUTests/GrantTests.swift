import Crypto
import Reactor
import Telemetry
import Testing
import WebRTC
import WebRTCSignalling

@testable import SFU

/// No session is opened under a grant that was revoked while its offer was looked at.
@Suite final class GrantTests {
    private let loop = EventLoop(name: "shard")
    private let viewers = ViewerDirectory(limit: 10)

    init() throws {
        let measures = SFUMeasures(MetricRegistry(service: "sfu"))
        var configuration = EndpointConfiguration()
        configuration.addresses = ["127.0.0.1"]
        let hub = FeedHub(
            loop: loop,
            byteLimit: 1 << 20,
            replica: "test",
            measures: measures,
            logger: Logger(level: .error) { _ in }
        )
        let shard = try ViewerShard(
            configuration,
            identity: DTLSIdentity(),
            loop: loop,
            hub: hub,
            byteLimit: 1 << 20,
            measures: measures,
            connected: { _ in },
            closed: { _ in }
        )
        viewers.open([shard])
    }

    deinit { loop.stop() }

    /// Why no session is opened; the shard does not run, so that none is.
    private func refusal(under grants: [String]) async throws -> ViewerDirectory.Refusal? {
        let place = try viewers.reserve(for: OfferOrigin("192.0.2.1"))
        defer { viewers.giveBack(place) }
        let plan = ViewerPlan(
            streamID: "s1",
            grants: grants,
            canonicalName: "c",
            held: [],
            media: ViewerMedia(video: nil, audio: nil)
        )
        let peer = PeerTransport.Configuration(remote: nil, remoteFingerprints: [])
        do throws(ViewerDirectory.Refusal) {
            _ = try await viewers.open(plan, id: "1", peer: peer, place: place)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a grant that was just revoked opens nothing, alone or with others`() async throws {
        #expect(viewers.revoke("g1") == 0)
        #expect(try await refusal(under: ["g1"]) == .revoked)
        #expect(try await refusal(under: ["g0", "g1"]) == .revoked)
        #expect(try await refusal(under: ["g0"]) == .draining)
        #expect(try await refusal(under: []) == .draining)
        viewers.revokeAll()
        #expect(try await refusal(under: ["g0"]) == .draining, "it may not be revoked at all")
        #expect(viewers.count == 0)
    }
}
