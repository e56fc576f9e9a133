import Contracts
import FoundationEssentials
import HTTPServing
import ISOBMFF
import Media
import Reactor

/// Sends one feed: what the session is, the init segments, then every part as it is published.
struct FeedSender {
    private struct Generation: Hashable {
        var track: TrackID
        var generation: UInt16
    }

    /// How long a feed is silent at most.
    static let keepAliveInterval = Duration.seconds(5)

    private let session: MediaSession
    private let tracks: Set<TrackID>?
    private let files: ExtentFiles
    private let writer: HTTPBodyWriter
    /// Called again and again as long as somebody reads.
    private let isRead: @Sendable () -> Void
    private var sent: Set<Generation> = []
    private var cursor: UInt64 = 0
    /// The first part of each track that is sent.
    private var starts: [TrackID: PartID] = [:]

    init(
        session: MediaSession,
        tracks: Set<TrackID>?,
        files: ExtentFiles,
        writer: HTTPBodyWriter,
        isRead: @escaping @Sendable () -> Void = {}
    ) {
        self.isRead = isRead
        self.session = session
        self.tracks = tracks
        self.files = files
        self.writer = writer
    }

    /// Sends until the session ends, the client goes or the task is cancelled.
    mutating func run(from start: PartID?) async throws {
        try await writer.write(tracksFrame())
        seek(to: start)
        try await writer.write(initialInitFrames())
        while true {
            try Task.checkCancellation()
            isRead()
            let cursor = cursor
            let (events, isAbandoned) = session.read {
                ($0.log.events(from: cursor).map(Array.init), $0.isAbandoned)
            }
            if isAbandoned { return }
            guard let events else {
                try await writer.write(fallBehind())
                continue
            }
            if events.isEmpty {
                let deadline = EventLoop.now &+ Self.keepAliveInterval.nanoseconds
                let isThere = await session.wait(for: .event(cursor), until: deadline)
                try Task.checkCancellation()
                if !isThere { try await writer.write(frame(.keepAlive, object: [:])) }
                continue
            }
            for event in events {
                self.cursor &+= 1
                try await writer.write(frames(for: event))
                if event == .end { return }
            }
        }
    }

    // MARK: Where to begin

    /// Begins at `start`, else at the newest keyframe that can be played from.
    private mutating func seek(to start: PartID?) {
        let (cursor, starts) = session.read { state in
            state.feedStart(at: start, tracks: tracks)
        }
        self.cursor = cursor
        self.starts = starts
    }

    /// The client was too slow, or asked for what is no longer kept: it goes on at the newest keyframe.
    private mutating func fallBehind() -> [HTTPResponse.Piece] {
        seek(to: nil)
        return starts.keys.sorted().flatMap { track in
            frame(
                .init(.gap, track: track.rawValue, mediaSequence: starts[track]?.mediaSequence ?? 0),
                payload: []
            )
        }
    }

    /// Whoever names no tracks gets the publisher's own: of the picture's layers the best.
    private func wants(_ track: TrackID) -> Bool { tracks?.contains(track) ?? !track.isLayer }

    // MARK: Frames

    private mutating func frames(for event: FeedLog.Event) -> [HTTPResponse.Piece] {
        switch event {
        case .part(let head): return partFrames(head)
        case .gap(let track, let id): return markFrame(.gap, track, id)
        case .discontinuity(let track, let id): return markFrame(.discontinuity, track, id)
        case .tracksChanged: return tracksFrame()
        case .publisherAway: return frame(.publisherAway, object: [:])
        case .publisherBack: return frame(.publisherBack, object: [:])
        case .end: return frame(.end, object: ["sessionId": session.sessionID])
        }
    }

    private func isSkipped(_ track: TrackID, _ id: PartID) -> Bool {
        guard wants(track) else { return true }
        return starts[track].map { id < $0 } ?? false
    }

    private func markFrame(_ kind: FeedFrame.Kind, _ track: TrackID, _ id: PartID) -> [HTTPResponse.Piece] {
        if isSkipped(track, id) { return [] }
        let head = FeedFrame(kind, track: track.rawValue, mediaSequence: id.mediaSequence, part: id.part)
        return frame(head, payload: [])
    }

    private mutating func partFrames(_ head: PartHead) -> [HTTPResponse.Piece] {
        if isSkipped(head.track, head.id) { return [] }
        var pieces = initFrame(of: head.track, generation: head.generation)
        let media = session.read { $0.timelines[head.track]?.part(head.id)?.media }
        let piece = media.flatMap { files.piece(of: $0, in: session.folder) }
        var frame = FeedFrame(
            piece == nil ? .gap : .part,
            track: head.track.rawValue,
            mediaSequence: head.id.mediaSequence,
            part: head.id.part,
            generation: head.generation
        )
        frame.isIndependent = head.flags.contains(.independent)
        pieces.append(.bytes(frame.head(payloadByteCount: Int(piece?.count ?? 0))))
        if let piece { pieces.append(piece) }
        return pieces
    }

    /// The init segment of a generation, once.
    private mutating func initFrame(of track: TrackID, generation: UInt16) -> [HTTPResponse.Piece] {
        guard sent.insert(Generation(track: track, generation: generation)).inserted,
            let configuration = session.read({ $0.configurations[track]?[generation] })
        else { return [] }
        let bytes = InitSegment.bytes(for: configuration)
        return frame(.init(.initSegment, track: track.rawValue, generation: generation), payload: bytes)
    }

    private mutating func initialInitFrames() -> [HTTPResponse.Piece] {
        let starts = starts
        let generations = session.read { state in
            state.currentConfigurations.map { configuration in
                let first = starts[configuration.track].flatMap {
                    state.timelines[configuration.track]?.part($0)
                }
                return (configuration.track, first?.head.generation ?? configuration.generation)
            }
        }
        return generations.filter { wants($0.0) }.flatMap { initFrame(of: $0.0, generation: $0.1) }
    }

    private func frame(_ head: FeedFrame, payload: [UInt8]) -> [HTTPResponse.Piece] {
        [.bytes(head.head(payloadByteCount: payload.count) + payload)]
    }

    private func frame(_ kind: FeedFrame.Kind, object: [String: String]) -> [HTTPResponse.Piece] {
        frame(FeedFrame(kind), payload: Self.json(object))
    }

    private static func json(_ value: some Encodable) -> [UInt8] {
        (try? JSONEncoder().encode(value)).map { [UInt8]($0) } ?? Array("{}".utf8)
    }

    private func tracksFrame() -> [HTTPResponse.Piece] {
        let facts = session.read { FeedFacts($0) }
        return frame(FeedFrame(.tracksChanged), payload: Self.json(facts))
    }
}

/// The JSON object of a `tracks changed` frame.
private struct FeedFacts: Encodable {
    struct Anchor: Encodable {
        var decodeTime: Double
        var discontinuity: Int
        var wallClock: Int64
    }

    struct Track: Encodable {
        var track: UInt16
        var generation: UInt16
        var kind: String
        var codec: String
        var mime: String
        var width: Int?
        var height: Int?
        var frameRate: Double?
        var rotation: Int?
        var sampleRate: Int?
        var channels: Int?
        var timescale: UInt32
        var label: String?
        var language: String
        var renditions: [Rendition]?
    }

    /// The same sound in another coding, whose feed is at `<sessionID>/<name>/feed`.
    struct Rendition: Encodable {
        var name: String
        var codec: String
        var mime: String
    }

    var sessionId: String
    var partTarget: Double
    var isAway: Bool
    var anchors: [Anchor]
    var tracks: [Track]

    private static func renditions(of track: TrackID, among offers: [RenditionOffer]) -> [Rendition]? {
        let found = offers.filter { $0.track == track }.map {
            Rendition(
                name: "\($0.name)",
                codec: $0.configuration.codecString,
                mime: $0.configuration.mime
            )
        }
        return found.isEmpty ? nil : found
    }

    init(_ state: borrowing MediaSession.State) {
        sessionId = state.description.sessionId
        partTarget = state.description.partTarget
        isAway = state.isAway
        anchors = state.description.anchors.map {
            Anchor(decodeTime: $0.decodeTime, discontinuity: $0.discontinuity, wallClock: $0.wallClock)
        }
        let offers = state.offers
        tracks = state.currentConfigurations.map { configuration in
            Track(
                track: configuration.track.rawValue,
                generation: configuration.generation,
                kind: configuration.isVideo ? "video" : "audio",
                codec: configuration.codecString,
                mime: configuration.mime,
                width: configuration.video?.width,
                height: configuration.video?.height,
                frameRate: configuration.video?.frameRate,
                rotation: configuration.video?.rotation,
                sampleRate: configuration.audio?.sampleRate,
                channels: configuration.audio?.channelCount,
                timescale: configuration.timescale,
                label: configuration.label,
                language: configuration.language,
                renditions: Self.renditions(of: configuration.track, among: offers)
            )
        }
    }
}

extension TrackConfiguration {
    fileprivate var mime: String { "\(isVideo ? "video" : "audio")/mp4; codecs=\"\(codecString)\"" }
}

extension MediaSession.State {
    /// Where a feed begins: the event to go on from, and the first part of each track.
    func feedStart(at start: PartID?, tracks wanted: Set<TrackID>?) -> (UInt64, [TrackID: PartID]) {
        if let start {
            let starts = Dictionary(uniqueKeysWithValues: timelines.keys.map { ($0, start) })
            // Older than what is kept: one step before the log makes the sender fall behind at once.
            let isKept = timelines.values.allSatisfy { ($0.parts.first?.id).map { $0 <= start } ?? true }
            if isKept || log.start == 0 { return (log.start, starts) }
            return (log.start > 0 ? log.start - 1 : 0, starts)
        }
        guard let leader = feedLeader(wanted), let entry = timelines[leader]?.newestEntry else {
            return (log.start, [:])
        }
        let time = Double(entry.decodeTime) / Double(max(1, timelines[leader]?.timescale ?? 1))
        var starts: [TrackID: PartID] = [:]
        for (track, timeline) in timelines {
            starts[track] = track == leader ? entry.id : timeline.firstPart(endingAfter: time)
        }
        return (log.start, starts)
    }

    /// The track whose keyframes decide where playing begins.
    private func feedLeader(_ wanted: Set<TrackID>?) -> TrackID? {
        let tracks = currentConfigurations.filter { configuration in
            (wanted?.contains(configuration.track) ?? true) && timelines[configuration.track]?.lastPart != nil
        }
        return (tracks.first(where: \.isVideo) ?? tracks.first)?.track
    }
}

extension TrackTimeline {
    /// The newest part that begins with a keyframe; of sound, the first of the newest segment.
    var newestEntry: PartHead? {
        let newest = parts.last { $0.head.flags.contains(.independent) && $0.id.part == 0 }
        let keyframe = parts.last { $0.head.flags.contains(.independent) }
        let isAllIndependent = parts.suffix(8).allSatisfy { $0.head.flags.contains(.independent) }
        return (isAllIndependent ? newest ?? keyframe : keyframe)?.head
    }

    /// The part that plays at a time, in seconds, else the next that will come.
    func firstPart(endingAfter time: Double) -> PartID {
        let ticks = Int64(min(max(time * Double(timescale), -9e18), 9e18))
        if let part = parts.first(where: { $0.head.endTime > ticks }) { return part.id }
        guard let last = lastPart else { return PartID(mediaSequence: 0, part: 0) }
        return PartID(mediaSequence: last.id.mediaSequence, part: last.id.part &+ 1)
    }
}
