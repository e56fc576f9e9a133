import Contracts
import HLS
import ISOBMFF
import Media
import Synchronization

/// One session as its viewers see it: live, ended a moment ago, or read from the volume long after.
///
/// Whoever packages it appends; any number of requests read and wait. One lock, never held over I/O.
final class MediaSession: Sendable {
    struct State: ~Copyable {
        var description: SessionDescription
        var configurations: [TrackID: [UInt16: TrackConfiguration]] = [:]
        var timelines: [TrackID: TrackTimeline] = [:]
        /// Where it breaks, on all tracks; `nil` before that is known.
        var breaks: SessionBreaks?
        var log = FeedLog()
        var waiters = SessionWaiters()
        var isEnded = false
        var isAway = false
        var isRecording: Bool
        /// Whether its owner has lost it to another; nothing more is served from it.
        var isAbandoned = false
        /// Rises with every change, for caches.
        var version: UInt64 = 0
        var playlists: [PlaylistKey: CachedPlaylist] = [:]
        /// What is made of it while somebody fetches that.
        var renditions: [RenditionName: RenditionSession] = [:]
    }

    /// How much of the live edge stays in memory while all of it is stored as well.
    static let edgeSeconds: Int64 = 6

    /// The whole session's parts in memory, at most.
    static let memoryLimit = 64 << 20

    let streamID: String
    let sessionID: String
    /// Where it is stored.
    let folder: String
    private let state: Mutex<State>

    init(description: SessionDescription, folder: String, isRecording: Bool) {
        streamID = description.streamId
        sessionID = description.sessionId
        self.folder = folder
        let breaks = PresentationClock(description).breaks
        state = Mutex(State(description: description, breaks: breaks, isRecording: isRecording))
    }

    /// Reads from the session, under its lock.
    func read<Value>(_ body: (borrowing State) -> sending Value) -> sending Value {
        state.withLock { state in body(state) }
    }

    /// Changes the session, under its lock, and wakes whoever has waited for the change.
    @discardableResult
    func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, woken) = state.withLock { state in
            let value = body(&state)
            state.version &+= 1
            return (value, state.takeSatisfiedWaiters())
        }
        woken.resume()
        return value
    }

    /// Renders and caches under the lock, without counting as a change.
    func caching<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        state.withLock { state in body(&state) }
    }

    /// Suspends until `condition` holds.
    ///
    /// - Parameter deadline: The monotonic nanoseconds after which it is given up.
    /// - Returns: whether it holds; `false` too where the task is cancelled.
    func wait(for condition: SessionWaiters.Condition, until deadline: UInt64) async -> Bool {
        let id = state.withLock { $0.waiters.reserveID() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let verdict: Bool? = state.withLock { state in
                    if state.holds(condition) { return true }
                    // Cancellation sets its flag before it runs the handler below, which takes this lock.
                    if Task.isCancelled { return false }
                    state.waiters.add(id, condition, until: deadline, continuation)
                    return nil
                }
                if let verdict { continuation.resume(returning: verdict) }
            }
        } onCancel: {
            let woken = state.withLock { $0.waiters.remove(id) }
            woken.resume()
        }
    }

    /// Gives up the requests that have waited long enough.
    func expireWaiters(at now: UInt64) {
        let woken = state.withLock { $0.waiters.takeExpired(at: now) }
        woken.resume()
        for rendition in renditions { rendition.media.expireWaiters(at: now) }
    }
}

extension MediaSession.State {
    /// The configurations of the current set of tracks, by track.
    var currentConfigurations: [TrackConfiguration] {
        let named = description.tracks.compactMap { track in
            configurations[TrackID(rawValue: track.track)]?[track.generation]
        }
        if !named.isEmpty { return named.sorted { $0.track < $1.track } }
        return configurations.keys.sorted().compactMap { track in
            configurations[track]?.max { $0.key < $1.key }?.value
        }
    }

    var clock: PresentationClock { PresentationClock(description) }

    /// Whether a track has a part that can be played.
    var hasParts: Bool { timelines.values.contains { $0.lastPart != nil } }

    func holds(_ condition: SessionWaiters.Condition) -> Bool {
        if isAbandoned { return true }
        switch condition {
        case .edge(let track, let mediaSequence, let part):
            return isEnded || timelines[track]?.edge.isSatisfied(mediaSequence, part: part) ?? false
        case .part(let track, let id):
            guard let timeline = timelines[track], let last = timeline.lastPart else { return isEnded }
            return isEnded || last.id >= id || timeline.edge.growingMediaSequence > id.mediaSequence
        case .event(let number):
            return log.end > number
        case .firstPart:
            return hasParts || isEnded
        case .firstSegment:
            return isEnded || timelines.values.contains { $0.segments.contains(where: \.isComplete) }
        case .everyTrack:
            return isEnded || hasParts && hasEveryTrackBegun
        }
    }

    mutating func takeSatisfiedWaiters() -> SessionWaiters.Woken {
        guard waiters.count > 0 else { return SessionWaiters.Woken() }
        var taken = SessionWaiters()
        swap(&taken, &waiters)
        let woken = taken.takeSatisfied { holds($0) }
        swap(&taken, &waiters)
        return woken
    }
}

extension PresentationClock {
    init(_ description: SessionDescription) {
        anchors = description.anchors.map { anchor in
            Anchor(
                decodeTime: anchor.decodeTime,
                discontinuity: UInt32(clamping: anchor.discontinuity),
                wallClock: anchor.wallClock
            )
        }
        breaks = description.breaks.map { SessionBreaks($0) }
    }
}
