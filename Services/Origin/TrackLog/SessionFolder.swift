import Contracts
import FoundationEssentials
import ISOBMFF
import Media
import Sockets

/// What a session's folder says about it besides its tracks' logs.
struct SessionRecord: Codable, Sendable, Equatable {
    enum State: String, Codable, Sendable {
        case recording, complete, failed
    }

    var description: SessionDescription
    var configurations: [TrackDescription]
    var state: State
    /// Why something of it may be missing, since a write was refused; what is recorded afterwards does not mend that.
    var failure: String?
    /// When the last change was written (RFC 3339).
    var updatedAt: String

    /// Why it cannot become complete any more; `nil` where it can.
    var lastingFailure: String? { failure ?? (state == .failed ? "writing failed" : nil) }
}

/// The folder of one session on a media volume.
struct SessionFolder: Sendable {
    static let recordName = "session.json"
    private static let recordLimit = 4 << 20

    /// What is read back from a folder.
    struct Contents: Sendable {
        var record: SessionRecord
        var logs: [TrackID: TrackLogReader.Log]
        /// The number of the next owner.
        var nextEpoch: UInt32

        /// The last part of each track.
        var lasts: [TrackID: PartHead] { logs.compactMapValues { $0.entries.last?.record.head } }
    }

    let path: String

    init(path: String) { self.path = path }

    init(root: String, streamID: String, sessionID: String) {
        path = "\(root)/live/\(streamID)/\(sessionID)"
    }

    var record: SessionRecord? {
        guard let bytes = try? FileSystem.contents(of: "\(path)/\(Self.recordName)", limit: Self.recordLimit)
        else {
            return nil
        }
        return try? JSONDecoder().decode(SessionRecord.self, from: Data(bytes))
    }

    /// Reads what is valid, or returns `nil` where there is no session.
    func contents() -> Contents? {
        guard let record else { return nil }
        let reader = TrackLogReader(folder: path)
        return Contents(
            record: record,
            logs: reader.logs(verifies: record.state != .complete),
            nextEpoch: reader.nextEpoch
        )
    }

    /// Writes the record, and the init segment of each configuration that has none yet.
    func write(_ record: SessionRecord) throws {
        try FileSystem.makeFolder(path)
        for configuration in record.configurations.compactMap(\.configuration) {
            let file = "\(path)/\(configuration.track).init-\(configuration.generation).mp4"
            if !FileSystem.exists(file) {
                try FileSystem.replace(file, with: InitSegment.bytes(for: configuration))
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try FileSystem.replace("\(path)/\(Self.recordName)", with: [UInt8](try encoder.encode(record)))
    }

    /// The sessions whose recording nobody has finished, with their streams.
    static func unfinished(root: String) -> [SessionDescription] {
        FileSystem.names(in: "\(root)/live").filter(Identifier.isValid).flatMap { streamID in
            sessions(root: root, streamID: streamID)
                .filter { $0.record.state == .recording && $0.record.description.streamId == streamID }
                .map(\.record.description)
        }
    }

    /// Says that nothing will be added to a recording whose owner is gone.
    func finish() {
        guard var record, record.state == .recording else { return }
        record.state = record.failure == nil ? .complete : .failed
        try? write(record)
    }

    /// The names of all sessions that are stored.
    static func all(root: String) -> [(streamID: String, sessionID: String)] {
        FileSystem.names(in: "\(root)/live").filter(Identifier.isValid).flatMap { streamID in
            FileSystem.names(in: "\(root)/live/\(streamID)").filter(Identifier.isValid)
                .map { (streamID, $0) }
        }
    }

    /// The sessions of a stream that are stored, the newest first.
    static func sessions(root: String, streamID: String) -> [(id: String, record: SessionRecord)] {
        let folder = "\(root)/live/\(streamID)"
        return FileSystem.names(in: folder)
            .compactMap { id in SessionFolder(path: "\(folder)/\(id)").record.map { (id, $0) } }
            .sorted { $0.1.description.startedAt > $1.1.description.startedAt }
    }
}

extension MediaSession {
    /// A session as its folder has it; `isEnded` where nothing will follow.
    static func restored(from contents: SessionFolder.Contents, folder: String, isEnded: Bool) -> MediaSession
    {
        let record = contents.record
        let session = MediaSession(description: record.description, folder: folder, isRecording: true)
        session.update(record.description, configurations: record.configurations.compactMap(\.configuration))
        // Tracks are merged by time, as they were published.
        let entries = contents.logs.values.flatMap { session.timed($0.entries) }
            .sorted { ($0.time, $0.entry.record.head.id) < ($1.time, $1.entry.record.head.id) }
        session.noteBreaks(of: entries.lazy.map(\.entry.record.head))
        for (_, entry) in entries {
            let media = PartMedia(bytes: nil, range: entry.range, byteCount: Int(entry.range.byteCount))
            session.append(entry.record.head, media: media)
        }
        if isEnded { session.end() }
        return session
    }

    /// The parts of a track with the times of their ends; none is before one that precedes it, which may have been taken
    /// for longer than it was.
    private func timed(
        _ entries: [TrackLogReader.Entry]
    ) -> [(time: Double, entry: TrackLogReader.Entry)] {
        var latest = -Double.infinity
        return entries.map { entry in
            latest = max(latest, seconds(of: entry.record.head))
            return (latest, entry)
        }
    }

    /// When a part ends, in seconds on the session's timeline.
    private func seconds(of head: PartHead) -> Double {
        let timescale = read { $0.configurations[head.track]?[head.generation]?.timescale ?? 1 }
        return Double(head.endTime) / Double(timescale)
    }
}
