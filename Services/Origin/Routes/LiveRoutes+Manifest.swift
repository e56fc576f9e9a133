import Contracts
import DASH
import HTTPServing
import Media
import Telemetry

extension LiveRoutes {
    static let manifestType = "application/dash+xml"

    /// The DASH manifest of a session: the last ten minutes while it is live, or all of it.
    func sessionManifest(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await manifest(of: try await session(of: request), baseURL: nil, request)
    }

    /// The DASH manifest of the live session, else of the last.
    func streamManifest(_ request: HTTPRequest) async throws -> HTTPResponse {
        let session = try await currentSession(of: request)
        return try await manifest(of: session, baseURL: "\(session.sessionID)/", request)
    }

    private func manifest(
        of session: MediaSession,
        baseURL: String?,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        _ = await hold(session, .firstSegment, for: Self.firstPartHold)
        let wholeSession = request.query("dvr") == "1"
        let now = Timestamp.nowMicroseconds
        guard var manifest = session.read({ $0.manifest(now: now, wholeSession: wholeSession) }) else {
            throw HTTPProblem.nothingYet
        }
        manifest.baseURL = baseURL
        return HTTPResponse(
            headers: ["content-type": Self.manifestType, "cache-control": "no-store"],
            content: .bytes(Array(manifest.text.utf8))
        )
    }
}

extension MediaSession.State {
    /// A manifest of all complete segments, cut into periods where anything breaks; `nil` without any.
    func manifest(now: Int64, wholeSession: Bool) -> Manifest? {
        let lasts = timelines.values.compactMap(\.endSeconds)
        let isWhole = wholeSession || isEnded
        let oldest = isWhole ? 0 : (lasts.max() ?? 0) - Manifest.timeShift
        var listed: [TrackID: [TimelineSegment]] = [:]
        for (track, timeline) in timelines {
            listed[track] = timeline.segments.filter { segment in
                let end = timeline.seconds(segment.decodeTime &+ segment.duration)
                return segment.isComplete && !segment.isGap && end > oldest
                    && (isRecording || timeline.isInMemory(segment))
            }
        }
        let periods = Self.periods(of: listed).compactMap { period($0, of: listed) }
        guard !periods.isEmpty else { return nil }
        let origin = SessionDescription.firstDecodeTime
        let start = clock.wallClock(of: Int64(origin), timescale: 1, discontinuity: 0)
        let live = isEnded ? nil : Manifest.Live(availabilityStart: start, now: now)
        return Manifest(origin: origin, periods: periods, live: live)
    }

    /// Runs of media sequence numbers without a break on any track.
    private static func periods(of listed: [TrackID: [TimelineSegment]]) -> [ClosedRange<UInt32>] {
        var starts: Set<UInt32> = []
        var end: UInt32 = 0
        for segments in listed.values {
            for (index, segment) in segments.enumerated() {
                let follows = index > 0 && segments[index - 1].mediaSequence &+ 1 == segment.mediaSequence
                let isFirst = index == 0 && starts.isEmpty
                if segment.isDiscontinuity || index > 0 && !follows || isFirst {
                    starts.insert(segment.mediaSequence)
                }
                end = max(end, segment.mediaSequence)
            }
        }
        let first = listed.values.compactMap { $0.first?.mediaSequence }.min()
        let sorted = starts.union(first.map { [$0] } ?? []).sorted()
        return sorted.enumerated().map { index, start in
            start...(index + 1 < sorted.count ? max(start, sorted[index + 1] - 1) : max(start, end))
        }
    }

    private func period(
        _ range: ClosedRange<UInt32>,
        of listed: [TrackID: [TimelineSegment]]
    ) -> Manifest.Period? {
        let representations = listed.keys.sorted().compactMap { track -> Manifest.Representation? in
            let segments = (listed[track] ?? []).filter { range.contains($0.mediaSequence) }
            guard let first = segments.first, let timeline = timelines[track],
                let configuration = configurations[track]?[first.generation],
                configuration.codec.isInPlaylists
            else { return nil }
            return .init(
                configuration: configuration,
                bandwidth: timeline.bitRates.peak,
                segments: segments.map {
                    .init(number: $0.mediaSequence, time: $0.decodeTime, duration: $0.duration)
                }
            )
        }
        return representations.isEmpty
            ? nil : .init(id: "p\(range.lowerBound)", representations: representations)
    }
}

extension TrackTimeline {
    /// Whether all parts of a segment are in memory.
    func isInMemory(_ segment: TimelineSegment) -> Bool {
        let own = parts(of: segment.mediaSequence)
        return own.count == segment.partCount && own.allSatisfy { $0.media.bytes != nil }
    }
}
