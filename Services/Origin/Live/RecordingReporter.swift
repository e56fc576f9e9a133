import Contracts
import FoundationEssentials
import Lifecycle
import Media
import Postgres
import Reactor
import Synchronization
import Telemetry

/// Tells the catalog how long and how large recordings are, now and then and at their end.
///
/// Reports are idempotent; what cannot be told is told again.
final class RecordingReporter: Service {
    private struct Entry {
        var session: MediaSession
        var state: SessionRecord.State = .recording
        /// Why something of it may be missing.
        var failure: String?
        /// What the catalog has been told last.
        var told: Report?
    }

    private struct Report: Equatable {
        var duration: Double
        var byteCount: Int
        var state: SessionRecord.State
        var failure: String?
        var tracks: String
    }

    private struct Track: Encodable {
        var track: UInt16
        var kind: String
        var codec: String
        var width: Int?
        var height: Int?
        var frameRate: Double?
        var sampleRate: Int?
        var channels: Int?
        var language: String
    }

    /// How often growing recordings are reported; an end is reported within a second.
    private static let interval = Duration.seconds(10)
    private static let endInterval = Duration.seconds(1)

    let name = "recording-reporter"
    private let pool: PostgresPool?
    private let loop: EventLoop
    private let logger: Logger
    private let entries = Mutex<[String: Entry]>([:])

    /// Creates a reporter; without a pool nothing is told.
    init(pool: PostgresPool?, loop: EventLoop, logger: Logger) {
        self.pool = pool
        self.loop = loop
        self.logger = logger
    }

    /// - Parameter failure: Why something of it may be missing already.
    func begin(_ session: MediaSession, failure: String? = nil) {
        guard pool != nil, session.read({ $0.description.record }) else { return }
        let state = failure == nil ? SessionRecord.State.recording : .failed
        entries.withLock {
            $0[session.sessionID] = Entry(session: session, state: state, failure: failure)
        }
    }

    func end(_ session: MediaSession) {
        entries.withLock { entries in
            if entries[session.sessionID]?.state == .recording {
                entries[session.sessionID]?.state = .complete
            }
        }
    }

    /// Leaves a session to the replica that has it now.
    func forget(_ session: MediaSession) {
        entries.withLock { entries in
            guard entries[session.sessionID]?.session === session else { return }
            entries[session.sessionID] = nil
        }
    }

    func fail(_ session: MediaSession, _ failure: String) {
        entries.withLock { entries in
            guard let entry = entries[session.sessionID] else { return }
            entries[session.sessionID]?.state = .failed
            entries[session.sessionID]?.failure = entry.failure ?? failure
        }
    }

    /// Reports until `shutdown` is requested, and once more then.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling { try await self.reportForever() }
        await report(onlyEnded: false)
    }

    private func reportForever() async throws {
        var sinceAll = Duration.zero
        while true {
            try await loop.sleep(for: Self.endInterval)
            sinceAll += Self.endInterval
            let isDue = sinceAll >= Self.interval
            if isDue { sinceAll = .zero }
            await report(onlyEnded: !isDue)
        }
    }

    private func report(onlyEnded: Bool) async {
        guard let pool else { return }
        let all = entries.withLock { $0 }
        for (sessionID, entry) in all where !onlyEnded || entry.state != .recording {
            let report = Self.report(of: entry)
            let isEnd = entry.session.read { $0.isEnded }
            // What has failed has ended for the catalog, though the session goes on.
            let isKnownToHaveFailed = entry.told?.state == .failed && report.state == .failed
            if report == entry.told || isKnownToHaveFailed, !isEnd { continue }
            do {
                try await pool.query(
                    "SELECT catalog.v1_report_recording($1, $2, $3, $4, $5::jsonb, $6::text)",
                    [
                        .text(sessionID), .double(report.duration), .int(Int64(report.byteCount)),
                        .text(report.state.rawValue), .text(report.tracks), PostgresValue(report.failure),
                    ]
                )
                told(report, of: sessionID, isLast: isEnd && report.state != .recording)
            } catch {
                logger.log(.warning, "cannot report a recording", [.session: sessionID, .error: "\(error)"])
                return
            }
        }
    }

    private func told(_ report: Report, of sessionID: String, isLast: Bool) {
        entries.withLock { entries in
            entries[sessionID]?.told = report
            if isLast { entries[sessionID] = nil }
        }
    }

    private static func report(of entry: Entry) -> Report {
        entry.session.read { state in
            let tracks = state.currentConfigurations.map { configuration in
                Track(
                    track: configuration.track.rawValue,
                    kind: configuration.isVideo ? "video" : "audio",
                    codec: configuration.codecString,
                    width: configuration.video?.width,
                    height: configuration.video?.height,
                    frameRate: configuration.video?.frameRate,
                    sampleRate: configuration.audio?.sampleRate,
                    channels: configuration.audio?.channelCount,
                    language: configuration.language
                )
            }
            let json = (try? JSONEncoder().encode(tracks)).map { String(decoding: $0, as: UTF8.self) }
            return Report(
                duration: state.duration,
                byteCount: state.timelines.values.reduce(0) { $0 + $1.byteCount },
                state: entry.state,
                failure: entry.failure,
                tracks: json ?? "[]"
            )
        }
    }
}

extension MediaSession.State {
    /// The length of the session so far, in seconds.
    var duration: Double {
        let starts = timelines.values.compactMap(\.startSeconds)
        let ends = timelines.values.compactMap(\.endSeconds)
        return max(0, (ends.max() ?? 0) - (starts.min() ?? 0))
    }
}

extension TrackTimeline {
    /// Seconds on the session's timeline.
    var startSeconds: Double? { segments.first.map { seconds($0.decodeTime) } }

    /// Seconds on the session's timeline.
    var endSeconds: Double? { segments.last.map { seconds($0.decodeTime &+ $0.duration) } }

    var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }
}
