import Contracts
import HTTPServing
import Media
import Replicas

/// A running publisher as the internal route tells it.
struct PublisherReport: Encodable, Sendable {
    struct Track: Encodable, Sendable {
        var track: UInt16
        var generation: UInt16
        var codec: String
        var width: Int?
        var height: Int?
        var sampleRate: Int?
        var channels: Int?

        init(_ configuration: TrackConfiguration) {
            track = configuration.track.rawValue
            generation = configuration.generation
            codec = configuration.codecString
            width = configuration.video?.width
            height = configuration.video?.height
            sampleRate = configuration.audio?.sampleRate
            channels = configuration.audio?.channelCount
        }
    }

    var streamId: String
    var sessionId: String
    var epoch: UInt64
    var key: String
    var `protocol`: String
    var encoder: String
    var address: String
    /// Bits a second.
    var bitrate: Int
    var frameRate: Double
    var bytes: UInt64
    /// Seconds.
    var keyframeInterval: Double?
    var bFrames: Bool
    /// Seconds that sound is ahead of the picture.
    var drift: Double?
    /// Seconds from capture to arrival, where the publisher tells.
    var captureAge: Double?
    var tracks: [Track]
    /// The streams that carry a simulcast's layers, best first; empty without.
    var layers: [SessionDescription.Layer]
    var warnings: [String]

    init(
        _ publisher: AdmittedPublisher,
        encoder: String,
        statistics: PublisherStatistics,
        captureAge: Int64?,
        tracks: [TrackConfiguration],
        layers: [SessionDescription.Layer],
        warnings: [String]
    ) {
        streamId = publisher.key.streamID
        sessionId = publisher.session.sessionID
        epoch = publisher.session.epoch
        key = publisher.key.keyName
        `protocol` = publisher.identity.transport
        self.encoder = encoder
        address = publisher.identity.address
        bitrate = Int(statistics.bitRate)
        frameRate = (statistics.frameRate * 100).rounded() / 100
        bytes = statistics.byteCount
        keyframeInterval = statistics.keyframeInterval
        bFrames = statistics.hasReorderedFrames
        drift = statistics.drift
        self.captureAge = captureAge.map { Double($0) / 1_000_000 }
        self.tracks = tracks.map(Track.init)
        self.layers = layers
        self.warnings = warnings
    }
}

/// `GET /internal/publishers`: who publishes here, and what they could do better; the same of one stream for the pages.
struct PublisherRoutes: Sendable {
    private struct List: Encodable {
        var items: [PublisherReport]
    }

    let registry: PublisherRegistry
    let proxy: SlotProxy

    func add(to router: HTTPRouter) {
        router.get("/internal/publishers") { _ in
            var items: [PublisherReport] = []
            for carrier in registry.carriers { items.append(await carrier.report) }
            return .json(List(items: items.sorted { $0.streamId < $1.streamId }))
        }
        router.get("/api/v1/streams/:stream/publisher") { request in
            guard ["admin", "member"].contains(request.headers["x-martlet-role"]) else { throw Self.nobody }
            let streamID = request.parameters["stream"]
            for carrier in registry.carriers {
                let report = await carrier.report
                if report.streamId == streamID { return .json(report) }
            }
            // Another replica may have it.
            guard let report = await proxy.others(request).first else { throw Self.nobody }
            return HTTPResponse(
                status: 200,
                headers: ["content-type": "application/json"],
                content: .bytes(report)
            )
        }
    }

    private static let nobody = HTTPProblem(404, "no_publisher", "Nobody publishes to this stream here.")
}
