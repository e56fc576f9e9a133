import Contracts
import Media
import Reactor
import Synchronization

/// All sessions that this replica can serve: those it packages, those that ended a moment ago, and, read from
/// the volume when somebody asks, all that are stored.
final class SessionDirectory: Sendable {
    private struct Replay {
        var session: MediaSession
        var lastUse: UInt64
        /// When it was put here, in monotonic nanoseconds.
        var since: UInt64
    }

    private struct Newest {
        var sessionID: String?
        var readAt: UInt64
    }

    private struct State {
        /// By stream.
        var live: [String: MediaSession] = [:]
        /// By session.
        var replays: [String: Replay] = [:]
        var newest: [String: Newest] = [:]
        var hidden = HiddenMedia()
        var uses: UInt64 = 0
    }

    /// Sessions whose index is kept in memory after they ended; the least used are forgotten.
    static let replayLimit = 64
    /// How long a session that is not stored can still be fetched after its end.
    static let memoryLifetime = Duration.seconds(60)
    /// How long the newest stored session of a stream is taken for granted.
    private static let newestLifetime = Duration.seconds(2)

    private let volume: Volume
    private let state = Mutex(State())

    init(volume: Volume) { self.volume = volume }

    var liveSessions: [MediaSession] { state.withLock { Array($0.live.values) } }

    /// The live sessions, and those in memory that ended.
    var allSessions: [MediaSession] {
        state.withLock { Array($0.live.values) + $0.replays.values.map(\.session) }
    }

    func live(_ streamID: String) -> MediaSession? { state.withLock { $0.live[streamID] } }

    /// Puts a session that is packaged here in the place of the stream's last one.
    func setLive(_ session: MediaSession) {
        state.withLock { $0.live[session.streamID] = session }
    }

    /// Keeps a session that has ended, for those who still watch it and those who replay it.
    func retire(_ session: MediaSession) {
        state.withLock { state in
            if state.live[session.streamID] === session { state.live[session.streamID] = nil }
            state.newest[session.streamID] = Newest(sessionID: session.sessionID, readAt: EventLoop.now)
        }
        keep(session)
    }

    /// Forgets a session that another replica packages now.
    func drop(_ session: MediaSession) {
        state.withLock { state in
            if state.live[session.streamID] === session { state.live[session.streamID] = nil }
            state.replays[session.sessionID] = nil
        }
    }

    /// What is known of a session.
    enum Lookup: Sendable {
        case found(MediaSession)
        case missing
        /// It is being recorded, but by nobody that is known here: an owner has gone, and another will come.
        case moving
    }

    /// Forgets a session whose folder is being deleted.
    func forget(_ folder: String) {
        state.withLock { state in
            state.replays = state.replays.filter { $0.value.session.folder != folder }
            state.newest = [:]
        }
    }

    /// From now on, shows nothing of what is hidden, and all else.
    func hide(_ hidden: HiddenMedia) {
        state.withLock { state in
            guard state.hidden != hidden else { return }
            state.hidden = hidden
            state.newest = [:]
        }
    }

    /// The session of that name, from memory or from the volume.
    func session(_ sessionID: String, of streamID: String) async -> Lookup {
        guard !isHidden(sessionID, of: streamID) else { return .missing }
        if let found = cached(sessionID, of: streamID) { return .found(found) }
        let folder = SessionFolder(root: volume.root, streamID: streamID, sessionID: sessionID)
        let loaded = await volume.reading { () -> (session: MediaSession, state: SessionRecord.State)? in
            guard let contents = folder.contents(), contents.record.description.sessionId == sessionID else {
                return nil
            }
            let session = MediaSession.restored(from: contents, folder: folder.path, isEnded: true)
            return (session, contents.record.state)
        }
        // Somebody else may have read it meanwhile, or begun to package it.
        if let found = cached(sessionID, of: streamID) { return .found(found) }
        guard let loaded else { return .missing }
        if loaded.state == .recording { return .moving }
        keep(loaded.session)
        return .found(loaded.session)
    }

    /// The live session of a stream, else the last one that is stored.
    func current(_ streamID: String) async -> Lookup {
        if let live = live(streamID), !isHidden(live.sessionID, of: streamID) { return .found(live) }
        let stored = await newestStored(streamID)
        let unstored = state.withLock { state in
            state.replays.values.map(\.session).last { session in
                session.streamID == streamID && !session.isRecorded
                    && !state.hidden.contains(session: session.sessionID, of: streamID)
            }
        }
        guard let sessionID = stored else { return unstored.map(Lookup.found) ?? .missing }
        return await session(sessionID, of: streamID)
    }

    /// Frees the memory of what ended: what is stored is read from the volume, what is not is forgotten.
    func sweep(at now: UInt64) {
        let ended = state.withLock { state in
            state.replays = state.replays.filter { _, replay in
                replay.session.isRecorded || now &- replay.since < Self.memoryLifetime.nanoseconds
            }
            return state.replays.values.map(\.session)
        }
        for session in ended where session.isRecorded { session.evict(downTo: 0) }
    }

    private func newestStored(_ streamID: String) async -> String? {
        let now = EventLoop.now
        let known = state.withLock { $0.newest[streamID] }
        if let known, now &- known.readAt < Self.newestLifetime.nanoseconds { return known.sessionID }
        let root = volume.root
        let hidden = state.withLock { $0.hidden }
        let found = await volume.reading {
            SessionFolder.sessions(root: root, streamID: streamID)
                .first { !hidden.contains(session: $0.id, of: streamID) }?.id
        }
        state.withLock { state in
            if state.newest.count > 4096 { state.newest = [:] }
            state.newest[streamID] = Newest(sessionID: found, readAt: now)
        }
        return found
    }

    private func isHidden(_ sessionID: String, of streamID: String) -> Bool {
        state.withLock { $0.hidden.contains(session: sessionID, of: streamID) }
    }

    private func cached(_ sessionID: String, of streamID: String) -> MediaSession? {
        state.withLock { state in
            if let live = state.live[streamID], live.sessionID == sessionID { return live }
            guard let replay = state.replays[sessionID], replay.session.streamID == streamID else {
                return nil
            }
            state.uses &+= 1
            state.replays[sessionID]?.lastUse = state.uses
            return replay.session
        }
    }

    private func keep(_ session: MediaSession) {
        state.withLock { state in
            state.uses &+= 1
            state.replays[session.sessionID] = Replay(
                session: session,
                lastUse: state.uses,
                since: EventLoop.now
            )
            if state.replays.count > Self.replayLimit,
                let oldest = state.replays.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
            {
                state.replays[oldest] = nil
            }
        }
    }
}

extension MediaSession {
    /// Whether its parts are on the volume.
    var isRecorded: Bool { read { $0.isRecording } }
}
