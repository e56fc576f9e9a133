public import Contracts
public import Media
import Redis

extension BusReader {
    /// Hands over what the ring still has of a session that another has followed already.
    ///
    /// It ends, like a session that is followed, with ``BusStreamHandler/ended(_:)``: where the session's own
    /// end is in the ring, else at the beginning of the next session.
    ///
    /// - Parameters:
    ///   - session: The session as it was described, with its configurations: the bus describes the next one.
    ///   - start: The last entry of the session that is known, or its beginning.
    public func readRemainder(
        of streamID: String,
        as session: SessionDescription,
        _ tracks: [TrackConfiguration],
        from start: BusEntryID,
        handler: some BusStreamHandler
    ) async throws {
        handler.tracksChanged(session, tracks: tracks)
        var remainder = BusRemainder(after: start)
        while true {
            let entries = try await entries(under: BusKeys.media(streamID), after: remainder.last)
            for raw in entries {
                let entry = try? BusEntry(decoding: raw.blob)
                switch remainder.step(raw.id, entry) {
                case .skip: continue
                case .over: return handler.ended(.abandoned)
                case .deliverAfterGap(let last): handler.gap(after: last, next: raw.id)
                case .deliver: break
                }
                guard let entry else { continue }
                handler.receive(entry, id: raw.id)
                if entry.flags.contains(.endOfSession) { return handler.ended(.endOfSession) }
            }
            if entries.count < Self.entriesPerRead { return handler.ended(.abandoned) }
        }
    }
}

/// Where the reading of an older session's rest is, and what is to be done with the next entry.
struct BusRemainder: Sendable, Equatable {
    enum Step: Sendable, Equatable {
        case deliver
        /// Report a gap after the last entry that was handed over, then hand this one over.
        case deliverAfterGap(BusEntryID?)
        /// It waits for a keyframe, or is none.
        case skip
        /// It belongs to the next session.
        case over
    }

    /// The newest entry that has been looked at.
    private(set) var last: BusEntryID
    private var delivered: BusEntryID
    private var isWaitingForKeyframe = false

    init(after last: BusEntryID) {
        self.last = last
        delivered = last
    }

    /// Decides about an entry; `nil` stands for bytes that are none.
    mutating func step(_ id: BusEntryID, _ entry: BusEntry?) -> Step {
        guard let entry else {
            last = id
            isWaitingForKeyframe = true
            return .skip
        }
        // A later epoch is the same session only where its publisher says that it has come back.
        let isBack = id.counter == 1 && entry.flags.contains(.publisherBack)
        if id.epoch > last.epoch, !isBack { return .over }
        let follows = isBack || id.epoch == last.epoch && id.counter == last.counter &+ 1
        last = id
        if !follows { isWaitingForKeyframe = true }
        guard isWaitingForKeyframe else {
            delivered = id
            return .deliver
        }
        let isKeyframe = entry.keyframeCounter == id.counter
        guard isKeyframe || !entry.flags.isDisjoint(with: [.endOfSession, .publisherAway]) else {
            return .skip
        }
        isWaitingForKeyframe = !isKeyframe
        defer { delivered = id }
        return .deliverAfterGap(delivered)
    }
}
