import Contracts
import Events
import HLS
import HTTPServing
import Media
import Telemetry

extension LiveRoutes {
    /// The endless response for our own player.
    func feed(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await feed(of: try await session(of: request), request)
    }

    /// The same of a rendition, which is made as long as it is read.
    func renditionFeed(_ request: HTTPRequest) async throws -> HTTPResponse {
        let source = try await session(of: request)
        let name = request.parameters["track"] ?? ""
        let place = try await rendition(named: name, of: source)
        let renditions = renditions
        return try await feed(of: place.session, request) {
            guard let name = RenditionName(parsing: name), let read = source.rendition(name) else { return }
            _ = renditions.demand(read, of: source)
        }
    }

    private func feed(
        of session: MediaSession,
        _ request: HTTPRequest,
        isRead: @escaping @Sendable () -> Void = {}
    ) async throws -> HTTPResponse {
        let tracks = try wantedTracks(request) ?? wantedLayer(request).map { session.tracks(with: $0) }
        let from = try start(request)
        if let from { try refuseFuture(from, session) }
        let held = RevokedGrants.grants(in: request.headers["x-martlet-grant"])
        let (files, grants, measures) = (files, grants, measures)
        return HTTPResponse(
            headers: [
                "content-type": "application/octet-stream", "cache-control": "no-store",
                "x-accel-buffering": "no",
            ],
            content: .stream { writer in
                measures.feeds.add(1)
                defer { measures.feeds.add(-1) }
                try await grants.holding(held) {
                    var feed = FeedSender(
                        session: session,
                        tracks: tracks,
                        files: files,
                        writer: writer,
                        isRead: isRead
                    )
                    try await feed.run(from: from)
                }
            }
        )
    }

    private func wantedTracks(_ request: HTTPRequest) throws -> Set<TrackID>? {
        guard let text = request.query("tracks"), !text.isEmpty else { return nil }
        let numbers = text.split(separator: ",").map { UInt16($0) }
        guard numbers.count <= 64, !numbers.contains(nil) else {
            throw HTTPProblem(
                400,
                "malformed_tracks",
                "tracks is a list of track numbers with commas between them."
            )
        }
        return Set(numbers.compactMap { $0 }.map(TrackID.init(rawValue:)))
    }

    /// The layer that is wanted in place of the best picture.
    private func wantedLayer(_ request: HTTPRequest) throws -> TrackID? {
        guard let text = request.query("picture"), !text.isEmpty else { return nil }
        guard let number = UInt16(text) else {
            throw HTTPProblem(400, "malformed_picture", "picture is the number of a track.")
        }
        return TrackID(rawValue: number)
    }

    private func start(_ request: HTTPRequest) throws -> PartID? {
        guard let text = request.query("from"), !text.isEmpty else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt32(parts[0]), let part = UInt16(parts[1]) else {
            throw HTTPProblem(400, "malformed_start", "from is <media sequence>.<part>.")
        }
        return PartID(mediaSequence: number, part: part)
    }

    private func refuseFuture(_ from: PartID, _ session: MediaSession) throws {
        let newest = session.read { $0.timelines.values.map(\.edge.growingMediaSequence).max() ?? 0 }
        guard Int64(from.mediaSequence) <= Int64(newest) + 1 else {
            throw HTTPProblem(400, "too_far_ahead", "from is more than a segment ahead of the session.")
        }
    }
}

extension MediaSession {
    /// One picture, and all that is not a picture.
    fileprivate func tracks(with picture: TrackID) -> Set<TrackID> {
        read { state in
            Set(state.currentConfigurations.filter { !$0.isVideo }.map(\.track)).union([picture])
        }
    }
}
