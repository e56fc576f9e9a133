/// The clock that the tracks of one publisher have in common: its NTP time, as its sender reports tell it
/// (RFC 3550 §6.4.1).
public struct PublisherClock: Sendable, Equatable {
    /// Our time minus the publisher's, in nanoseconds.
    private(set) var offset: Int64?

    /// Creates a clock before the first report.
    public init() {}

    /// Returns what the publisher's time is in ours; the first time that is asked about fixes it to `ours`.
    mutating func time(of ntpTime: UInt64, ours: Int64) -> Int64 {
        let seconds = Int64(ntpTime >> 32)
        let fraction = Int64(((ntpTime & 0xffff_ffff) &* 1_000_000_000) >> 32)
        let publisher = seconds * 1_000_000_000 + fraction
        if offset == nil { offset = ours &- publisher }
        return publisher &+ (offset ?? 0)
    }

    /// Takes note that the publisher has set its clock forward by `step` nanoseconds, or back.
    mutating func follow(step: Int64) { offset? &-= step }
}

/// Maps RTP timestamps of one track to a time that all tracks of the publisher share.
///
/// Until the publisher's first report a track begins when its first packet came. From then on the reports say how
/// tracks lie to each other, and the time is led there so slowly that nobody sees or hears it. A publisher that sets
/// its clock moves none of them.
public struct MediaClock: Sendable, Equatable {
    /// The time runs faster or slower by at most one part in so many.
    public static let slewDivisor: Int64 = 200
    /// A difference that is larger is not led but jumped, in nanoseconds.
    public static let maximumSlew: Int64 = 2_000_000_000

    /// A time further from that of arrival is taken for a new beginning, in nanoseconds.
    public static let maximumDeviation: Int64 = 10_000_000_000

    /// Ticks a second.
    public let clockRate: UInt32

    private var timestamps = TimestampUnwrapper()
    /// What is added to a timestamp, in ticks.
    private var offset: Int64?
    private var target: Int64 = 0
    private var lastSlew: Int64 = 0
    /// Whether a report has said how the track lies to the others.
    private var isSynchronised = false

    /// Creates the clock of a track whose timestamps count `clockRate` ticks a second.
    public init(clockRate: UInt32) { self.clockRate = max(1, clockRate) }

    /// Returns the shared time of `timestamp` in ticks of the track, counted as the receiver's clock counts.
    ///
    /// - Parameter arrival: when the packet came, in nanoseconds.
    public mutating func time(of timestamp: UInt32, arrival: UInt64) -> Int64 {
        let unwrapped = timestamps.unwrap(timestamp)
        if isLost(unwrapped, arrival: arrival) {
            target = ticks(Int64(clamping: arrival)) &- unwrapped
            offset = target
            lastSlew = unwrapped
            isSynchronised = false
        }
        slew(at: unwrapped)
        return unwrapped &+ (offset ?? 0)
    }

    /// Learns from a report of the track how it lies to the others.
    ///
    /// - Parameter arrival: when the report came, in nanoseconds.
    public mutating func synchronise(
        with report: SenderReport,
        _ clock: inout PublisherClock,
        arrival: UInt64
    ) {
        guard let offset else { return }
        let unwrapped = timestamps.peek(report.rtpTimestamp)
        let own = nanoseconds(unwrapped &+ offset)
        let shared = clock.time(of: report.ntpTime, ours: own)
        defer { isSynchronised = true }
        if isSynchronised, isStepOfPublisher(from: own, to: shared, arrival: Int64(clamping: arrival)) {
            return clock.follow(step: shared &- own)
        }
        target = ticks(shared) &- unwrapped
        guard (target &- offset).magnitude > ticks(Self.maximumSlew).magnitude else { return }
        self.offset = target
    }

    /// Whether a report differs because the publisher has set its clock: what the track says fits the arrival better.
    private func isStepOfPublisher(from own: Int64, to shared: Int64, arrival: Int64) -> Bool {
        guard (shared &- own).magnitude > Self.maximumSlew.magnitude else { return false }
        return (own &- arrival).magnitude < (shared &- arrival).magnitude
    }

    /// The time that the track is still led by, in nanoseconds.
    public var pendingSlew: Int64 { nanoseconds(target &- (offset ?? target)) }

    /// Whether the track has no offset yet, or a new beginning of the source has made it meaningless.
    private func isLost(_ timestamp: Int64, arrival: UInt64) -> Bool {
        guard let offset else { return true }
        let late = nanoseconds(timestamp &+ offset) &- Int64(clamping: arrival)
        return late.magnitude > Self.maximumDeviation.magnitude
    }

    /// Leads the offset to the target, by no more than the time since the last step allows.
    private mutating func slew(at timestamp: Int64) {
        guard let offset, timestamp > lastSlew else { return }
        let limit = (timestamp &- lastSlew) / Self.slewDivisor
        guard limit > 0 else { return }
        lastSlew += limit * Self.slewDivisor
        self.offset = offset + min(max(target &- offset, -limit), limit)
    }

    private func ticks(_ nanoseconds: Int64) -> Int64 {
        Int64(clamping: Int128(nanoseconds) * Int128(clockRate) / 1_000_000_000)
    }

    private func nanoseconds(_ ticks: Int64) -> Int64 {
        Int64(clamping: Int128(ticks) * 1_000_000_000 / Int128(clockRate))
    }
}
