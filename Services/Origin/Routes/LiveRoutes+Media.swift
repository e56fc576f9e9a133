import Contracts
import HLS
import HTTPServing
import ISOBMFF
import Media

extension LiveRoutes {
    private static let immutable = "private, max-age=31536000, immutable"
    /// How long the gateway keeps what is settled, in seconds.
    ///
    /// Of what has ended it keeps nothing, since that may be deleted, and shall then be gone at once.
    private static let gatewayLife = "10"
    /// The newest segments, the growing one among them, which the gateway shall not keep.
    private static let unsettledSegmentCount = 3

    // MARK: Media playlists

    func playlist(_ request: HTTPRequest, _ kind: PlaylistKey.Kind) async throws -> HTTPResponse {
        let place = try await place(of: request)
        let (session, track) = (place.session, place.track)
        if kind == .event, !session.read({ $0.description.record }) { throw HTTPProblem.notRecorded }
        let reload = try reloadRequest(request)
        _ = await hold(session, .firstPart, for: Self.firstPartHold)
        try await holdUntilThere(session, track, reload, kind)
        let key = PlaylistKey(track: track, kind: kind, skips: reload.skips)
        guard let bytes = session.playlist(key, reports: place.source?.renditionReports ?? []) else {
            throw session.read { $0.timelines[track] == nil && $0.hasParts }
                ? HTTPProblem.noSuchTrack : .nothingYet
        }
        // A blocked answer never changes for its URL; without directives the URL always means "now".
        let isBlocked = reload.mediaSequence != nil
        return HTTPResponse(
            headers: [
                "content-type": Self.playlistType,
                "cache-control": isBlocked ? "private, max-age=4" : "private, no-cache",
            ],
            content: .bytes(bytes)
        )
    }

    private func reloadRequest(_ request: HTTPRequest) throws -> ReloadRequest {
        do throws(ReloadRequest.Failure) {
            return try ReloadRequest(
                mediaSequence: request.query("_HLS_msn"),
                part: request.query("_HLS_part"),
                skip: request.query("_HLS_skip")
            )
        } catch {
            throw HTTPProblem(400, "malformed_directive", "_HLS_msn or _HLS_part is wrong: \(error).")
        }
    }

    private func holdUntilThere(
        _ session: MediaSession,
        _ track: TrackID,
        _ reload: ReloadRequest,
        _ kind: PlaylistKey.Kind
    ) async throws {
        guard let wanted = reload.mediaSequence else { return }
        let edge = session.read { $0.timelines[track]?.edge ?? LiveEdge(isEnded: $0.isEnded) }
        // The whole-session playlist has no parts: a part there means its segment.
        let part = kind == .live ? reload.part : nil
        switch edge.verdict(on: ReloadRequest(mediaSequence: wanted, part: part)) {
        case .answer: return
        case .refuse:
            throw HTTPProblem(
                400,
                "too_far_ahead",
                "_HLS_msn is more than two segments ahead of the playlist."
            )
        case .hold:
            let condition = SessionWaiters.Condition.edge(track, mediaSequence: wanted, part: part)
            if await hold(session, condition, for: .seconds(LiveEdge.longestHold)) { return }
            try Task.checkCancellation()
            throw HTTPProblem(
                503,
                "not_in_time",
                "The segment did not come in time.",
                headers: ["retry-after": "1"]
            )
        }
    }

    // MARK: Init segments, segments and parts

    func media(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let name = MediaName(request.parameters["file"] ?? "") else { throw HTTPProblem.noSuchMedia }
        let place = try await place(of: request)
        let (session, track) = (place.session, place.track)
        switch name {
        case .initSegment(let generation): return try initSegment(session, track, generation)
        case .segment(let number): return try segment(session, track, number)
        case .part(let id): return try await part(session, track, id)
        }
    }

    private func initSegment(
        _ session: MediaSession,
        _ track: TrackID,
        _ generation: UInt16
    ) throws -> HTTPResponse {
        let found = session.read { ($0.configurations[track]?[generation], $0.isEnded) }
        guard case (let configuration?, let isEnded) = found else { throw HTTPProblem.noSuchMedia }
        return mediaResponse(
            [.bytes(InitSegment.bytes(for: configuration))],
            isVideo: configuration.isVideo,
            tag: "\(session.sessionID)-\(track)-init-\(generation)",
            isSettled: !isEnded
        )
    }

    private func segment(_ session: MediaSession, _ track: TrackID, _ number: UInt32) throws -> HTTPResponse {
        typealias Found = (media: [PartMedia], ranges: [StoredRange], isVideo: Bool, isSettled: Bool)
        let found = session.read { state -> Found? in
            guard let timeline = state.timelines[track], let index = timeline.index(of: number) else {
                return nil
            }
            let segment = timeline.segments[index]
            guard segment.isComplete, !segment.isGap else { return nil }
            let parts = timeline.parts(of: number).map(\.media)
            let inMemory = parts.count == segment.partCount && parts.allSatisfy { $0.bytes != nil }
            guard inMemory || segment.isStored else { return nil }
            let isSettled = !state.isEnded && index + Self.unsettledSegmentCount < timeline.segments.count
            return (inMemory ? parts : [], segment.ranges, state.isVideo(track), isSettled)
        }
        guard let found else { throw HTTPProblem.noSuchMedia }
        let pieces =
            found.media.isEmpty
            ? files.pieces(of: found.ranges, in: session.folder)
            : found.media.compactMap { files.piece(of: $0, in: session.folder) }
        guard let pieces else { throw HTTPProblem.noSuchMedia }
        let tag = "\(session.sessionID)-\(track)-\(number)"
        return mediaResponse(pieces, isVideo: found.isVideo, tag: tag, isSettled: found.isSettled)
    }

    /// A part that is there, or, held until it is, the one that comes next.
    private func part(_ session: MediaSession, _ track: TrackID, _ id: PartID) async throws -> HTTPResponse {
        if !session.read({ $0.holds(.part(track, id)) }) {
            guard session.read({ $0.mayCome(id, of: track) }) else { throw HTTPProblem.noSuchMedia }
            _ = await hold(session, .part(track, id), for: Self.partHold)
            try Task.checkCancellation()
        }
        let found = session.read { state in
            state.timelines[track]?.part(id).map { ($0.media, state.isVideo(track)) }
        }
        guard let (media, isVideo) = found, let piece = files.piece(of: media, in: session.folder) else {
            throw HTTPProblem.noSuchMedia
        }
        return mediaResponse([piece], isVideo: isVideo, tag: "\(session.sessionID)-\(track)-\(id)")
    }

    private func mediaResponse(
        _ pieces: [HTTPResponse.Piece],
        isVideo: Bool,
        tag: String,
        isSettled: Bool = false
    ) -> HTTPResponse {
        HTTPResponse(
            headers: [
                "content-type": isVideo ? "video/mp4" : "audio/mp4",
                "cache-control": Self.immutable,
                "x-accel-expires": isSettled ? Self.gatewayLife : "0",
                "etag": "\"\(tag)\"",
            ],
            content: .pieces(pieces)
        )
    }
}

/// The last element of a media URL.
enum MediaName: Equatable {
    case initSegment(UInt16)
    case segment(UInt32)
    case part(PartID)

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 2, parts[1] == "mp4", parts[0].hasPrefix("init-"),
            let number = Self.number(parts[0].dropFirst(5), UInt16.self)
        {
            self = .initSegment(number)
        } else if parts.count == 2, parts[1] == "m4s", let number = Self.number(parts[0], UInt32.self) {
            self = .segment(number)
        } else if parts.count == 3, parts[2] == "m4s", let number = Self.number(parts[0], UInt32.self),
            let part = Self.number(parts[1], UInt16.self)
        {
            self = .part(PartID(mediaSequence: number, part: part))
        } else {
            return nil
        }
    }

    /// One spelling for each number, so that each medium has one URL.
    private static func number<Number: FixedWidthInteger>(_ text: Substring, _ type: Number.Type) -> Number? {
        guard let number = Number(text), String(number) == text else { return nil }
        return number
    }
}

extension MediaSession.State {
    func isVideo(_ track: TrackID) -> Bool {
        configurations[track]?.values.first?.isVideo ?? false
    }

    /// Whether a part is the next that a track can have, or the first of the segment after.
    func mayCome(_ id: PartID, of track: TrackID) -> Bool {
        guard !isEnded, let edge = timelines[track]?.edge else { return false }
        if id.mediaSequence == edge.growingMediaSequence { return Int(id.part) <= edge.growingPartCount }
        return id.part == 0 && Int64(id.mediaSequence) == Int64(edge.growingMediaSequence) + 1
    }
}
