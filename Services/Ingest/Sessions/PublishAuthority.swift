import Contracts
import Media
import MediaBus

/// A stream key that was found to be right.
struct AcceptedKey: Sendable, Equatable {
    /// The key.
    var keyID: String
    /// The public name of the key.
    var keyName: String
    /// The stream it publishes to.
    var streamID: String
}

/// What somebody who wants to publish shows.
enum PublishCredential: Sendable, Equatable {
    /// A stream key, which must be one of `streamID` where that is given.
    case key(StreamKey, streamID: String?)
    /// An account that the gateway has vouched for.
    case account(subject: String, streamID: String)
}

/// Why a publisher is refused; each has its own status and text.
enum PublishRefusal: Error, Sendable, Equatable {
    case wrongKey
    case revokedKey
    /// Somebody else publishes the stream.
    case busy
    /// A dependency is away; trying again helps.
    case unavailable
    /// The service is stopping.
    case draining

    /// The RTMP status code.
    var code: String {
        switch self {
        case .wrongKey, .revokedKey: "NetStream.Publish.Unauthorized"
        case .busy: "NetStream.Publish.BadName"
        case .unavailable, .draining: "NetStream.Publish.Failed"
        }
    }

    /// What the person at the encoder reads.
    var text: String {
        switch self {
        case .wrongKey: "Wrong stream key. Copy it again from the stream's settings."
        case .revokedKey: "This stream key has been revoked. Ask for a new one."
        case .busy: "Somebody is already publishing to this stream."
        case .unavailable: "The server cannot take new streams at the moment. Try again in a few seconds."
        case .draining: "The server is restarting. Try again now."
        }
    }
}

/// A session that the catalog has opened or resumed for a publisher.
struct OpenedSession: Sendable, Equatable {
    var sessionID: String
    var epoch: UInt64
    var slug: String
    var title: String
    /// RFC 3339.
    var startedAt: String
    /// Whether a publisher has come back to a session that was away.
    var isResumed: Bool
    var isRecorded: Bool
}

/// Whom a session is opened for.
struct PublisherIdentity: Sendable, Equatable {
    /// `rtmp`, `rtmps` or `whip`.
    var transport: String
    /// What the encoder calls itself.
    var encoder: String
    /// The address it comes from.
    var address: String
}

/// A state that a session can be set to.
enum SessionState: String, Sendable {
    case live
    case away
}

/// Who decides on publishers and keeps their sessions; PostgreSQL in the product.
protocol PublishAuthority: Sendable {
    /// Finds the key in `text`.
    func accept(_ key: StreamKey) async throws(PublishRefusal) -> AcceptedKey

    /// Opens or resumes the session of a stream.
    func openSession(
        of streamID: String,
        for identity: PublisherIdentity,
        graceSeconds: Int
    ) async throws(PublishRefusal) -> OpenedSession

    /// Tells that the publisher of a session is away or back.
    func setState(_ state: SessionState, of session: String, epoch: UInt64) async throws

    /// Ends a session.
    func endSession(_ session: String, epoch: UInt64) async throws

    /// Tells which tracks a session has now, as a JSON array.
    func noteTracks(_ json: String, of session: String, epoch: UInt64) async throws

    /// Which of `keyIDs` are valid no more.
    func revoked(among keyIDs: [String]) async throws -> Set<String>
}

/// A publisher that may publish: its key, its session and what an earlier epoch left.
struct AdmittedPublisher: Sendable {
    var key: AcceptedKey
    var identity: PublisherIdentity
    var session: OpenedSession
    var resumption: BusResumption?
    /// What an earlier epoch left of the layers that are announced, and of those that it had itself.
    var layerResumptions: [RenditionName: BusResumption] = [:]
    var graceSeconds: Int

    /// The last generation of each track in earlier epochs.
    var lastGenerations: [TrackID: UInt16] { resumption?.lastGenerations ?? [:] }

    /// The last generation of each layer in earlier epochs.
    var layerGenerations: [RenditionName: UInt16] {
        layerResumptions.compactMapValues { $0.lastGenerations[.video] }
    }

    /// The layers of the epoch before, whose numbers are not given out again where they are not announced now.
    var earlierLayers: Set<RenditionName> {
        let names = resumption?.session.layers?.compactMap(\.rendition) ?? []
        return Set(names.compactMap { RenditionName(parsing: $0) })
    }

    /// Where the stamps of earlier epochs ended, of the stream and of its layers.
    var stamps: Stamper.ResumePoint? {
        guard var stamps = resumption?.stamps else { return nil }
        for (name, layer) in layerResumptions {
            if let track = name.layerTrack {
                stamps.nextSequences[track] = layer.stamps.nextSequences[.video]
            }
            stamps.nextMediaSequence = max(stamps.nextMediaSequence, layer.stamps.nextMediaSequence)
        }
        return stamps
    }

    /// Whether an earlier epoch of the session has written the stream, or a rendition of it.
    func resumes(_ rendition: RenditionName?) -> Bool {
        guard let rendition else { return resumption != nil }
        return layerResumptions[rendition] != nil
    }

    /// The session for the readers of the bus, without tracks.
    var description: SessionDescription {
        SessionDescription(
            streamId: key.streamID,
            sessionId: session.sessionID,
            epoch: session.epoch,
            slug: session.slug,
            title: session.title,
            startedAt: session.startedAt,
            anchors: resumption?.session.anchors ?? [],
            graceSeconds: graceSeconds,
            record: session.isRecorded,
            publisher: .init(
                protocol: identity.transport,
                encoder: identity.encoder,
                address: identity.address
            )
        )
    }
}

extension BusResumption {
    /// The last generation of each track.
    fileprivate var lastGenerations: [TrackID: UInt16] {
        Dictionary(tracks.map { ($0.track, $0.generation) }) { max($0, $1) }
    }
}
