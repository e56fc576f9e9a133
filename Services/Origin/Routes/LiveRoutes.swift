import Contracts
import Telemetry
import HLS
import HTTPServing
import ISOBMFF
import Media
import Reactor

/// Everything below `/live/<streamID>/`.
struct LiveRoutes: Sendable {
    static let playlistType = "application/vnd.apple.mpegurl"
    /// How long a request for the first part of a session is held.
    static let firstPartHold = Duration.seconds(8)
    /// A part that is hinted must come within this time; then 404.
    static let partHold = Duration.seconds(MediaPlaylist.targetDuration * 3)

    let directory: SessionDirectory
    let files: ExtentFiles
    let grants: GrantRegistry
    let measures: OriginMeasures
    let movies: MovieStore
    let renditions: RenditionService
    let proxy: OwnerProxy

    func add(to router: HTTPRouter) {
        router.get("/live/:stream/index.m3u8") { try await routed($0, streamMaster) }
        router.get("/live/:stream/manifest.mpd") { try await routed($0, streamManifest) }
        router.get("/live/:stream/file.mp4") { try await routed($0, streamFile) }
        router.get("/live/:stream/:session/index.m3u8") { try await routed($0, sessionMaster) }
        router.get("/live/:stream/:session/manifest.mpd") { try await routed($0, sessionManifest) }
        router.get("/live/:stream/:session/file.mp4") { try await routed($0, movieFile) }
        router.get("/live/:stream/:session/feed") { try await routed($0, feed) }
        router.get("/live/:stream/:session/:track/feed") { try await routed($0, renditionFeed) }
        router.get("/live/:stream/:session/:track/live.m3u8") {
            try await routed($0) { try await playlist($0, .live) }
        }
        router.get("/live/:stream/:session/:track/dvr.m3u8") {
            try await routed($0) { try await playlist($0, .event) }
        }
        router.get("/live/:stream/:session/:track/:file") { try await routed($0, media) }
    }

    /// Answers here, or by the replica that owns the stream; in either case only what the viewer may see.
    private func routed(_ request: HTTPRequest, _ handler: HTTPHandler) async throws -> HTTPResponse {
        let streamID = request.parameters["stream"] ?? ""
        guard Identifier.isValid(streamID) else { throw HTTPProblem.noSuchStream }
        // The gateway says which streams the viewer's credentials are good for.
        if let allowed = request.headers["x-martlet-streams"], allowed != "*" {
            let streams = allowed.split(separator: ",").map { $0.filter { $0 != " " } }
            guard streams.contains(streamID) else { throw HTTPProblem.noSuchStream }
        }
        if let answer = try await proxy.answer(request, streamID: streamID) { return answer }
        return try await handler(request)
    }

    func session(of request: HTTPRequest) async throws -> MediaSession {
        let sessionID = request.parameters["session"] ?? ""
        guard Identifier.isValid(sessionID) else { throw HTTPProblem.noSuchSession }
        return try found(await directory.session(sessionID, of: request.parameters["stream"] ?? ""))
    }

    func currentSession(of request: HTTPRequest) async throws -> MediaSession {
        try found(await directory.current(request.parameters["stream"] ?? ""))
    }

    private func found(_ lookup: SessionDirectory.Lookup) throws -> MediaSession {
        switch lookup {
        case .found(let session): return session
        case .missing: throw HTTPProblem.noSuchSession
        case .moving: throw HTTPProblem.sessionMoving
        }
    }

    // MARK: Tracks and renditions

    /// A track whose media are asked for, with the session that has them: the publisher's, or what is made of it.
    struct Place: Sendable {
        var session: MediaSession
        var track: TrackID
        /// What the session is made of, where it is.
        var source: MediaSession?
    }

    /// Finds the track that a URL names by its number, or has the rendition made that it names.
    func place(of request: HTTPRequest) async throws -> Place {
        let session = try await session(of: request)
        let name = request.parameters["track"] ?? ""
        if let number = UInt16(name) { return Place(session: session, track: TrackID(rawValue: number)) }
        return try await rendition(named: name, of: session)
    }

    /// A rendition that is offered, once there is as much of it as of what it is made of.
    func rendition(named name: String, of session: MediaSession) async throws -> Place {
        guard let name = RenditionName(parsing: name), let rendition = session.rendition(name) else {
            throw HTTPProblem.noSuchTrack
        }
        let track = rendition.track
        let (isEnded, hasMedia) = session.read { ($0.isEnded, $0.timelines[track]?.lastPart != nil) }
        let place = Place(session: rendition.media, track: track, source: session)
        // Who has played it reads of its end here.
        if isEnded { return place }
        guard hasMedia else { throw HTTPProblem.nothingYet }
        _ = renditions.demand(rendition, of: session)
        guard !rendition.hasCaughtUp else { return place }
        let start = rendition.start
        let isThere = await hold(
            rendition.media,
            .edge(track, mediaSequence: start.mediaSequence, part: Int(start.part)),
            for: Self.firstPartHold
        )
        try Task.checkCancellation()
        guard isThere || rendition.media.read({ $0.hasParts }) else { throw HTTPProblem.notMade }
        return place
    }

    // MARK: Master playlists

    private func streamMaster(_ request: HTTPRequest) async throws -> HTTPResponse {
        let session = try await currentSession(of: request)
        return try await master(of: session, prefix: "\(session.sessionID)/", request)
    }

    private func sessionMaster(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await master(of: try await session(of: request), prefix: "", request)
    }

    private func master(
        of session: MediaSession,
        prefix: String,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        // A player that comes with the publisher is not sent away for a fraction of a second.
        _ = await hold(session, .everyTrack, for: Self.firstPartHold)
        guard let text = session.masterPlaylist(prefix: prefix, wholeSession: request.query("dvr") == "1")
        else {
            throw HTTPProblem.nothingYet
        }
        return HTTPResponse(
            headers: ["content-type": Self.playlistType, "cache-control": "no-store"],
            content: .bytes(Array(text.utf8))
        )
    }

    private func streamFile(_ request: HTTPRequest) async throws -> HTTPResponse {
        let session = try await currentSession(of: request)
        return .redirect(to: "\(session.sessionID)/file.mp4")
    }

    /// Waits, counting who waits.
    func hold(
        _ session: MediaSession,
        _ condition: SessionWaiters.Condition,
        for duration: Duration
    ) async -> Bool {
        measures.heldRequests.add(1)
        defer { measures.heldRequests.add(-1) }
        return await session.wait(for: condition, until: EventLoop.now &+ duration.nanoseconds)
    }
}

extension HTTPResponse {
    /// 302 to a place relative to the request's.
    static func redirect(to location: String) -> HTTPResponse {
        HTTPResponse(status: 302, headers: ["location": location, "cache-control": "no-store"])
    }
}

extension HTTPProblem {
    static let noSuchStream = HTTPProblem(404, "stream_not_found", "There is no such stream, or not for you.")
    static let noSuchSession = HTTPProblem(
        404,
        "session_not_found",
        "The stream has no such session: it has never been live, or its recording is gone."
    )
    static let noSuchTrack = HTTPProblem(404, "track_not_found", "The session has no such track.")
    static let noSuchMedia = HTTPProblem(
        404,
        "media_not_found",
        "The track has no such segment, part or init segment."
    )
    static let notMade = HTTPProblem(
        503,
        "rendition_not_made",
        "No worker makes this rendition now; the stream's own tracks can be played.",
        headers: ["retry-after": "2"]
    )
    static let notRecorded = HTTPProblem(404, "not_recorded", "The session is not recorded.")
    static let nothingYet = HTTPProblem(
        404,
        "nothing_to_play",
        "The session has no media yet; try again in a second.",
        headers: ["retry-after": "1"]
    )
}
