import RTP

/// How old the media of one publisher are when they come, as its times of capture tell (the extension
/// abs-capture-time).
///
/// They are by the publisher's clock, which is not ours; its sender reports say what that clock showed when they left.
/// Of either the one counts that came with the least delay within the last seconds, so that jitter does not, and half
/// of the round trip is what the report took. The age is led to what is told so slowly that no receiver sees it.
struct CaptureAge: Sendable {
    /// How long the least delay counts, in nanoseconds.
    static let window: UInt64 = 10_000_000_000
    /// An age that is higher is not believed, in nanoseconds: one of the clocks has just been set.
    static let most: Int64 = 2_000_000_000
    /// The age changes by at most one part in so many of the time.
    static let slewDivisor: UInt64 = 100
    /// The longest step of the time that counts for this, in nanoseconds.
    private static let longestStep: UInt64 = 1_000_000_000

    /// How long the way to the publisher and back is, in nanoseconds, where that is known.
    var roundTrip: UInt64 = 0
    private var captures = LeastDelay()
    private var reports = LeastDelay()
    private var age: Int64 = 0
    private var lastStep: UInt64?

    /// Takes note of a time of capture that came at `arrival` nanoseconds of our clock.
    mutating func note(_ capture: HeaderExtensions.AbsoluteCaptureTime, at arrival: UInt64) {
        let time = capture.time &- UInt64(bitPattern: capture.clockOffset ?? 0)
        captures.add(Self.delay(since: time, arrival), at: arrival)
    }

    /// Takes note of a sender report.
    mutating func note(_ report: SenderReport, at arrival: UInt64) {
        reports.add(Self.delay(since: report.ntpTime, arrival), at: arrival)
    }

    /// The age in nanoseconds at `now`, or `nil` where the publisher has not told enough.
    mutating func value(at now: UInt64) -> Int64? {
        guard let captured = captures.least, let reported = reports.least else { return nil }
        let told = captured &- reported &+ Int64(clamping: roundTrip / 2)
        let step = min(now &- (lastStep ?? now), Self.longestStep)
        lastStep = now
        guard told.magnitude <= Self.most.magnitude else { return age }
        let limit = Int64(step / Self.slewDivisor)
        age += min(max(max(told, 0) - age, -limit), limit)
        return age
    }

    /// Our time minus the publisher's, which counts from somewhere else.
    private static func delay(since ntpTime: UInt64, _ arrival: UInt64) -> Int64 {
        let seconds = Int64(ntpTime >> 32)
        let fraction = Int64(((ntpTime & 0xffff_ffff) &* 1_000_000_000) >> 32)
        return Int64(clamping: arrival) &- (seconds &* 1_000_000_000 &+ fraction)
    }
}

/// The least of what was seen within the last one or two windows.
private struct LeastDelay: Sendable {
    private(set) var least: Int64?
    private var candidate: Int64?
    private var windowStart: UInt64 = 0

    mutating func add(_ delay: Int64, at now: UInt64) {
        if let candidate, now &- windowStart < CaptureAge.window {
            self.candidate = min(candidate, delay)
        } else {
            least = candidate ?? delay
            candidate = delay
            windowStart = now
        }
        least = min(least ?? delay, delay)
    }
}
