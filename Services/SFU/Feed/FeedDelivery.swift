import Contracts
import Media

/// What a feed hands to a shard of viewers, in order.
struct FeedDelivery: Sendable {
    /// Something that is no media.
    enum Event: Sendable, Equatable {
        /// What was there before is not followed by what comes now.
        case broken
        /// The publisher has gone, or is back.
        case away(Bool)
        /// The layers of the simulcast are these now, the smallest first; none where there is none.
        case layers([FeedLayer])
        /// Pictures that WebRTC cannot carry have come; what is wrong with them.
        case unplayable(FeedProblem)
        /// The session is over.
        case ended
    }

    var feed: BusStreamName
    var video: [PacketBlock] = []
    var audio: [PacketBlock] = []
    var timeline: SessionTimeline
    var events: [Event] = []
    /// Whether it is what was there before, for a shard that comes new.
    var isSeed = false

    /// Whether it is sound, and nothing that changes what is sent otherwise.
    var isSoundAlone: Bool { video.isEmpty && events.isEmpty && !isSeed }

    var isEmpty: Bool { video.isEmpty && audio.isEmpty && events.isEmpty }
}

/// Why a stream's pictures cannot be sent as they are.
enum FeedProblem: Sendable, Equatable {
    /// Pictures are shown out of order, and others are made from them.
    case referencedBFrames
    /// The coding is none that WebRTC carries.
    case coding(Codec)
    /// The coding has changed under the viewers.
    case codingChanged
}

/// Who takes what a feed has; called on the feed's loop.
protocol FeedSubscriber: AnyObject, Sendable {
    func receive(_ delivery: FeedDelivery)
}

/// What is known of a feed at one moment.
struct FeedSnapshot: Sendable {
    var session: SessionDescription?
    /// The pictures, where there are any.
    var video: TrackConfiguration?
    /// The sound, whatever its coding.
    var audio: TrackConfiguration?
    var problem: FeedProblem?
    /// Whether a keyframe has come.
    var hasKeyframe = false
    var isAway = false
    var hasEnded = false
    /// When the newest keyframe came, in monotonic nanoseconds.
    var keyframeArrival: UInt64?
}
