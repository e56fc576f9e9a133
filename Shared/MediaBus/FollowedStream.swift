import Contracts
import Media

/// One stream that a reader follows.
final class FollowedStream {
    enum Phase: Equatable {
        /// Its description and its place are still to be found.
        case starting
        /// It is read by itself until it reaches the tail.
        case catchingUp
        /// It is read together with all others at the tail.
        case atTail
    }

    let name: BusStreamName
    let mediaKey: String
    /// The session that is followed and no other, of a rendition.
    let sessionID: String?
    let start: BusStart
    let handler: any BusStreamHandler
    var phase = Phase.starting
    var description: BusDescription?
    var cursor = StreamCursor(
        after: BusEntryID(epoch: 0, counter: 0),
        hasHistory: false,
        describedEpoch: 0
    )
    /// When the stream last gave a sign of life, in nanoseconds of the monotonic clock.
    var lastSign: UInt64
    /// When it may be worked on again, after it could not be.
    var retryTime: UInt64 = 0
    /// The score of its last heartbeat.
    var lastScore: String?

    init(
        _ name: BusStreamName,
        ofSession sessionID: String? = nil,
        start: BusStart,
        handler: any BusStreamHandler,
        now: UInt64
    ) {
        self.name = name
        self.sessionID = sessionID
        self.start = start
        self.handler = handler
        mediaKey = BusKeys.media(name)
        lastSign = now
    }

    /// Whether a description is of another session than the one that is followed.
    func isForeign(_ session: SessionDescription) -> Bool {
        description == nil && sessionID != nil && session.sessionId != sessionID
    }
}
