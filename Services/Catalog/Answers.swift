import HTTPServing
import Telemetry

/// A value that is written as `null` where there is none, instead of being left out.
struct Nullable<Value: Encodable>: Encodable {
    var value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

extension Nullable: Sendable where Value: Sendable {}

/// A stream as the API shows it.
struct StreamAnswer: Encodable {
    var id: String
    var slug: String
    var title: String
    var record: Bool
    var state: String
    var session: Nullable<SessionAnswer>
    var watchUrl: String
    var hlsUrl: String
    var createdAt: String
    var updatedAt: String

    init(_ stream: CatalogStream, links: Links) {
        id = stream.id
        slug = stream.slug
        title = stream.title
        record = stream.record
        state = stream.state
        session = Nullable(stream.session.map(SessionAnswer.init))
        watchUrl = links.watch(stream.slug)
        hlsUrl = links.absolute(Links.playlist(stream.id))
        createdAt = Timestamp.rfc3339(microseconds: stream.createdAt)
        updatedAt = Timestamp.rfc3339(microseconds: stream.updatedAt)
    }
}

/// One stretch of publishing as the API shows it.
struct SessionAnswer: Encodable {
    var id: String
    var state: String
    var startedAt: String
    var endedAt: Nullable<String>
    /// Seconds from the start to the end, or to now.
    var duration: Double

    init(_ session: CatalogSession) {
        id = session.id
        state = session.state
        startedAt = Timestamp.rfc3339(microseconds: session.startedAt)
        endedAt = Nullable(session.endedAt.map(Timestamp.rfc3339(microseconds:)))
        let end = session.endedAt ?? Timestamp.nowMicroseconds
        duration = Double(max(0, end - session.startedAt)) / 1e6
    }
}

/// A recording as the API shows it.
struct RecordingAnswer: Encodable {
    var id: String
    var streamId: String
    var sessionId: String
    var slug: String
    var title: String
    var state: String
    var failure: Nullable<String>
    var startedAt: String
    var endedAt: Nullable<String>
    /// Seconds of media.
    var duration: Double
    var bytes: Int
    var tracks: RawJSON
    var watchUrl: String
    var fileUrl: String
    var hlsUrl: String

    init(_ recording: CatalogRecording, links: Links) {
        id = recording.id
        streamId = recording.streamID
        sessionId = recording.sessionID
        slug = recording.slug
        title = recording.title
        state = recording.state
        failure = Nullable(recording.failure)
        startedAt = Timestamp.rfc3339(microseconds: recording.startedAt)
        endedAt = Nullable(recording.endedAt.map(Timestamp.rfc3339(microseconds:)))
        duration = recording.duration
        bytes = recording.bytes
        tracks = RawJSON(text: recording.tracks)
        watchUrl = links.watch(recording.slug) + "?session=\(recording.sessionID)"
        let folder = "/live/\(recording.streamID)/\(recording.sessionID)"
        fileUrl = links.absolute(folder + "/file.mp4")
        hlsUrl = links.absolute(folder + "/index.m3u8")
    }
}

/// What the player needs to know of the one link.
struct WatchAnswer: Encodable {
    var slug: String
    var title: String
    var streamId: String
    var state: String
    var session: Nullable<SessionAnswer>
    var hlsUrl: String
    var recordings: [RecordingAnswer]
}

/// What was deleted, and until when it can be had back.
struct DeletionAnswer: Encodable {
    var id: String
    var undoUntil: String
    var undoUrl: String
}

/// The addresses in an answer, by the name under which the client knows the site.
struct Links: Sendable {
    private let site: String

    /// Trusts the fields that the gateway sets, then the setting; without both, addresses are paths.
    init(_ request: HTTPRequest, site: String?) {
        if let host = request.headers["x-forwarded-host"], let scheme = request.headers["x-forwarded-proto"],
            scheme == "http" || scheme == "https", host.utf8.allSatisfy(Self.isHostByte)
        {
            self.site = "\(scheme)://\(host)"
        } else {
            self.site = site.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } ?? ""
        }
    }

    func absolute(_ path: String) -> String { site + path }

    func watch(_ slug: String) -> String { absolute("/watch/\(slug)") }

    static func playlist(_ stream: String) -> String { "/live/\(stream)/index.m3u8" }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x3a, 0x5b, 0x5d: true
        default: false
        }
    }
}
