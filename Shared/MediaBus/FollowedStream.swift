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

    let streamID: String
    let mediaKey: String
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

    init(streamID: String, start: BusStart, handler: any BusStreamHandler, now: UInt64) {
        self.streamID = streamID
        self.start = start
        self.handler = handler
        mediaKey = BusKeys.media(streamID)
        lastSign = now
    }
}
