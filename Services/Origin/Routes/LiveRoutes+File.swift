import Contracts
import HTTPServing
import Media

extension LiveRoutes {
    /// The session as one MP4: a fixed view with a strong ETag; while live, a redirect to the newest one.
    func movieFile(_ request: HTTPRequest) async throws -> HTTPResponse {
        let session = try await session(of: request)
        guard session.read({ $0.description.record }) else { throw HTTPProblem.notRecorded }
        guard let newest = session.read({ $0.newestStoredSegment }) else { throw HTTPProblem.nothingYet }
        let run = try number(request, "run") ?? 0
        let isEnded = session.read { $0.isEnded }
        guard let through = try number(request, "through") ?? (isEnded ? newest : nil) else {
            let suffix = run > 0 ? "&run=\(run)" : ""
            return .redirect(to: "file.mp4?through=\(newest)\(suffix)")
        }
        guard through <= newest else { throw HTTPProblem.noSuchMedia }
        guard let movie = try await movie(of: session, through: through, run: Int(run)),
            let body = files.pieces(of: movie.body, in: session.folder)
        else { throw HTTPProblem.noSuchMedia }
        return HTTPResponse(
            headers: [
                "content-type": "video/mp4",
                "etag": "\"\(session.sessionID)-\(through)-\(run)-\(movie.head.count)\"",
                "cache-control": "private, max-age=3600",
                "content-disposition": "inline; filename=\"\(fileName(of: session))\"",
            ],
            content: .pieces([.bytes(movie.head)] + body)
        )
    }

    private func movie(of session: MediaSession, through: UInt32, run: Int) async throws -> Movie? {
        do throws(MovieStore.Busy) {
            return try await movies.movie(of: session, through: through, run: run)
        } catch {
            throw HTTPProblem(
                503,
                "files_busy",
                "Other files are being made. Try again soon.",
                headers: ["retry-after": "1"]
            )
        }
    }

    private func number(_ request: HTTPRequest, _ name: String) throws -> UInt32? {
        guard let text = request.query(name) else { return nil }
        guard let number = UInt32(text), String(number) == text else {
            throw HTTPProblem(400, "malformed_parameter", "\(name) is a whole number.")
        }
        return number
    }

    /// The slug and the day, from characters that need no quoting.
    private func fileName(of session: MediaSession) -> String {
        let (slug, start) = session.read { ($0.description.slug, $0.description.startedAt) }
        let kept = slug.unicodeScalars.filter { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || scalar == "-" || ("0"..."9").contains(scalar))
        }
        let name = String(String.UnicodeScalarView(kept))
        return "\(name.isEmpty ? "recording" : name)-\(start.prefix(10)).mp4"
    }
}

extension MediaSession.State {
    /// The newest segment that all of the file's tracks which have it have on the volume.
    var newestStoredSegment: UInt32? {
        let newest = timelines.values.compactMap { timeline in
            timeline.track.isLayer
                ? nil
                : timeline.segments.last { $0.isComplete && !$0.isGap && $0.isStored }?.mediaSequence
        }
        return isEnded ? newest.max() : newest.min()
    }
}
