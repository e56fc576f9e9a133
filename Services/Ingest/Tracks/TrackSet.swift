import Media

/// Waits until the tracks of a publisher are known, then lets their samples through in order.
///
/// The set closes when every announced track has a configuration, else a while after the first keyframe.
/// A track that comes later changes the set.
struct TrackSet: Sendable {
    /// How long to wait, and how much to hold meanwhile.
    struct Limits: Sendable, Equatable {
        /// From the first keyframe of the leading track to the end of the wait.
        var afterKeyframe = Duration.milliseconds(300)
        /// From the first sample, where announced video has not come at all.
        var afterFirstSample = Duration.seconds(2)
        /// Bytes held; the set closes when there are more.
        var heldByteCount = 8 << 20
    }

    /// What goes on to the session.
    enum Output: Sendable, Equatable {
        /// The tracks are these from now on; configurations of another generation count as other tracks.
        case tracks([TrackConfiguration])
        case sample(SourceSample)
    }

    private let limits: Limits
    private var configurations: [TrackID: TrackConfiguration] = [:]
    private var announced: Set<TrackID> = []
    private var held: [SourceSample] = []
    private var heldByteCount = 0
    private var firstSample: UInt64?
    private var firstKeyframe: UInt64?
    private(set) var isClosed = false

    /// Creates an open set without tracks.
    init(limits: Limits = Limits()) { self.limits = limits }

    /// The current tracks, by number.
    var tracks: [TrackConfiguration] { configurations.values.sorted { $0.track < $1.track } }

    /// Tells which tracks the publisher has announced; more may be told at any time.
    mutating func announce(_ tracks: Set<TrackID>) { announced.formUnion(tracks) }

    /// Takes a configuration at `now` nanoseconds of the monotonic clock.
    mutating func configure(_ configuration: TrackConfiguration, at now: UInt64) -> [Output] {
        configurations[configuration.track] = configuration
        return isClosed ? [.tracks(tracks)] : closeIfComplete(at: now)
    }

    /// Takes a sample at `now` nanoseconds of the monotonic clock.
    mutating func take(_ sample: SourceSample, at now: UInt64) -> [Output] {
        if isClosed { return [.sample(sample)] }
        held.append(sample)
        heldByteCount += sample.payload.count
        firstSample = firstSample ?? now
        if sample.isKeyframe, configurations[sample.track]?.isVideo == true {
            firstKeyframe = firstKeyframe ?? now
        }
        return closeIfComplete(at: now)
    }

    /// When ``tick(at:)`` is due, in nanoseconds of the monotonic clock.
    var deadline: UInt64? {
        guard !isClosed, let firstSample else { return nil }
        let hasVideo = announced.isEmpty || announced.contains(.video)
        let patience = hasVideo && !announced.isEmpty ? limits.afterFirstSample : limits.afterKeyframe
        let fromSample = firstSample &+ patience.wholeNanoseconds
        guard let firstKeyframe else { return fromSample }
        return min(fromSample, firstKeyframe &+ limits.afterKeyframe.wholeNanoseconds)
    }

    /// Closes the set where the wait is over.
    mutating func tick(at now: UInt64) -> [Output] { closeIfComplete(at: now) }

    private mutating func closeIfComplete(at now: UInt64) -> [Output] {
        guard !isClosed, !held.isEmpty else { return [] }
        let isComplete = !announced.isEmpty && announced.allSatisfy { configurations[$0] != nil }
        let isLate = deadline.map { now >= $0 } ?? false
        guard isComplete || isLate || heldByteCount > limits.heldByteCount else { return [] }
        isClosed = true
        let samples = held
        held = []
        return [.tracks(tracks)] + samples.map(Output.sample)
    }
}

extension TrackID {
    /// The first video track.
    static let video = TrackID(rawValue: 0)
    /// The first audio track.
    static let audio = TrackID(rawValue: 1)
    /// The first number for further tracks.
    static let firstFurther: UInt16 = 2
}

extension Duration {
    /// The whole nanoseconds of a duration that is neither negative nor longer than centuries.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds / 1_000_000_000)
    }
}
